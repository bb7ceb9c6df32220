/* SPDX-License-Identifier: MIT */
/*
 * sim_once_life.c - a once at the end of its life and of its process: destroyed, its memory reused, forked; and one per node. I1, I8.
 */
#include <fastsync/lazy.h>

#include "once_case.h"

/* The memory goes as soon as it is seen to be done and the waiters have left it; its runner may still be on the way out. */
static void
destroy(int id)
{
	if (id == 0) {
		fsy_once_do(&once, plain, NULL);
		return;
	}
	if (id == 1)
		(void)!fsy_once_wait_until(&once, sim_now() + sim_random(300));
	else
		(void)!fsy_once_wait_force_until(&once, sim_now() + sim_random(300));
	fsy_atomic_u32_add_rel(&left, 1);
	if (id != 1)
		return;
	while (!fsy_once_done(&once) || fsy_atomic_u32_load_acq(&left) < (uint32_t)sim_threads() - 1)
		sim_yield();
	sim_kill(&once, sizeof(once));
}

/* The memory becomes another once, for which T2 waits: the wake for the first is no answer to the second. */
static void
reuse(int id)
{
	if (id == 0)
		fsy_once_do(&once, plain, NULL);
	if (id == 1) {
		(void)!fsy_once_wait_until(&once, sim_now() + sim_random(300));
		while (!fsy_once_done(&once))
			sim_yield();
		sim_kill(&once, sizeof(once));
		sim_revive(&once, sizeof(once));
		fsy_atomic_u64_store_rlx(&once.word_, 0);
		value = 0;
		fsy_atomic_u32_store_rel(&second, 1);
		sim_point();
		fsy_once_do(&once, plain, NULL);
	}
	if (id == 2) {
		while (fsy_atomic_u32_load_acq(&second) == 0)
			sim_yield();
		SIM_CHECK(fsy_once_wait(&once) == 0);
		SIM_CHECK(value == MADE);
	}
}

/* T0 forks in the midst of others' runs, or of its own. */
static int
fork_inside(void *arg)
{
	(void)arg;
	sim_fork();
	inside = recursive = 0;
	shared_run = true;                       /* T3 may take it over while it goes on here */
	return some_fail(NULL);
}

/* T3 is a thread of the child. */
static void
forked_by_other(int id)
{
	if (id == 3) {
		fsy_atomic_u32_store_rel(&left, 1);
		sim_await_fork();
	}
	if (id == 0) {
		while (fsy_atomic_u32_load_acq(&left) == 0)
			sim_yield();
		sim_fork();
		inside = 0;
	}
	while (fsy_once_try(&once, some_fail, NULL) != 0)
		sim_yield();
}

/* T1 and T2 do not exist here, so that T0 is the one that runs. */
static void
forked_by_runner(int id)
{
	if (id == 3) {
		fsy_atomic_u32_store_rel(&left, 1);
		sim_await_fork();
	}
	if (id == 1 || id == 2)
		return;
	while (id == 0 && fsy_atomic_u32_load_acq(&left) == 0)
		sim_yield();
	if (id == 0 && fsy_once_try(&once, fork_inside, NULL) == 0)
		SIM_CHECK(once.word_.cell_ == FSY_ONCE_DONE_);
	while (fsy_once_try(&once, some_fail, NULL) != 0)
		sim_yield();
}

static void
child_at_rest(void)
{
	SIM_CHECK(once.word_.cell_ == FSY_ONCE_DONE_);
}

/* An init that forks, while T3 makes the value in the child: whoever is told a value, is told the one that stays. */
static fsy_lazy_t lazy;
static void *told[SIM_THREADS];

static int init(void **made, void *arg) { *made = arg; return 0; }

static int
init_forks(void **made, void *arg)
{
	sim_fork();
	fsyi_fork_check();
	for (uint32_t steps = sim_random(60); steps > 0; steps--)
		sim_point();
	return init(made, arg);
}

static void
setup_lazy(void)
{
	setup();
	memset(&lazy, 0, sizeof(lazy));
	memset(told, 0, sizeof(told));
	sim_name(&lazy, sizeof(lazy), "lazy");
}

static void
lazy_forked(int id)
{
	if (id == 3) {
		fsy_atomic_u32_store_rel(&left, 1);
		sim_await_fork();
	}
	while (id == 0 && fsy_atomic_u32_load_acq(&left) == 0)
		sim_yield();
	if (id == 0 || id == 3)
		SIM_CHECK(fsy_lazy_get_or_init(&lazy, id == 0 ? init_forks : init, &told[id], &told[id]) == 0);
}

static void
told_the_same(void)
{
	SIM_CHECK(told[0] == fsy_lazy_get(&lazy) && told[3] == fsy_lazy_get(&lazy));
}

static bool surely;

/* T0 and T1 on one node, T2 and T3 on another. The exhaustive search draws no numbers: there the first run fails. */
static int
make_node(int node, void *arg)
{
	int error = make(failures > 0 && (surely || sim_random(2) == 0) && failures-- > 0);

	(void)arg;
	if (error == 0)
		SIM_CHECK(node_value[node]++ == 0);
	return error;
}

static void
setup_nodes(void)
{
	setup();
	surely = recursive = false;              /* another once */
	sim_place(2, 1, 2);
	sim_place(3, 1, 3);
}

static void
setup_node_failure(void)
{
	setup_nodes();
	failures = 1;
	surely = true;
}

static void
per_node(int id)
{
	int node = id / 2;

	while (fsy_once_node_try(&node_once, make_node, NULL) != 0)
		sim_yield();
	SIM_CHECK(node_value[node] == 1);
}

static void
nodes_at_rest(void)
{
	lot_at_rest();
	SIM_CHECK(node_once.word_.cell_ == (sim_threads() > 2 ? 3 : 1));
}

const struct sim_case sim_cases[] = {
	CASE("destroy", 3, setup, destroy, lot_at_rest, SIM_NO_DFS, 0),
	CASE("reuse", 3, setup, reuse, done_at_rest, SIM_NO_DFS, 0),
	CASE("nodes-four", 4, setup_nodes, per_node, nodes_at_rest, SIM_NO_DFS, 0),
	CASE("nodes-pair", 2, setup_node_failure, per_node, nodes_at_rest, SIM_DFS_ONLY, 3),
	CASE("nodes-trio", 3, setup_node_failure, per_node, nodes_at_rest, SIM_DFS_ONLY, 2),
	CASE("nodes", 3, setup_nodes, per_node, nodes_at_rest, SIM_NO_DFS, 0),
	{ "once/forked/tso", 4, setup, forked_by_other, child_at_rest, SIM_TSO | SIM_NO_DFS | SIM_SLOW, 0 },
	{ "once/lazy-forked/tso", 4, setup_lazy, lazy_forked, told_the_same, SIM_TSO | SIM_NO_DFS | SIM_SLOW, 0 },
	{ "once/forked-runner/tso", 4, setup, forked_by_runner, child_at_rest, SIM_TSO | SIM_NO_DFS | SIM_SLOW, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
