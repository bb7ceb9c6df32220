/* SPDX-License-Identifier: MIT */
/* fairlocks.h - what tests of the fair rwlock share: its modes, what it looks like at rest. Main thread only where cmocka's asserts are used. */
#ifndef TEST_FAIRLOCKS_H
#define TEST_FAIRLOCKS_H

#include "readers.h"

#include <fastsync/fairlock.h>

/* A free lock in this mode, or in the nearest one that this machine and these settings have; which one it is. */
enum readers_mode fair_begin(fsy_fair_rwlock_t *l, enum readers_mode mode);

/* Where a writer sleeps that waits for readers; all others sleep on the lock itself. */
const void *fair_drain_key(const fsy_fair_rwlock_t *l);

/* Nobody holds it or waits, it is not poisoned, and the lot is idle. */
bool fair_at_rest(const fsy_fair_rwlock_t *l);
void assert_fair_at_rest(const fsy_fair_rwlock_t *l);

/* What another thread's trylock (tryrlock) of l says; it gives back what it gets. */
int fair_from_elsewhere(fsy_fair_rwlock_t *l, bool write);

/* How long a thread lets others pass before it claims its turn; returns the old value. */
int64_t fair_set_tenure(int64_t ns);

/* A reader sleeps there, and has a claim. */
bool fair_sleeper_is_due(const fsy_fair_rwlock_t *l);

#endif
