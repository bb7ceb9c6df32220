/* SPDX-License-Identifier: MIT */
/* holds.c - the hold loops of our reader-writer locks and of glibc's three kinds: what they lock is held for so long that its cost does not
 * show. */
#define FSYB_NO_STAMPS
#include "bench/harness.h"
#include "bench/object.h"
#include <fastsync.h>
#include <fastsync/fairlock.h>
#include <fastsync/rwmutex.h>
#include <gnu/libc-version.h>
#include <pthread.h>

struct object {
	union {
		fsy_rwmutex_t rwmutex;
		fsy_fair_rwlock_t fair;
		pthread_rwlock_t glibc;
	} lock;
	uint64_t words[2];
	uint32_t torn;
};

static void *
create(unsigned threads)
{
	(void)threads;
	return fsyb_object_new(sizeof(struct object)); /* all zero is a valid lock of ours */
}

static void *
create_glibc(int kind)
{
	struct object *self = create(0);
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, kind);
	if (self)
		pthread_rwlock_init(&self->lock.glibc, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return self;
}

#define KIND(NAME, KIND)                                                                                               \
	static void *create_##NAME(unsigned threads)                                                                   \
	{                                                                                                              \
		(void)threads;                                                                                         \
		return create_glibc(KIND);                                                                             \
	}
KIND(prefer_reader, PTHREAD_RWLOCK_PREFER_READER_NP)
KIND(prefer_writer, PTHREAD_RWLOCK_PREFER_WRITER_NP)
KIND(nonrecursive, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)

static void
destroy_glibc(void *object)
{
	pthread_rwlock_destroy(&((struct object *)object)->lock.glibc);
	free(object);
}

static uint64_t
datum(void *object)
{
	const struct object *self = object;

	return self->torn ? UINT64_MAX : self->words[1];
}

#define SOUND(call) if ((call) != 0) abort()
FSYB_HOLD_LOOP(run_rwmutex, struct object, fsy_rwmutex_rlock(&self->lock.rwmutex), fsy_rwmutex_runlock(&self->lock.rwmutex),
               fsy_rwmutex_lock(&self->lock.rwmutex), fsy_rwmutex_unlock(&self->lock.rwmutex))
FSYB_HOLD_LOOP(run_fair, struct object, SOUND(fsy_fair_rwlock_rlock(&self->lock.fair)), fsy_fair_rwlock_runlock(&self->lock.fair),
               SOUND(fsy_fair_rwlock_lock(&self->lock.fair)), fsy_fair_rwlock_unlock(&self->lock.fair))
FSYB_HOLD_LOOP(run_glibc, struct object, SOUND(pthread_rwlock_rdlock(&self->lock.glibc)), pthread_rwlock_unlock(&self->lock.glibc),
               SOUND(pthread_rwlock_wrlock(&self->lock.glibc)), pthread_rwlock_unlock(&self->lock.glibc))

#define HOLD(name_, type_, create_, destroy_, run_, foreign_) \
	{ .kind = FSYB_HOLD, .name = name_, .version = FASTSYNC_VERSION, .bytes = sizeof(type_), .parks = 1, .create = create_, \
	  .destroy = destroy_, .run = run_, .datum = datum, .foreign = foreign_ }

const struct fsyb_impl *
fsyb_holds(void)
{
	static struct fsyb_impl holds[] = {
		HOLD("libfastsync", fsy_rwmutex_t, create, free, run_rwmutex, FSYB_OURS),
		HOLD("libfastsync fair", fsy_fair_rwlock_t, create, free, run_fair, FSYB_OURS),
		HOLD("glibc rwlock", pthread_rwlock_t, create_prefer_reader, destroy_glibc, run_glibc, FSYB_PEER),
		HOLD("glibc rwlock prefer writer", pthread_rwlock_t, create_prefer_writer, destroy_glibc, run_glibc, FSYB_PEER),
		HOLD("glibc rwlock writers first", pthread_rwlock_t, create_nonrecursive, destroy_glibc, run_glibc, FSYB_PEER),
		{ .kind = NULL },
	};

	for (struct fsyb_impl *impl = holds; impl->kind; impl++)
		if (impl->foreign == FSYB_PEER)
			impl->version = gnu_get_libc_version();
	return holds;
}
