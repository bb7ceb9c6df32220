/* SPDX-License-Identifier: MIT */
/*
 * sim_barrier.c - the real barrier, one step at a time. Edges exercised: B1 -> B2, K3 -> K2, E1 -> E2; invariants I1 (the memory
 * is taken away by the first who returns), I7, I8, Y1..Y4.
 */
#include "lot_rest.h"
#include <fastsync/barrier.h>
#include <fastsync/error.h>
#include <string.h>
#include <sys/thread.h>
#include <sys/tune.h>

enum { ROUNDS = 3 };
static fsy_barrier_t barrier;
static fsy_atomic_u32 returned, leaders, started;
static int work[SIM_THREADS], met[ROUNDS][SIM_THREADS];

static void
setup(void)
{
	static const int64_t spins[] = { 0, 100, 1000 };

	fsyi_tune.linger_ns = spins[sim_random(3)];
	returned.cell_ = leaders.cell_ = started.cell_ = 0;
	memset(work, 0, sizeof(work));
	memset(met, 0, sizeof(met));
	fsy_barrier_init(&barrier, (uint32_t)sim_threads());
	sim_name(&barrier, sizeof(barrier), "barrier");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &barrier)->lock, 4, "bucket");
}

static void
nobody_waits(void)
{
	lot_at_rest();
}

/* The first who returns takes the barrier away. */
static void
barrier_destroyed(int id)
{
	int seen = 0;

	work[id] = 1;
	if (fsy_barrier_wait(&barrier))
		fsy_atomic_u32_add(&leaders, 1);
	for (int i = 0; i < sim_threads(); i++)
		seen += work[i];
	SIM_CHECK(seen == sim_threads());
	if (fsy_atomic_u32_add(&returned, 1) == 0)
		sim_kill(&barrier, sizeof(barrier));
}

static void
one_led(void)
{
	SIM_CHECK(leaders.cell_ == 1 && returned.cell_ == (uint32_t)sim_threads());
	nobody_waits();
}

static void
meet(int id, int64_t patience)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool leader = false;

		met[i][id] = 1;
		while (fsy_barrier_wait_until(&barrier, patience == 0 ? FSY_FOREVER : sim_now() + (int64_t)sim_random((uint32_t)patience),
					      &leader) != 0) {
			SIM_CHECK(patience != 0 && !leader);
			sim_yield();
		}
		for (int k = 0; k < sim_threads(); k++)
			SIM_CHECK(met[i][k] == 1);
		if (leader)
			fsy_atomic_u32_add(&leaders, 1);
		fsy_atomic_u32_add(&returned, 1);
	}
}

static void
each_led_once(void)
{
	SIM_CHECK(leaders.cell_ == ROUNDS && returned.cell_ == (uint32_t)(ROUNDS * sim_threads()));
	SIM_CHECK(barrier.unlisted_ == 0);
	nobody_waits();
}

static void
barrier_rounds(int id)
{
	meet(id, 0);
}

/* T0 comes and goes. A round that it has seen complete it does not come to again. */
static void
barrier_timed(int id)
{
	meet(id, id == 0 ? 2000 : 0);
}

/* T0, and at times T1, can stand in no queue. */
static void
barrier_unlisted(int id)
{
	if (id == 0 || (id == 1 && sim_random(2) == 0))
		fsyi_thread_self()->spare = NULL;
	meet(id, id == 0 && sim_random(2) == 0 ? 3000000 : 0);
}

/* T1 and T2 come in the parent, where T0 forks; the child's T0, T3 and T4 are a whole generation. */
static void
barrier_forked(int id)
{
	if (id >= 3) {
		fsy_atomic_u32_add(&started, 1);
		sim_await_fork();
	}
	if (id == 1)
		fsyi_thread_self()->spare = NULL;
	if (id == 0) {
		while (fsy_atomic_u32_load(&started) < 2)
			sim_yield();
		sim_fork();
	}
	if (fsy_barrier_wait(&barrier))
		fsy_atomic_u32_add(&leaders, 1);
	fsy_atomic_u32_add(&returned, 1);
}

static void
setup_three(void)
{
	setup();
	fsy_barrier_init(&barrier, 3);
}

static void
three_met(void)
{
	SIM_CHECK(leaders.cell_ == 1 && returned.cell_ == 3);
	nobody_waits();
}

#define CASE(name, threads, prepare, body, check, flags, bound) \
	{ name, threads, prepare, body, check, SIM_TSO | (flags), bound }
/* relacy knows no fork, and runs what says SIM_NO_MEMBARRIER. */
#define BOTH(name, threads, prepare, body, check, flags, bound) CASE(name, threads, prepare, body, check, SIM_NO_MEMBARRIER | (flags), bound)

const struct sim_case sim_cases[] = {
	BOTH("barrier/destroyed-pair", 2, setup, barrier_destroyed, one_led, SIM_DFS_ONLY, 3),
	BOTH("barrier/destroyed", 3, setup, barrier_destroyed, one_led, 0, 2),
	BOTH("barrier/rounds-pair", 2, setup, barrier_rounds, each_led_once, SIM_DFS_ONLY, 2),
	BOTH("barrier/timed-pair", 2, setup, barrier_timed, each_led_once, SIM_DFS_ONLY, 2),
	BOTH("barrier/unlisted-trio", 3, setup, barrier_unlisted, each_led_once, SIM_DFS_ONLY, 1),
	BOTH("barrier/rounds", 3, setup, barrier_rounds, each_led_once, SIM_NO_DFS, 0),
	BOTH("barrier/timed", 3, setup, barrier_timed, each_led_once, SIM_NO_DFS, 0),
	BOTH("barrier/unlisted", 3, setup, barrier_unlisted, each_led_once, SIM_NO_DFS, 0),
	CASE("barrier/forked", 5, setup_three, barrier_forked, three_met, SIM_NO_DFS | SIM_SLOW, 0),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
