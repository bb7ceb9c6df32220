/* SPDX-License-Identifier: MIT */
/* search.c - the schedules of one case under one strategy, one after the other. */
#include "sim.h"
#include <string.h>
#include <time.h>

static uint64_t first;                  /* fingerprint of the first schedule */

static uint64_t
seed_of(unsigned long schedule)
{
	uint64_t x = sim_options.seed * UINT64_C(0x9E3779B97F4A7C15) + schedule * UINT64_C(0xD1342543DE82EF95);

	return (x ^ x >> 29) & UINT64_C(0xffffffffffff);
}

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Some schedules are much longer than others. */
static unsigned long
share(unsigned long count)
{
	return sim_run.flags & SIM_SLOW ? count / 20 + 1 : count;
}

static void
begin(void)
{
	int own = sim_run.scenario->preemptions;

	sim_run.done = 0;
	sim_dfs_begin(sim_options.bound > 0 ? sim_options.bound : (own > 0 ? own : 2) + (int)sim_options.deeper);
}

static void
execute(void)
{
	sim_run.seed = sim_run.strategy == SIM_DFS ? sim_options.seed : seed_of(sim_run.done);
	sim_execute();
	sim_run.done++;
}

unsigned long
sim_search(unsigned long limit, double end, unsigned long *steps, bool *complete)
{
	*steps = 0;
	*complete = false;
	begin();
	while (sim_run.done < share(limit)) {
		if (end > 0 && sim_run.done >= share(sim_options.at_least) && cpu_seconds() >= end)
			break;
		execute();
		if (sim_run.done == 1)
			first = sim_run.print;
		*steps += sim_run.steps;
		if (sim_run.failed)
			break;
		if (sim_run.strategy == SIM_DFS && !sim_dfs_next()) {
			*complete = true;
			break;
		}
	}
	return sim_run.done;
}

/* Once more what came first: nothing that the schedules in between have left behind may change it, or a replay is worth nothing. */
static void
repeat(void)
{
	unsigned long done = sim_run.done;

	begin();
	execute();
	sim_run.done = done;
	if (sim_run.print != first && !sim_run.failed) {
		sim_run.failed = true;
		snprintf(sim_run.message, sizeof(sim_run.message), "the first schedule went another way when it was repeated");
	}
}

void
sim_print_replay(void)
{
	printf("# replay: %s --case=%s --strategy=%s --trace --replay=", sim_options.program, sim_run.scenario->name,
	       sim_strategies[sim_run.strategy]);
	if (sim_run.strategy == SIM_DFS)
		sim_dfs_print(stdout);
	else
		printf("%#llx", (unsigned long long)sim_run.seed);
	putchar('\n');
}

/*
 * Random searches share the budget. An exhaustive one that is cut short has shown little, so it goes on to its end, and the others have
 * their time nevertheless; one that goes deeper than its case says may have no end, and has several shares.
 */
static double
deadline(int shares)
{
	double now = cpu_seconds(), budget = sim_options.budget;

	if (budget <= 0 || (sim_run.strategy == SIM_DFS && !sim_options.deeper))
		return 0;
	return now + (budget - now) / shares * (sim_run.strategy == SIM_DFS ? SIM_DEEP_SHARES : 1);
}

bool
sim_run_case(int shares)
{
	bool dfs = sim_run.strategy == SIM_DFS, complete, expected = sim_run.flags & SIM_EXPECT_FAILURE, good;
	unsigned long limit = dfs ? sim_options.exhaustive : sim_options.schedules, steps, done;
	double began = cpu_seconds();

	done = sim_search(limit, deadline(shares), &steps, &complete);
	if (!sim_run.failed)
		repeat();
	if (dfs && sim_options.budget > 0)
		sim_options.budget += cpu_seconds() - began;
	good = sim_run.failed == expected && (!expected || strstr(sim_run.message, sim_run.expected) != NULL);
	printf("%s %s%s/%s", good ? "ok" : "not ok", sim_options.label, sim_run.scenario->name,
	       sim_strategies[sim_run.strategy]);
	if (sim_run.failed)
		printf(" %s after %lu schedules: %s\n", expected ? "fails as it must" : "fails", done, sim_run.message);
	else
		printf(" # %lu schedules, %lu steps%s\n", done, steps,
		       complete ? ", all within the bound" : done < share(limit) ? ", cut short by time" : dfs ? ", cut short" : "");
	if (sim_run.failed && !expected)
		sim_print_replay();
	fflush(stdout);
	return good;
}
