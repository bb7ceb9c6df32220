/* SPDX-License-Identifier: MIT */
/*
 * sim_poison.c - the poison mutex: owners who give the lock back, and owners who die. Edges X1, X3; invariants U1..U4, M1, M2, L8.
 *
 * A death is fsyi_owner_leaves(true): what the last of a thread's destructors calls. The next owner must get the lock, must be
 * told, and must see what the dead one did; so must one that sleeps, and no other is told once the flag is cleared.
 */
#include <fastsync/poison.h>
#define CASE_LOCK fsy_poison_mutex_t
#define CASE_NAME "poison/"
#include "mutex_case.h"
#include <sys/thread.h>

static fsy_poison_mutex_t other;
static int dirty, other_dirty;  /* under the lock: its last owner has died */
static int deaths;

static void
setup_poison(void)
{
	fsyi_lot.shift = FSY_ATTENTION_BITS_ - 2;       /* four buckets: who dies visits them all, step by step */
	setup();
	memset(&other, 0, sizeof(other));
	sim_name(&other, sizeof(other), "other");
	dirty = other_dirty = 0;
	deaths = 0;
}

static void
setup_drowsy(void)
{
	setup_poison();
	rounds = 1;
	tune(100, 150, 0, 100);
}

/* What a lock call returned is true. */
static void
check_told(int error, int *flag, fsy_poison_mutex_t *m)
{
	SIM_CHECK(error == (*flag ? FSY_EPOISONED : 0));
	SIM_CHECK(fsy_poison_mutex_is_poisoned(m) == (*flag != 0));
	if (*flag)
		fsy_poison_mutex_clear_poison(m);
	*flag = 0;
}

static inline void
case_lock(void)
{
	check_told(fsy_poison_mutex_lock(&lock), &dirty, &lock);
}

static inline void
case_unlock(void)
{
	fsy_poison_mutex_unlock(&lock);
}

static void
die(void)
{
	deaths++;
	SIM_CHECK(fsyi_owner_leaves(true));
}

/* At rest nobody has signed either. What a dead owner left unclaimed is claimed here. */
static void
poison_at_rest(void)
{
	if (dirty) {
		check_told(fsy_poison_mutex_trylock(&lock), &dirty, &lock);
		fsy_poison_mutex_unlock(&lock);
	}
	SIM_CHECK(lock.owner_.cell_ == 0 && other.owner_.cell_ == 0 && other.word_.cell_ == 0);
	at_rest();
}

static void
poison_served(void)
{
	poison_at_rest();
	SIM_CHECK(entered == sim_threads() * rounds);
}

static void
die_holding(void)
{
	dirty = 1;
	die();
}

/* T0 dies with the lock. */
static void
one_dies(int id)
{
	for (int i = 0; i < (id == 0 ? 1 : rounds); i++) {
		case_lock();
		section();
		if (id == 0)
			die_holding();
		else
			case_unlock();
	}
}

static void
all_die(int id)
{
	(void)id;
	case_lock();
	section();
	die_holding();
}

static void
all_died(void)
{
	SIM_CHECK(deaths == sim_threads() && dirty);
	rounds = 1;
	poison_served();
}

/* Long after everybody has gone to sleep. */
static void
dies_late(int id)
{
	case_lock();
	section();
	for (uint32_t steps = id == 0 ? sim_random(60) : 0; steps > 0; steps--)
		sim_point();
	if (id == 0)
		die_holding();
	else
		case_unlock();
}

/* Whoever may give up, gives up for good or gets a dead owner's lock as well. */
static void
timed(int id)
{
	for (int i = 0; i < rounds; i++) {
		int64_t deadline = sim_now() + (int64_t)sim_random(4000) - 100;
		int error = id == 1 ? fsy_poison_mutex_lock_until(&lock, deadline) :
			    id == 2 ? fsy_poison_mutex_trylock(&lock) : fsy_poison_mutex_lock(&lock);

		if (error == FSY_ETIMEDOUT || error == FSY_EBUSY) {
			SIM_CHECK(id == (error == FSY_EBUSY ? 2 : 1));
			continue;
		}
		check_told(error, &dirty, &lock);
		section();
		if (sim_random(3) != 0) {
			case_unlock();
			continue;
		}
		die_holding();
		return;
	}
}

/* T0 has been declared dead, and one of its destructors unlocks all the same: at once, or when somebody else has the lock. */
static void
unlocks_when_dead(int id)
{
	if (id != 0) {
		for (int i = 0; i < rounds; i++) {
			int error = fsy_poison_mutex_lock(&lock);

			SIM_CHECK(error == 0 || error == FSY_EPOISONED);
			fsy_poison_mutex_clear_poison(&lock);
			section();
			case_unlock();
		}
		return;
	}
	case_lock();
	section();
	die();
	fsy_poison_mutex_unlock(&lock);
}

/* T0 dies with two locks, for which others sleep. */
static void
dies_with_two(int id)
{
	if (id == 0) {
		case_lock();
		section();
		SIM_CHECK(fsy_poison_mutex_lock(&other) == 0 || other_dirty || deaths == 0);
		other_dirty = 1;
		die_holding();
	} else if (id & 1) {
		case_lock();
		section();
		case_unlock();
	} else {
		check_told(fsy_poison_mutex_lock(&other), &other_dirty, &other);
		fsy_poison_mutex_unlock(&other);
	}
}

static void
both_at_rest(void)
{
	if (other_dirty) {
		check_told(fsy_poison_mutex_trylock(&other), &other_dirty, &other);
		fsy_poison_mutex_unlock(&other);
	}
	poison_at_rest();
}

/* The last user takes the memory away as soon as it has the lock back (I1): what the dead owner still does, it does to its own. */
static void
dies_destroyed(int id)
{
	bool last;

	case_lock();
	section();
	last = ++users == sim_threads();
	if (id == 0 && !last) {
		die_holding();
		return;
	}
	fsy_poison_mutex_unlock(&lock);
	if (last)
		sim_kill(&lock, sizeof(lock));
}

/* No room for T1's record: it sleeps by the clock, and nobody would notice its end. */
static void
no_record(int id)
{
	if (id == 1)
		fsyi_thread_self()->spare = NULL;
	one_dies(id);
}

/* T0 forks while the others, dead in the child, do anything, with the lock or without. T3 is a thread of the child. */
static void
forked(int id)
{
	bool holds = sim_random(2) == 0;

	if (id == 3) {
		users = 1;
		sim_await_fork();
	}
	if (id != 0) {
		lock_unlock(id);
		return;
	}
	while (users == 0)
		sim_yield();
	if (holds)
		case_lock();
	sim_fork();
	inside = entered = 0;
	if (holds)
		case_unlock();
	else
		dirty = (lock.word_.cell_ & LW_LOCKED) != 0;
	if (dirty && lock.owner_.cell_ == 0)
		memset(&lock, dirty = 0, sizeof(lock)); /* it was just being taken or given back: the child makes it anew */
	lock_unlock(id);
}

static void
child_at_rest(void)
{
	SIM_CHECK(!(lock.word_.cell_ & LW_LOCKED) && lock.owner_.cell_ == 0);
	SIM_CHECK(entered == 2 * rounds);       /* T0 and T3 */
}

const struct sim_case sim_cases[] = {
	BOTH("pair", 2, setup_poison, lock_unlock, poison_served, SIM_NO_DFS, 0),
	BOTH("pair-once", 2, setup_drowsy, lock_unlock, poison_served, SIM_DFS_ONLY, 2),
	BOTH("trio-once", 3, setup_drowsy, lock_unlock, poison_served, 0, 2),
	BOTH("quartet", 4, setup_poison, lock_unlock, poison_served, SIM_NO_DFS, 0),
	BOTH("one-dies", 3, setup_poison, one_dies, poison_at_rest, SIM_NO_DFS, 0),
	BOTH("one-dies-pair", 2, setup_drowsy, one_dies, poison_at_rest, 0, 3),
	BOTH("one-dies-trio", 3, setup_drowsy, one_dies, poison_at_rest, SIM_DFS_ONLY, 2),
	BOTH("dies-late", 4, setup_drowsy, dies_late, poison_served, SIM_NO_DFS, 0),
	BOTH("all-die", 4, setup_drowsy, all_die, all_died, SIM_NO_DFS, 0),
	BOTH("timed", 4, setup_poison, timed, poison_at_rest, SIM_NO_DFS, 0),
	BOTH("unlocks-when-dead", 3, setup_poison, unlocks_when_dead, poison_at_rest, SIM_NO_DFS, 0),
	BOTH("dies-with-two", 4, setup_drowsy, dies_with_two, both_at_rest, SIM_NO_DFS, 0),
	BOTH("dies-destroyed", 3, setup_poison, dies_destroyed, at_rest, SIM_NO_DFS, 0),
	BOTH("no-record", 3, setup_poison, no_record, poison_at_rest, SIM_NO_DFS, 0),
	BOTH("forked", 4, setup_poison, forked, child_at_rest, SIM_NO_DFS | SIM_SLOW, 0),
	{ "poison/loses-membarrier/tso", 3, setup_poison, one_dies, poison_at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
