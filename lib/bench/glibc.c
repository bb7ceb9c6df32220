/* SPDX-License-Identifier: MIT */
/* glibc.c - the peers that every Linux program already has: POSIX and C11 locks, the compiler's atomics, malloc. */
#include "bench/harness.h"
#include "bench/object.h"
#include <gnu/libc-version.h>
#include <pthread.h>
#include <threads.h>

static void
init_mutex(pthread_mutex_t *mutex, int type, int robust)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, type);
	pthread_mutexattr_setrobust(&attributes, robust);
	pthread_mutex_init(mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

FSYB_OBJECT(normal, pthread_mutex_t, pthread_mutex_init(&self->lock, NULL), pthread_mutex_destroy(&self->lock))
FSYB_MUTEX_LOOP(run_normal, struct normal, (void)0, pthread_mutex_lock(&self->lock), pthread_mutex_unlock(&self->lock))

/* The other types: one loop, in which the library looks at the type, as it does in every program. */
#define TYPED(NAME, TYPE, ROBUST)                                                                                      \
	static void *create_##NAME(unsigned threads)                                                                   \
	{                                                                                                              \
		struct normal *self = create_normal(threads);                                                          \
                                                                                                                       \
		if (self)                                                                                              \
			init_mutex(&self->lock, TYPE, ROBUST);                                                         \
		return self;                                                                                           \
	}
TYPED(adaptive, PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_STALLED)
TYPED(errorcheck, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED)
TYPED(recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED)
TYPED(robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST)

FSYB_OBJECT(c11, mtx_t, mtx_init(&self->lock, mtx_plain), mtx_destroy(&self->lock))
FSYB_MUTEX_LOOP(run_c11, struct c11, (void)0, mtx_lock(&self->lock), mtx_unlock(&self->lock))

struct rwlock {
	pthread_rwlock_t lock;
	uint64_t words[2];
	uint32_t torn;
};

static struct rwlock *
new_rwlock(int kind)
{
	struct rwlock *self = fsyb_object_new(sizeof *self);
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, kind);
	if (self)
		pthread_rwlock_init(&self->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return self;
}

static void *
create_readers_first(unsigned threads)
{
	(void)threads;
	return new_rwlock(PTHREAD_RWLOCK_PREFER_READER_NP); /* the default */
}

static void *
create_writers_first(unsigned threads)
{
	(void)threads;
	return new_rwlock(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
}

static void
destroy_rwlock(void *object)
{
	pthread_rwlock_destroy(&((struct rwlock *)object)->lock);
	free(object);
}

static uint64_t
datum_rwlock(void *object)
{
	struct rwlock *self = object;

	return self->torn ? UINT64_MAX : self->words[1];
}

FSYB_RW_LOOP(run_rwlock, struct rwlock, (void)0, pthread_rwlock_rdlock(&self->lock), pthread_rwlock_unlock(&self->lock),
             pthread_rwlock_wrlock(&self->lock), pthread_rwlock_unlock(&self->lock))

FSYB_ARRAY_OBJECT(normals, pthread_mutex_t, pthread_mutex_init(lock, NULL), pthread_mutex_lock(lock),
                  pthread_mutex_unlock(lock))

/* The same counter in all three: 0 at first. */
FSYB_OBJECT(counter, int64_t, (void)0, (void)0)

static uint64_t
value_counter(void *object)
{
	return (uint64_t)((struct counter *)object)->lock;
}

static inline __attribute__((always_inline)) void
cas_max(int64_t *cell, int64_t value)
{
	int64_t old = __atomic_load_n(cell, __ATOMIC_ACQUIRE);

	while (old < value && !__atomic_compare_exchange_n(cell, &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		;
}

FSYB_ATOMIC_LOOP(run_add, struct counter, __atomic_fetch_add(&self->lock, 1, __ATOMIC_SEQ_CST))
FSYB_ATOMIC_LOOP(run_max, struct counter, cas_max(&self->lock, (int64_t)ops))

FSYB_OBJECT(heap, char, (void)0, (void)0)
FSYB_POOL_LOOP(run_heap, struct heap, malloc(FSYB_POOL_BYTES), free(item))

FSYB_OBJECT(once, pthread_once_t, (void)0, (void)0)
static uint64_t once_calls;

static void
once_callback(void)
{
	once_calls = 1;
}

static uint64_t
datum_calls(void *object)
{
	(void)object;
	return once_calls;
}

FSYB_ONCE_LOOP(run_once, struct once, pthread_once(&self->lock, once_callback))

#define PEER(kind_, name_, type_, parks_, object_, run_, datum_) \
	{ .kind = kind_, .name = name_, .bytes = sizeof(type_), .parks = parks_, .create = create_##object_, \
	  .destroy = destroy_##object_, .run = run_, .datum = datum_, .foreign = 1 }

#define MUTEX(name_, object_) \
	{ .kind = FSYB_MUTEX, .name = name_, .bytes = sizeof(pthread_mutex_t), .parks = 1, .create = create_##object_, \
	  .destroy = destroy_normal, .run = run_normal, .datum = datum_normal, .foreign = FSYB_PEER }

#define RWLOCK(name_, object_) \
	{ .kind = FSYB_RW, .name = name_, .bytes = sizeof(pthread_rwlock_t), .parks = 1, .create = create_##object_, \
	  .destroy = destroy_rwlock, .run = run_rwlock, .datum = datum_rwlock, .foreign = FSYB_PEER }

const struct fsyb_impl *
fsyb_glibc(void)
{
	static struct fsyb_impl peers[] = {
		PEER(FSYB_MUTEX, "glibc normal", pthread_mutex_t, 1, normal, run_normal, datum_normal),
		MUTEX("glibc adaptive", adaptive),
		PEER(FSYB_MUTEX, "C11 mtx", mtx_t, 1, c11, run_c11, datum_c11),
		MUTEX("glibc errorcheck", errorcheck),
		MUTEX("glibc recursive", recursive),
		MUTEX("glibc robust", robust),
		RWLOCK("glibc rwlock", readers_first),
		RWLOCK("glibc rwlock writers first", writers_first),
		PEER(FSYB_ATOMIC, "C atomic", int64_t, 0, counter, run_add, value_counter),
		PEER(FSYB_FETCH_MAX, "C atomic", int64_t, 0, counter, run_max, NULL),
		PEER(FSYB_ONCE, "glibc once", pthread_once_t, 1, once, run_once, datum_calls),
		{ .kind = FSYB_POOL, .create = create_heap, .destroy = destroy_heap, .run = run_heap,
		  .foreign = 1 },
		{ .kind = FSYB_ARRAY, .name = "glibc normal", .bytes = sizeof(pthread_mutex_t), .parks = 1,
		  .create = create_normals, .destroy = free, .run = run_normals, .foreign = 1 },
		{ .kind = NULL },
	};

	for (struct fsyb_impl *peer = peers; peer->kind; peer++) {
		peer->version = gnu_get_libc_version();
		if (!peer->name || strcmp(peer->kind, FSYB_POOL) == 0)
			fsyb_allocator(&peer->name, &peer->version);
	}
	return peers;
}
