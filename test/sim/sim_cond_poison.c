/* SPDX-License-Identifier: MIT */
/*
 * sim_cond_poison.c - the condition variable on the poison mutex: those who tell and go on, and those who tell and die. L8 and L9 of
 * lib/sync/lockword_{queue,admit}.c; U2, U3 of lib/sync/owner.c.
 */
#include <fastsync/poison.h>
#define CASE_LOCK fsy_poison_mutex_t
#define CASE_NAME "cond-poison/"
#include "mutex_case.h"
#include <fastsync/cond.h>
#include <sys/thread.h>

static fsy_cond_t cond;
static int waiting, flag, dirty, poisoned;

static void
setup_cond(void)
{
	fsyi_lot.shift = FSY_ATTENTION_BITS_ - 2;       /* four buckets: who dies visits them all, step by step */
	setup();
	memset(&cond, 0, sizeof(cond));
	sim_name(&cond, sizeof(cond), "cond");
	fsyi_tune.linger_ns = sim_random(2) == 0 ? 0 : 200;
	fsyi_tune.fence_max_ns = sim_random(2) == 0 ? -1 : 1000000;
	waiting = flag = dirty = poisoned = 0;
}

/* The lock is ours, and what it said of its last owner is true. */
static void
check_told(int error)
{
	SIM_CHECK(error == (dirty ? FSY_EPOISONED : 0));
	if (dirty)
		fsy_poison_mutex_clear_poison(&lock);
	poisoned += dirty;
	dirty = 0;
}

static inline void
case_lock(void)
{
	check_told(fsy_poison_mutex_lock(&lock));
}

static inline void
case_unlock(void)
{
	fsy_poison_mutex_unlock(&lock);
}

static void
cond_at_rest(void)
{
	if (dirty) {
		case_lock();
		case_unlock();
	}
	SIM_CHECK(lock.owner_.cell_ == 0 && cond.word_.cell_ == 0);
	at_rest();
}

static void
await_waiters(int count)
{
	for (case_lock(); waiting < count; case_lock()) {
		case_unlock();
		sim_yield();
	}
}

/* All but the last wait for the flag; the last one sets it, and has the lock: whether this is that one. */
static bool
sets_flag(int id)
{
	case_lock();
	if (id == sim_threads() - 1) {
		flag = 1;
		return true;
	}
	while (!flag)
		check_told(fsy_cond_wait_poison(&cond, &lock));
	section();
	case_unlock();
	return false;
}

/* By the time the lock is free the last one may have told, or tells from without. */
static void
flag_is_up(int id)
{
	bool after = sim_random(2) == 0;

	if (!sets_flag(id))
		return;
	if (!after)
		fsy_cond_broadcast(&cond);
	case_unlock();
	if (after)
		fsy_cond_broadcast(&cond);
}

/* The teller dies with the lock. Whoever it told, or somebody who came for the lock, inherits it; T1 only wants the lock. */
static void
tell_and_die(int id)
{
	if (id == 1) {
		case_lock();
		section();
		case_unlock();
		return;
	}
	if (id == sim_threads() - 1) {
		await_waiters(sim_threads() - 2);
		if (sim_random(2) == 0) {
			fsy_cond_broadcast(&cond);
		} else {
			for (int i = 0; i < sim_threads() - 2; i++)
				fsy_cond_signal(&cond);
		}
		dirty = 1;
		SIM_CHECK(fsyi_owner_leaves(true));
		return;
	}
	case_lock();
	waiting++;
	check_told(fsy_cond_wait_poison(&cond, &lock));
	section();
	case_unlock();
}

/* For the exhaustive search, which draws no numbers: the last one tells, and dies with the lock, or gives it back. */
static void
told_and_left(int id, bool dies)
{
	if (!sets_flag(id))
		return;
	fsy_cond_broadcast(&cond);
	dirty = dies;
	if (dies)
		SIM_CHECK(fsyi_owner_leaves(true));
	else
		case_unlock();
}

static void told(int id) { told_and_left(id, false); }
static void told_by_the_dying(int id) { told_and_left(id, true); }

/* T0 signals from without, while T2 holds the lock, and dies. */
static void
tell_the_dying(int id)
{
	switch (id) {
	case 0:
		await_waiters(1);
		case_unlock();
		fsy_cond_signal(&cond);
		break;
	case 1:
		case_lock();
		waiting++;
		check_told(fsy_cond_wait_poison(&cond, &lock));
		case_unlock();
		break;
	default:
		case_lock();
		section();
		dirty = 1;
		SIM_CHECK(fsyi_owner_leaves(true));
	}
}

/* The deadline passes about when the signal comes, or the teller dies. */
static void
timed(int id)
{
	int error;

	if (id == sim_threads() - 1) {
		await_waiters(1);
		flag = 1;
		fsy_cond_signal(&cond);
		dirty = sim_random(2) == 0;
		if (dirty)
			SIM_CHECK(fsyi_owner_leaves(true));
		else
			case_unlock();
		return;
	}
	case_lock();
	waiting++;
	error = fsy_cond_wait_poison_until(&cond, &lock, sim_now() + (int64_t)sim_random(4000));
	if (error == FSY_ETIMEDOUT)
		SIM_CHECK(!dirty);
	else
		check_told(error);
	case_unlock();
}

/* Everybody sleeps soon, and the two locks' ways are fixed. */
static void
setup_once(void)
{
	setup_cond();
	tune(100, 150, 0, 100);
}

#define ONCE(name, threads, body, bound)                                                                               \
	{ CASE_NAME name "/tso", threads, setup_once, body, cond_at_rest, SIM_TSO | SIM_DFS_ONLY, bound },               \
	{ CASE_NAME name "/no-membarrier", threads, setup_once, body, cond_at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_DFS_ONLY, bound }
#define COND(name, threads, body, flags)                                                                               \
	{ CASE_NAME name "/tso", threads, setup_cond, body, cond_at_rest, SIM_TSO | SIM_NO_DFS | (flags), 0 },           \
	{ CASE_NAME name "/no-membarrier", threads, setup_cond, body, cond_at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_NO_DFS | (flags), 0 }

const struct sim_case sim_cases[] = {
	COND("pair", 2, flag_is_up, 0),
	ONCE("told-pair", 2, told, 2),
	ONCE("told-trio", 3, told, 1),
	ONCE("told-by-the-dying-pair", 2, told_by_the_dying, 2),
	ONCE("told-by-the-dying-trio", 3, told_by_the_dying, 1),
	COND("crowd", 4, flag_is_up, 0),
	COND("tell-and-die", 4, tell_and_die, 0),
	COND("tell-the-dying", 3, tell_the_dying, 0),
	COND("timed", 3, timed, 0),
	{ CASE_NAME "crowd/loses-membarrier", 4, setup_cond, flag_is_up, cond_at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
