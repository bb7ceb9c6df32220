/* SPDX-License-Identifier: MIT */
/*
 * mutex_case.h - what the scenarios of the mutexes share: the lock, a critical section, and what must hold at rest. CASE_LOCK and
 * CASE_NAME say which mutex, if not fsy_mutex_t, and the scenario has a case_lock and case_unlock of its own.
 */
#ifndef MUTEX_CASE_H
#define MUTEX_CASE_H

#include "lot_rest.h"
#include "tune.h"
#include <fastsync/error.h>
#include <fastsync/mutex.h>
#include <string.h>
#include <sync/lockword_wait.h>
#include <sys/clock.h>

#ifndef CASE_LOCK
#define CASE_LOCK fsy_mutex_t
#define CASE_NAME "mutex/"
#define CASE_PLAIN
#endif

static CASE_LOCK lock;
static inline void case_lock(void);
static inline void case_unlock(void);
static int inside, entered, users, rounds;

/* As after many a search in vain: hopeless. Searchers do not look at all, and the queue stays armed. */
static inline void
never_worth_looking(void)
{
	struct fsyi_lockword word = { .word = (fsy_atomic_u32 *)(void *)&lock };

	for (int i = 0; i < 64; i++) {
		fsyi_lockword_note_release(&word);      /* another holder */
		fsyi_lockword_note_search(&word, INT64_MAX, false);
	}
}

static inline bool
is_hopeless(void)
{
	struct fsyi_lockword word = { .word = (fsy_atomic_u32 *)(void *)&lock };

	return fsyi_lockword_is_hopeless(&word);
}

/* As after many a wake-up that found the lock taken again: whoever is woken for a hopeless lock dozes. */
static inline void
always_late(void)
{
	struct fsyi_lockword word = { .word = (fsy_atomic_u32 *)(void *)&lock };

	for (int i = 0; i < 64; i++)
		fsyi_lockword_wakes_late(&word, true);
}

/* A turn that is dozed through while others come and go takes too many steps if it is longer. */
enum { MOST_DOZED_NS = 10000 };

static inline void
setup(void)
{
	bool hopeless = sim_random(3) == 0;

	memset(&lock, 0, sizeof(lock));
	inside = entered = users = 0;
	rounds = 2;
	sim_name(&lock, sizeof(lock), "lock");
	if (fsy_attention_ != NULL)
		sim_name(fsy_attention_ + fsy_attention_slot_(&lock), 1, "attention");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &lock)->lock, 4, "bucket");
	if (hopeless)
		never_worth_looking();
	if (hopeless && sim_random(2) == 0)
		always_late();
	switch (sim_random(4)) {
	case 0: tune(100, 200, 0, 200); break;
	case 1: tune(300, 900, 100, 2000); break;
	case 2: tune(1000, 400, 300, 1000); break;
	case 3: tune(0, 100, 0, hopeless ? MOST_DOZED_NS : 1000000); break;
	}
}

static inline void
setup_sleepy(void)
{
	setup();
	rounds = 1;
	tune(100, 150, 0, 100);
}

static inline void
section(void)
{
	SIM_CHECK(inside++ == 0);
	entered++;
	sim_point();
	SIM_CHECK(--inside == 0);
}

/* At rest: no bit, no queue, no attention, nobody in a list (I6, L5). */
static inline void
at_rest(void)
{
	SIM_CHECK(lock.word_.cell_ == 0);
	lot_at_rest();
}

static inline void
all_served(void)
{
	at_rest();
	SIM_CHECK(entered == sim_threads() * rounds);
}

static inline void
lock_unlock(int id)
{
	(void)id;
	for (int i = 0; i < rounds; i++) {
		case_lock();
		section();
		case_unlock();
	}
}

#ifdef CASE_PLAIN
static inline void case_lock(void) { fsy_mutex_lock(&lock); }
static inline void case_unlock(void) { fsy_mutex_unlock(&lock); }
#endif

#define BOTH(name, threads, prepare, body, check, flags, bound)                                         \
	{ CASE_NAME name "/tso", threads, prepare, body, check, SIM_TSO | (flags), bound },               \
	{ CASE_NAME name "/no-membarrier", threads, prepare, body, check, SIM_TSO | SIM_NO_MEMBARRIER | (flags), bound }

#endif
