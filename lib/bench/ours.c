/* SPDX-License-Identifier: MIT */
/*
 * ours.c - libfastsync as its users get it: the headers' inline functions, and the exported twins, called through a
 * pointer that the dynamic linker filled in, as a foreign language calls them.
 */
#include "bench/harness.h"
#include "bench/object.h"
#include <dlfcn.h>
#include <fastsync.h>
#include <fastsync/atomic.h>
#include <fastsync/mutex.h>
#include <fastsync/poison.h>
#include <fastsync/stats.h>
#include <pthread.h>

FSYB_OBJECT(mutex, fsy_mutex_t, (void)0, fsy_mutex_destroy(&self->lock))
FSYB_MUTEX_LOOP(run_mutex, struct mutex, (void)0, fsy_mutex_lock(&self->lock), fsy_mutex_unlock(&self->lock))

static void (*twin_lock)(fsy_mutex_t *), (*twin_unlock)(fsy_mutex_t *);
FSYB_MUTEX_LOOP(run_twin, struct mutex, (void)0, twin_lock(&self->lock), twin_unlock(&self->lock))

/* Whoever does not expect a poisoned lock stops there, as Rust's unwrap does. A guard that is committed is what Rust's guard is. */
FSYB_OBJECT(poison, fsy_poison_mutex_t, (void)0, (void)0)
FSYB_MUTEX_LOOP(run_poison, struct poison, (void)0, if (FSY_UNLIKELY(fsy_poison_mutex_lock(&self->lock) != 0)) abort(),
                fsy_poison_mutex_unlock(&self->lock))
FSYB_MUTEX_LOOP(run_guard, struct poison, (void)0, FSY_POISON_GUARD(guard, &self->lock); if (FSY_UNLIKELY(guard.error != 0)) abort(),
                fsy_poison_guard_commit(&guard))

FSYB_ARRAY_OBJECT(mutexes, fsy_mutex_t, memset(lock, 0, sizeof *lock), fsy_mutex_lock(lock), fsy_mutex_unlock(lock))

/*
 * The same lock while 1,000 others each have a sleeper: a release may look at memory that many locks share, and this
 * shows what it costs when that memory is in use.
 */
#define SLEEPERS 1000
struct crowd {
	struct mutex object; /* first: the loop is the mutex's */
	fsy_mutex_t locks[SLEEPERS];
	pthread_t threads[SLEEPERS];
	unsigned started;
};

static void *
sleeper_main(void *lock)
{
	fsy_mutex_lock(lock);
	fsy_mutex_unlock(lock);
	return NULL;
}

static void
destroy_crowd(void *object)
{
	struct crowd *crowd = object;

	for (unsigned i = 0; i < SLEEPERS; i++)
		fsy_mutex_unlock(&crowd->locks[i]);
	for (unsigned i = 0; i < crowd->started; i++)
		pthread_join(crowd->threads[i], NULL);
	free(crowd);
}

static void *
create_crowd(unsigned threads)
{
	struct crowd *crowd = fsyb_object_new(sizeof *crowd);
	int64_t deadline = fsy_after_ms(10000);
	fsy_stats_t before = { 0 }, now = { 0 };
	pthread_attr_t attributes;
	int error = 0;

	(void)threads;
	if (!crowd)
		return NULL;
	fsy_stats_get(NULL, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	for (unsigned i = 0; i < SLEEPERS; i++) {
		fsy_mutex_lock(&crowd->locks[i]);
		error = error ? error : pthread_create(&crowd->threads[i], &attributes, sleeper_main, &crowd->locks[i]);
		crowd->started += !error;
	}
	pthread_attr_destroy(&attributes);
	while (!error && now.parks - before.parks < SLEEPERS && fsy_now() < deadline) {
		fsyb_sleep(1000000);
		fsy_stats_get(NULL, &now);
	}
	if (error || now.parks - before.parks < SLEEPERS) {
		destroy_crowd(crowd);
		return NULL;
	}
	return crowd;
}

FSYB_OBJECT(counter, fsy_atomic_i64, (void)0, (void)0)

static uint64_t
value_counter(void *object)
{
	return (uint64_t)fsy_atomic_i64_load(&((struct counter *)object)->lock);
}

FSYB_ATOMIC_LOOP(run_add, struct counter, fsy_atomic_i64_add(&self->lock, 1))
FSYB_ATOMIC_LOOP(run_max, struct counter, fsy_atomic_i64_fetch_max(&self->lock, (int64_t)ops))
FSYB_ATOMIC_LOOP(run_min, struct counter, fsy_atomic_i64_fetch_min(&self->lock, -(int64_t)ops))

/* A pointer to one of our own exported functions; NULL in a static link, which has no dynamic symbols. */
static void
find_twin(void *function, const char *name)
{
	Dl_info self;
	void *library = dladdr((void *)(uintptr_t)&find_twin, &self) ? dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD) : NULL;
	void *symbol = library ? dlsym(library, name) : NULL;

	memcpy(function, &symbol, sizeof symbol);
	if (library)
		dlclose(library);
}

#define OURS(kind_, name_, type_, parks_, object_, run_, datum_) \
	{ .kind = kind_, .name = name_, .version = FASTSYNC_VERSION, .bytes = sizeof(type_), .parks = parks_, \
	  .create = create_##object_, .destroy = destroy_##object_, .run = run_, .datum = datum_ }

const struct fsyb_impl *
fsyb_ours(void)
{
	static struct fsyb_impl ours[] = {
		OURS(FSYB_MUTEX, "libfastsync", fsy_mutex_t, 1, mutex, run_mutex, datum_mutex),
		OURS(FSYB_MUTEX, "libfastsync poison", fsy_poison_mutex_t, 1, poison, run_poison, datum_poison),
		OURS(FSYB_MUTEX, "libfastsync poison guard", fsy_poison_mutex_t, 1, poison, run_guard, datum_poison),
		OURS(FSYB_ATOMIC, "libfastsync", fsy_atomic_i64, 0, counter, run_add, value_counter),
		OURS(FSYB_FETCH_MAX, "libfastsync", fsy_atomic_i64, 0, counter, run_max, NULL),
		OURS(FSYB_FETCH_MIN, "libfastsync", fsy_atomic_i64, 0, counter, run_min, NULL),
		{ .kind = FSYB_ARRAY, .name = "libfastsync", .version = FASTSYNC_VERSION, .bytes = sizeof(fsy_mutex_t),
		  .parks = 1, .create = create_mutexes, .destroy = free, .run = run_mutexes },
		OURS(FSYB_SLEEPERS, "libfastsync, 1,000 sleepers", fsy_mutex_t, 1, crowd, run_mutex, datum_mutex),
		OURS(FSYB_MUTEX, "libfastsync .so", fsy_mutex_t, 1, mutex, run_twin, datum_mutex),
		{ .kind = NULL },
	};

	find_twin(&twin_lock, "fsy_mutex_lock");
	find_twin(&twin_unlock, "fsy_mutex_unlock");
	if (!twin_lock || !twin_unlock)
		ours[sizeof ours / sizeof *ours - 2].kind = NULL;
	return ours;
}
