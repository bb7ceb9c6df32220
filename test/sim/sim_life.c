/* SPDX-License-Identifier: MIT */
/*
 * sim_life.c - the mutex at the end of its life and of its process: destroyed, its memory reused, forked. I1, I8.
 */
#include <sync/mutex_word.h>
#include "mutex_case.h"

/* One round, in which count threads take part: whether this one was the last to have the lock. */
static bool
was_last_of(int count, bool fair)
{
	bool last;

	fsy_mutex_lock(&lock);
	section();
	last = ++users == count;
	if (fair)
		fsy_mutex_unlock_fair(&lock);
	else
		fsy_mutex_unlock(&lock);
	return last;
}

/* The last user takes the memory away as soon as it has the lock back (I1). */
static void
destroy(int id)
{
	(void)id;
	if (was_last_of(sim_threads(), false))
		sim_kill(&lock, sizeof(lock));
}

static void
destroy_fair(int id)
{
	if (was_last_of(sim_threads(), id > 0))
		sim_kill(&lock, sizeof(lock));
}

/* The memory becomes another lock, and that one is held by its new owner: a late visit for the old lock must not disturb it. */
static void
reuse(int id)
{
	(void)id;
	if (!was_last_of(sim_threads() - 1, false))
		return;
	sim_kill(&lock, sizeof(lock));
	sim_revive(&lock, sizeof(lock));
	memset(&lock, 0, sizeof(lock));
	fsy_mutex_lock(&lock);
	section();
	for (int i = 0; i < 3; i++) {
		sim_point();
		SIM_CHECK(fsy_atomic_u32_load_rlx(&lock.word_) == LW_LOCKED);
	}
	users++;
	fsy_mutex_unlock(&lock);
	sim_kill(&lock, sizeof(lock));
}

/* The memory becomes something that is no lock, and somebody waits there for something else: its bits are its own. */
static bool
never_validate(struct fsyi_scene *scene, void *arg)
{
	(void)scene;
	(void)arg;
	return true;
}

static void
reuse_otherwise(int id)
{
	static const struct fsyi_park_op nap = { never_validate, NULL, NULL, NULL, false };

	(void)id;
	if (!was_last_of(sim_threads(), false))
		return;
	sim_kill(&lock, sizeof(lock));
	fsyi_park(&fsyi_lot, &lock, FSYI_KIND_LOCK + 1, &nap, NULL, sim_now() + 50 + (int64_t)sim_random(1000));
}

/* The same; and T0 is interrupted, for as long as it takes, between the release of its unlock and the visit that that may call for. */
static void
visit_late(int id)
{
	const struct fsyi_lockword word = fsyi_mutex_word(&lock);

	if (id > 0) {
		reuse_otherwise(id);
		return;
	}
	was_last_of(sim_threads(), false);
	for (uint32_t steps = sim_random(100); steps > 0; steps--)
		sim_point();
	fsyi_lockword_wake(&word, FSYI_WAKE_LATER);
}

static void
reuse_or_leave(int id)
{
	if (id < sim_threads() - 1)
		reuse(id);
}

/* T0 forks, with or without the lock, while the others do anything; T3 is a thread of the child. */
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
		fsy_mutex_lock(&lock);
	sim_fork();
	inside = entered = 0;
	if (!holds && (lock.word_.cell_ & LW_LOCKED))
		lock.word_.cell_ = 0;           /* a lock held by a thread that is no more: the child makes it anew */
	if (holds)
		fsy_mutex_unlock(&lock);
	lock_unlock(id);
}

/* SEARCHER and QUEUED bits of vanished threads may outlive the first use; the lock must be free all the same. */
static void
child_at_rest(void)
{
	SIM_CHECK(!(lock.word_.cell_ & LW_LOCKED));
	SIM_CHECK(entered == 2 * rounds);       /* T0 and T3 */
}

const struct sim_case sim_cases[] = {
	BOTH("destroy", 3, setup, destroy, at_rest, SIM_NO_DFS, 0),
	BOTH("destroy-pair", 2, setup_sleepy, destroy, at_rest, 0, 3),
	BOTH("destroy-fair", 3, setup, destroy_fair, at_rest, SIM_NO_DFS, 0),
	BOTH("reuse", 4, setup, reuse_or_leave, at_rest, SIM_NO_DFS, 0),
	BOTH("reuse-otherwise", 3, setup, reuse_otherwise, at_rest, SIM_NO_DFS, 0),
	BOTH("visit-late", 2, setup, visit_late, at_rest, SIM_NO_DFS, 0),
	BOTH("forked", 4, setup, forked, child_at_rest, SIM_NO_DFS | SIM_SLOW, 0),
	{ "mutex/loses-membarrier/tso", 3, setup, lock_unlock, all_served, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
