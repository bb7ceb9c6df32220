/* SPDX-License-Identifier: MIT */
/*
 * sim_waitgroup.c - the real wait group and waiting on a word, one step at a time. Edges exercised: G1 -> G2, G3, K3 -> K2;
 * invariants I1 (the memory is taken away by the first who may), I6, I7, I8, V1..V4, W1..W3.
 */
#include "lot_rest.h"
#include <fastsync/waitgroup.h>
#include <string.h>
#include <sys/clock.h>
#include <sys/fork.h>
#include <sys/tune.h>

enum { ROUNDS = 3 };
static fsy_waitgroup_t group;
static fsy_atomic_u32 returned, started, round_open;
static int work[SIM_THREADS], met[ROUNDS][SIM_THREADS];

static void
setup_count(uint64_t count)
{
	static const int64_t spins[] = { 0, 100, 1000 };

	fsyi_tune.brief_spin_ns = spins[sim_random(3)];
	group.word_.cell_ = count << 32;
	returned.cell_ = started.cell_ = round_open.cell_ = 0;
	memset(work, 0, sizeof(work));
	memset(met, 0, sizeof(met));
	sim_name(&group, sizeof(group), "group");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &group)->lock, 4, "bucket");
}

static void
setup_none(void)
{
	setup_count(0);
}

static void
setup_one(void)
{
	setup_count(1);
}

static void
setup_two(void)
{
	setup_count(2);
}

static void
nobody_waits(void)
{
	lot_at_rest();
}

static void
group_at_rest(void)
{
	SIM_CHECK(group.word_.cell_ == 0);
	nobody_waits();
}

static void
do_work(int id)
{
	work[id] = 1;
	fsy_waitgroup_done(&group);
}

/* The group is taken away when the given number of waits have returned. Reading the work is a race unless the done orders it. */
static void
came_through(uint32_t waiters, int first_worker, int workers)
{
	for (int i = 0; i < workers; i++)
		SIM_CHECK(work[first_worker + i] == 1);
	if (fsy_atomic_u32_add(&returned, 1) == waiters - 1)
		sim_kill(&group, sizeof(group));
}

/* T0 waits and takes the memory away; the others are done. */
static void
last_done(int id)
{
	if (id > 0) {
		do_work(id);
		return;
	}
	fsy_waitgroup_wait(&group);
	came_through(1, 1, sim_threads() - 1);
}

/* T0 and T1 wait, T2 and T3 are done. */
static void
two_wait(int id)
{
	if (id > 1) {
		do_work(id);
		return;
	}
	fsy_waitgroup_wait(&group);
	came_through(2, 2, 2);
}

/* T0 loses its patience at any moment, then waits on; T1 waits. */
static void
group_timed(int id)
{
	if (id > 1) {
		do_work(id);
		return;
	}
	for (int i = 0; id == 0 && i < 2; i++) {
		int64_t deadline = sim_now() + (int64_t)sim_random(3000);

		if (fsy_waitgroup_wait_until(&group, deadline) == 0)
			break;
		SIM_CHECK(sim_now() >= deadline);
	}
	fsy_waitgroup_wait(&group);
	came_through(2, 2, 2);
}

/* T0 alone waits, with a deadline and no second attempt: the mark may stay behind for the done to find. */
static void
group_leaves(int id)
{
	if (id > 0)
		do_work(id);
	else if (fsy_waitgroup_wait_until(&group, sim_now() + (int64_t)sim_random(3000)) == 0)
		came_through(1, 1, sim_threads() - 1);
}

/* One group for several rounds, each raised by the one who waits. */
static void
group_reused(int id)
{
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		if (id == 0) {
			fsy_waitgroup_add(&group, 2);
			fsy_atomic_u32_store(&round_open, i);
			fsy_waitgroup_wait(&group);
			SIM_CHECK(met[i - 1][1] && met[i - 1][2]);
			continue;
		}
		while (fsy_atomic_u32_load(&round_open) < i)
			sim_yield();
		met[i - 1][id] = 1;
		fsy_waitgroup_done(&group);
	}
}

/* Workers that share their work: the counter goes up and down while T0 sleeps. */
static void
group_nested(int id)
{
	if (id == 0) {
		last_done(id);
		return;
	}
	fsy_waitgroup_add(&group, 2);
	fsy_waitgroup_add(&group, -2);
	do_work(id);
}

/* T1 waits, T2 is done, T0 forks at some moment between; T3 waits in the child. Both must come through there. */
static void
group_forked(int id)
{
	if (id == 3) {
		fsy_atomic_u32_store(&started, 1);
		sim_await_fork();
	}
	if (id == 2) {
		fsy_waitgroup_done(&group);
		return;
	}
	if (id == 0) {
		while (!fsy_atomic_u32_load(&started))
			sim_yield();
		sim_fork();
		if (fsy_atomic_u64_load(&group.word_) >> 32 != 0)
			fsy_waitgroup_done(&group);
	}
	fsy_waitgroup_wait(&group);
	fsyi_fork_check();                      /* recovery, in case nothing here needed it */
	fsy_atomic_u32_add(&returned, 1);
}

static void
child_came_through(void)
{
	SIM_CHECK(group.word_.cell_ >> 32 == 0);
	SIM_CHECK(returned.cell_ >= 2);
	nobody_waits();
}

#define CASE(name, threads, prepare, body, check, flags, bound) \
	{ name, threads, prepare, body, check, SIM_TSO | (flags), bound }
/* relacy knows no fork, and runs what says SIM_NO_MEMBARRIER. */
#define BOTH(name, threads, prepare, body, check, flags, bound) CASE(name, threads, prepare, body, check, SIM_NO_MEMBARRIER | (flags), bound)

const struct sim_case sim_cases[] = {
	BOTH("waitgroup/last-done-pair", 2, setup_one, last_done, group_at_rest, SIM_DFS_ONLY, 3),
	BOTH("waitgroup/leaves-pair", 2, setup_one, group_leaves, group_at_rest, SIM_DFS_ONLY, 3),
	BOTH("waitgroup/leaves-trio", 3, setup_two, group_leaves, group_at_rest, SIM_DFS_ONLY, 2),
	BOTH("waitgroup/last-done", 3, setup_two, last_done, group_at_rest, 0, 2),
	BOTH("waitgroup/two-wait", 4, setup_two, two_wait, group_at_rest, 0, 2),
	BOTH("waitgroup/timed", 4, setup_two, group_timed, group_at_rest, SIM_NO_DFS, 0),
	BOTH("waitgroup/leaves", 3, setup_two, group_leaves, group_at_rest, SIM_NO_DFS, 0),
	BOTH("waitgroup/reused", 3, setup_none, group_reused, group_at_rest, SIM_NO_DFS, 0),
	BOTH("waitgroup/nested", 3, setup_two, group_nested, group_at_rest, SIM_NO_DFS, 0),
	CASE("waitgroup/forked", 4, setup_one, group_forked, child_came_through, SIM_NO_DFS | SIM_SLOW, 0),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
