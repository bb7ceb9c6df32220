/* SPDX-License-Identifier: MIT */
/*
 * sim_cond.c - the real condition variable on the real mutex and lot, one step at a time: signals and broadcasts. Invariants C1..C6 of
 * lib/sync/cond.c, L9 of lib/sync/lockword_admit.c.
 */
#include "cond_case.h"

static int order[SIM_THREADS];

/* All but the last wait for the flag; the last one sets it. */
static void
flag_is_up(int id)
{
	fsy_mutex_lock(&lock);
	if (id == sim_threads() - 1) {
		flag = 1;
		tell_and_unlock(c, sim_threads() > 2);
		return;
	}
	while (!flag)
		fsy_cond_wait(c, &lock);
	section();
	fsy_mutex_unlock(&lock);
}

/* For the exhaustive search, which draws no numbers: the teller holds the mutex, or does not. */
static void
told_inside(int id)
{
	if (id < sim_threads() - 1) {
		flag_is_up(id);
		return;
	}
	fsy_mutex_lock(&lock);
	flag = 1;
	fsy_cond_broadcast(c);
	fsy_mutex_unlock(&lock);
}

static void
told_outside(int id)
{
	if (id < sim_threads() - 1) {
		flag_is_up(id);
		return;
	}
	fsy_mutex_lock(&lock);
	flag = 1;
	fsy_mutex_unlock(&lock);
	for (int i = 1; i < sim_threads(); i++)
		fsy_cond_signal(c);
}

/* T0's deadline passes about when the signal comes; with T2, which waits for the same. */
static void
told_in_time(int id)
{
	if (id == 0) {
		fsy_mutex_lock(&lock);
		while (!flag && fsy_cond_wait_until(c, &lock, sim_now() + 300) == 0)
			;
		fsy_mutex_unlock(&lock);
		return;
	}
	told_inside(id);
}

/* The last one's news is published by the signal alone: it holds no mutex when it writes, nor when it signals. */
static void
news(int id)
{
	if (id == 0) {
		fsy_mutex_lock(&lock);
		waiting = 1;
		fsy_cond_wait(c, &lock);
		fsy_mutex_unlock(&lock);
		SIM_CHECK(note == 7);
		return;
	}
	await_waiters(1);
	fsy_mutex_unlock(&lock);
	note = 7;
	fsy_cond_signal(c);
}

/* G13: n waiters, n signals: each ends one wait, the eldest's; nobody returns without. T2 contends for the mutex meanwhile. */
static void
one_by_one(int id)
{
	if (id == 2) {
		lock_unlock(id);
		return;
	}
	if (id == 3) {
		await_waiters(2);
		for (int i = 0; i < 2; i++) {
			SIM_CHECK(woken == i);
			fsy_cond_signal(c);
			fsy_mutex_unlock(&lock);
			for (;;) {
				fsy_mutex_lock(&lock);
				if (woken > i)
					break;
				fsy_mutex_unlock(&lock);
				sim_yield();
			}
		}
		fsy_mutex_unlock(&lock);
		return;
	}
	fsy_mutex_lock(&lock);
	order[waiting++] = id;
	fsy_cond_wait(c, &lock);
	SIM_CHECK(order[woken++] == id);
	fsy_mutex_unlock(&lock);
}

/* Signals come in a row, without pause: as many wake as were signalled, and they are the eldest. */
static void
two_of_three(int id)
{
	bool holding = sim_random(2) == 0;

	if (id < 3) {
		fsy_mutex_lock(&lock);
		order[waiting++] = id;
		fsy_cond_wait(c, &lock);
		woken += 1 << id;
		fsy_mutex_unlock(&lock);
		return;
	}
	await_waiters(3);
	if (!holding)
		fsy_mutex_unlock(&lock);
	fsy_cond_signal(c);
	fsy_cond_signal(c);
	if (holding)
		fsy_mutex_unlock(&lock);
	for (;;) {
		fsy_mutex_lock(&lock);
		SIM_CHECK(!(woken & 1 << order[2]));
		if (woken == 7 - (1 << order[2]))
			break;
		fsy_mutex_unlock(&lock);
		sim_yield();
	}
	tell_and_unlock(c, false);
}

/* The shape of BZ 25847: T1 waits after the signal for T0; it cannot take it, however late T0 is. */
static void
no_stealing(int id)
{
	fsy_mutex_lock(&lock);
	switch (id) {
	case 0:
		waiting = 1;
		fsy_cond_wait(c, &lock);
		woken++;
		break;
	case 1:
		if (flag)
			SIM_CHECK(fsy_cond_wait_until(c, &lock, sim_now() + (int64_t)sim_random(3000)) == FSY_ETIMEDOUT);
		break;
	default:
		fsy_mutex_unlock(&lock);
		await_waiters(1);
		flag = 1;
		tell_and_unlock(c, false);
		return;
	}
	fsy_mutex_unlock(&lock);
}

/* One mutex, two conditions, and a thread that only wants the mutex, with a deadline at times. */
static void
two_conds(int id)
{
	fsy_cond_t *mine = id == 0 ? c : c2;

	if (id == 2) {
		if (sim_random(2) == 0) {
			lock_unlock(id);
		} else if (fsy_mutex_lock_until(&lock, sim_now() + (int64_t)sim_random(1500)) == 0) {
			section();
			fsy_mutex_unlock(&lock);
		}
		return;
	}
	fsy_mutex_lock(&lock);
	if (id == 3) {
		flag = 1;
		fsy_cond_signal(c);
		tell_and_unlock(c2, false);
		return;
	}
	while (!flag)
		fsy_cond_wait(mine, &lock);
	section();
	fsy_mutex_unlock(&lock);
}

/* Twice: the last one tells all and waits for their answers. Who goes back to sleep finds the searcher on its way, and others moved. */
static void
answers(int id)
{
	int others = sim_threads() - 1;

	fsy_mutex_lock(&lock);
	for (int round = 1; round <= 2; round++) {
		if (id == others) {
			woken = 0;
			flag = round;
			fsy_cond_broadcast(c);
			while (woken < others)
				fsy_cond_wait(c2, &lock);
			continue;
		}
		while (flag < round)
			fsy_cond_wait(c, &lock);
		if (++woken == others)
			fsy_cond_signal(c2);
		section();
		fsy_mutex_unlock(&lock);
		fsy_mutex_lock(&lock);
	}
	fsy_mutex_unlock(&lock);
}

/* T0 waits with one mutex and, when it is back, T1 with another. T2 and T3 signal as long as it takes, with no mutex. */
static void
another_mutex(int id)
{
	fsy_mutex_t *mine = id == 0 ? &lock : &second_lock;

	if (id >= 2) {
		while (fsy_atomic_u32_load(&back) < 2) {
			fsy_cond_signal(c);
			sim_yield();
		}
		return;
	}
	while (id == 1 && fsy_atomic_u32_load(&back) == 0)
		sim_yield();
	fsy_mutex_lock(mine);
	fsy_cond_wait(c, mine);
	fsy_mutex_unlock(mine);
	fsy_atomic_u32_add(&back, 1);
}

/* On two CPUs, so that some wait for that of one who goes to sleep. */
static void
setup_answers(void)
{
	setup_cond();
	for (int i = 0; i < SIM_THREADS; i++)
		sim_place(i, 0, (int)sim_random(2));
}

const struct sim_case sim_cases[] = {
	COND("pair", 2, flag_is_up, cond_at_rest, 0, 2),
	COND("told-inside-pair", 2, told_inside, cond_at_rest, SIM_DFS_ONLY, 2),
	COND("told-outside-pair", 2, told_outside, cond_at_rest, SIM_DFS_ONLY, 2),
	COND("told-in-time-pair", 2, told_in_time, cond_at_rest, SIM_DFS_ONLY, 2),
	COND("told-inside-trio", 3, told_inside, cond_at_rest, SIM_DFS_ONLY, 1),
	COND("told-outside-trio", 3, told_outside, cond_at_rest, SIM_DFS_ONLY, 1),
	COND("told-in-time-trio", 3, told_in_time, cond_at_rest, SIM_DFS_ONLY, 1),
	COND("crowd", 4, flag_is_up, cond_at_rest, SIM_NO_DFS, 0),
	COND("news", 2, news, cond_at_rest, SIM_NO_DFS, 0),
	COND("g13-one-by-one", 4, one_by_one, cond_at_rest, SIM_NO_DFS, 0),
	COND("g13-two-of-three", 4, two_of_three, cond_at_rest, SIM_NO_DFS, 0),
	COND("bz25847", 3, no_stealing, cond_at_rest, SIM_NO_DFS, 0),
	COND("two-conds", 4, two_conds, cond_at_rest, SIM_NO_DFS, 0),
	COND("another-mutex", 4, another_mutex, cond_at_rest, SIM_NO_DFS, 0),
	{ "cond/answers/tso", 4, setup_answers, answers, cond_at_rest, SIM_TSO | SIM_NO_DFS, 0 },
	{ "cond/answers/no-membarrier", 4, setup_answers, answers, cond_at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_NO_DFS, 0 },
	LOSES("crowd", 4, flag_is_up, cond_at_rest),
	LOSES("two-conds", 4, two_conds, cond_at_rest),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
