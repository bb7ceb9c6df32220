/* SPDX-License-Identifier: MIT */
/* ours_rw.c - libfastsync's reader-writer locks as their users get them: the headers' inline functions. */
#include "bench/harness.h"
#include "bench/object.h"
#include <fastsync.h>
#include <fastsync/fairlock.h>
#include <fastsync/rwmutex.h>

/* All zero is a valid lock. */
#define WORDS(NAME, TYPE)                                                                                              \
	struct NAME {                                                                                                  \
		TYPE lock;                                                                                             \
		uint64_t words[2], torn;                                                                               \
	};                                                                                                             \
	static void *create_##NAME(unsigned threads)                                                                   \
	{                                                                                                              \
		(void)threads;                                                                                         \
		return fsyb_object_new(sizeof(struct NAME));                                                           \
	}                                                                                                              \
	static uint64_t datum_##NAME(void *object)                                                                     \
	{                                                                                                              \
		struct NAME *self = object;                                                                            \
                                                                                                                       \
		return self->torn ? UINT64_MAX : self->words[1];                                                       \
	}

WORDS(rwmutex, fsy_rwmutex_t)
FSYB_RW_LOOP(run_rwmutex, struct rwmutex, (void)0, fsy_rwmutex_rlock(&self->lock), fsy_rwmutex_runlock(&self->lock), fsy_rwmutex_lock(&self->lock),
             fsy_rwmutex_unlock(&self->lock))

/* Whoever does not expect a poisoned lock stops there, as Rust's unwrap does. */
#define SOUND(call) if (FSY_UNLIKELY((call) != 0)) abort()
WORDS(fair, fsy_fair_rwlock_t)
FSYB_RW_LOOP(run_fair, struct fair, (void)0, SOUND(fsy_fair_rwlock_rlock(&self->lock)), fsy_fair_rwlock_runlock(&self->lock),
             SOUND(fsy_fair_rwlock_lock(&self->lock)), fsy_fair_rwlock_unlock(&self->lock))

#define OURS(name_, type_, object_) \
	{ .kind = FSYB_RW, .name = name_, .version = FASTSYNC_VERSION, .bytes = sizeof(type_), .parks = 1, .create = create_##object_, \
	  .destroy = free, .run = run_##object_, .datum = datum_##object_, .foreign = FSYB_OURS }

const struct fsyb_impl *
fsyb_ours_rw(void)
{
	static const struct fsyb_impl ours[] = {
		OURS("libfastsync", fsy_rwmutex_t, rwmutex),
		OURS("libfastsync fair", fsy_fair_rwlock_t, fair),
		{ .kind = NULL },
	};

	return ours;
}
