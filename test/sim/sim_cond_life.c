/* SPDX-License-Identifier: MIT */
/*
 * sim_cond_life.c - the condition variable where waits end without a signal, objects go away as soon as they may, and processes fork:
 * I1, I7, I8; C4 of lib/sync/cond.c, P5 of lib/park/park.c.
 */
#include "cond_case.h"

/* T0's deadline passes about when the signal comes: it takes it and passes it on, or it is T1's. It is not lost (I7). */
static void
timed_out_or_told(int id)
{
	int64_t deadline = sim_now() + (int64_t)sim_random(4000);
	int error;

	if (id == 2) {
		await_waiters(2);
		flag = 1;
		tell_and_unlock(c, false);
		return;
	}
	fsy_mutex_lock(&lock);
	waiting++;
	if (id == 1) {
		fsy_cond_wait(c, &lock);
		SIM_CHECK(flag);
		fsy_mutex_unlock(&lock);
		return;
	}
	error = fsy_cond_wait_until(c, &lock, deadline);
	SIM_CHECK(error == 0 ? flag : error == FSY_ETIMEDOUT && sim_now() >= deadline);
	if (error == 0)
		tell_and_unlock(c, false);
	else
		fsy_mutex_unlock(&lock);
}

/* Everybody has a deadline, and perhaps nobody is signalled. */
static void
all_timed(int id)
{
	fsy_mutex_lock(&lock);
	if (id == 2) {
		if (sim_random(2) == 0)
			tell_and_unlock(c, true);
		else
			fsy_mutex_unlock(&lock);
		return;
	}
	if (fsy_cond_wait_until(c, &lock, sim_now() + (int64_t)sim_random(2000)) == 0)
		woken++;
	section();
	fsy_mutex_unlock(&lock);
}

/* Whoever is told goes, T0 also when its deadline passes; the last to go takes both objects away (I1). */
static void
destroy(int id)
{
	bool last;

	if (id == sim_threads() - 1) {
		await_waiters(sim_threads() - 1);
		last = ++users == sim_threads();
		tell_and_unlock(c, true);
	} else {
		fsy_mutex_lock(&lock);
		waiting++;
		if (fsy_cond_wait_until(c, &lock, id == 0 ? sim_now() + (int64_t)sim_random(4000) : FSY_FOREVER) != 0)
			SIM_CHECK(id == 0);
		last = ++users == sim_threads();
		fsy_mutex_unlock(&lock);
	}
	if (!last)
		return;
	sim_kill(c, sizeof(*c));
	sim_kill(&lock, sizeof(lock));
}

/* POSIX's own example: the broadcaster takes the condition variable away when it is back, whether the waiters are or not. */
static void
destroy_by_teller(int id)
{
	fsy_mutex_lock(&lock);
	if (id < sim_threads() - 1) {
		waiting++;
		fsy_cond_wait(c, &lock);
		fsy_mutex_unlock(&lock);
		return;
	}
	fsy_mutex_unlock(&lock);
	await_waiters(sim_threads() - 1);
	tell_and_unlock(c, true);
	sim_kill(c, sizeof(*c));
}

/* T0 forks while T1 waits and T2 signals, perhaps in the middle of it. T0 and T3, in the child, have a condition variable all the same. */
static void
forked(int id)
{
	bool holds = sim_random(2) == 0;

	if (id == 3) {
		users = 1;
		sim_await_fork();
	}
	if (id == 1 || id == 2) {
		fsy_mutex_lock(&lock);
		if (id == 2)
			flag = 2;
		for (int i = 0; id == 1 && i < 2 && flag == 0; i++)
			if (fsy_cond_wait_until(c, &lock, sim_now() + 3000) != 0)
				break;
		tell_and_unlock(c, true);
		return;
	}
	if (id == 0) {
		while (users == 0)
			sim_yield();
		if (holds)
			fsy_mutex_lock(&lock);
		sim_fork();
		inside = 0;
		flag = 0;
		if (!holds && (lock.word_.cell_ & LW_LOCKED))
			lock.word_.cell_ = 0;
		if (!holds)
			fsy_mutex_lock(&lock);
		flag = 1;
		tell_and_unlock(c, sim_random(2) == 0);
		return;
	}
	fsy_mutex_lock(&lock);
	while (flag != 1)
		fsy_cond_wait(c, &lock);
	section();
	fsy_mutex_unlock(&lock);
}

static void
child_at_rest(void)
{
	SIM_CHECK(!(lock.word_.cell_ & LW_LOCKED));
	SIM_CHECK(entered == 1);
}

const struct sim_case sim_cases[] = {
	COND("told-or-timed-out", 3, timed_out_or_told, cond_at_rest, SIM_NO_DFS, 0),
	COND("all-timed", 3, all_timed, cond_at_rest, SIM_NO_DFS, 0),
	COND("destroy", 3, destroy, at_rest, SIM_NO_DFS, 0),
	COND("destroy-crowd", 4, destroy, at_rest, SIM_NO_DFS, 0),
	COND("destroy-by-teller", 3, destroy_by_teller, at_rest, SIM_NO_DFS, 0),
	COND("forked", 4, forked, child_at_rest, SIM_NO_DFS | SIM_SLOW, 0),
	LOSES("destroy", 3, destroy, at_rest),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
