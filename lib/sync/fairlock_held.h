/* SPDX-License-Identifier: MIT */
/* fairlock_held.h - what the calling thread holds for writing: a list of its own, since a fair lock has no room for an owner. The last place
 * is the likely one. */
#ifndef FSYI_FAIRLOCK_HELD_H
#define FSYI_FAIRLOCK_HELD_H

#include <fastsync/fairlock.h>
#include "../sys/fork.h"

enum { FAIR_ROOM = 16 };

struct fsyi_fair_held {
	uint32_t count, beyond;
	uint32_t lost;                  /* how many it left behind when it ended; they stand where they stood */
	const fsy_fair_rwlock_t *lock[FAIR_ROOM];
	bool watched;                   /* somebody will tell when this thread ends */
};

extern __thread struct fsyi_fair_held fsyi_fair_held __attribute__((tls_model("initial-exec")));

void fsyi_fair_remember_slow(const fsy_fair_rwlock_t *l);
bool fsyi_fair_forget_slow(const fsy_fair_rwlock_t *l);
bool fsyi_fair_is_mine(const fsy_fair_rwlock_t *l);

/* Of an unlock that comes too late, in a destructor of a thread that has been declared dead: true. Of another's lock: does not return. */
bool fsyi_fair_has_lost(const fsy_fair_rwlock_t *l);

static inline void
fair_remember(const fsy_fair_rwlock_t *l)
{
	struct fsyi_fair_held *held = &fsyi_fair_held;

	if (FSY_LIKELY(held->watched && held->count < FAIR_ROOM))
		held->lock[held->count++] = l;
	else
		fsyi_fair_remember_slow(l);
}

/* False: the calling thread does not hold it. */
static inline bool
fair_forget(const fsy_fair_rwlock_t *l)
{
	struct fsyi_fair_held *held = &fsyi_fair_held;

	if (FSY_UNLIKELY(held->count == 0 || held->lock[held->count - 1] != l))
		return fsyi_fair_forget_slow(l);
	held->count--;
	return true;
}

/* Whether the lock that the calling thread wrote under last is this one; true once. */
static inline bool
fair_wrote_last(const fsy_fair_rwlock_t *l)
{
	struct fsyi_fair_held *held = &fsyi_fair_held;

	if (held->count == FAIR_ROOM || held->lost != 0 || held->lock[held->count] != l)
		return false;
	held->lock[held->count] = NULL;
	return true;
}

#endif
