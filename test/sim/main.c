/* SPDX-License-Identifier: MIT */
/*
 * main.c - runs the cases of one scenario file and says what happened, one line per case and strategy.
 *
 *   sim_x [--case=PART] [--strategy=random|pct|dfs] [--seed=N] [--schedules=N] [--bound=N]
 *         [--cpu-ms=N] [--at-least=N] [--replay=SEED | --replay=CHOICES] [--trace] [--list] [--hunt] [--label=TEXT]
 *
 * --cpu-ms is what all searches together may take: each gets its share of what is left, and runs --at-least schedules whatever they take.
 * --replay runs one schedule: a seed for random and pct, "12:1,40:2" for dfs. A failure prints that command.
 * --hunt is for mutants: all cases a little, then all again for longer, until the first failure.
 */
#include "sim.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const sim_strategies[] = { "random", "pct", "dfs" };
struct sim_options sim_options = { .label = "", .seed = 1, .schedules = 3000, .at_least = 100 };
static const char *only_case, *replay;
static int only_strategy = -1;
static bool listing, trace, hunting;

static int
usage(const char *bad)
{
	fprintf(stderr, "%s: %s: expected --case= --strategy=random|pct|dfs --seed= --schedules= --bound= --cpu-ms= --at-least= "
		"--replay= --trace --list --hunt\n",
		sim_options.program, bad);
	return 2;
}

static bool
number(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	return end != text && *end == '\0';
}

static int
parse(int argc, char **argv)
{
	const char *seed = getenv("FASTSYNC_SEED");
	uint64_t value;

	if (seed != NULL && !number(seed, &sim_options.seed))
		return usage("FASTSYNC_SEED");
	for (int i = 1; i < argc; i++) {
		const char *equals = strchr(argv[i], '='), *text = equals ? equals + 1 : "";
		size_t length = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
		bool good = true;

#define IS(option) (length == strlen(option) && strncmp(argv[i], option, length) == 0)
		if (IS("--case"))
			only_case = text;
		else if (IS("--replay"))
			replay = text;
		else if (IS("--label"))
			sim_options.label = text;
		else if (IS("--trace"))
			trace = true;
		else if (IS("--list"))
			listing = true;
		else if (IS("--hunt"))
			hunting = true;
		else if (IS("--seed"))
			good = number(text, &sim_options.seed);
		else if (IS("--schedules") && (good = number(text, &value)))
			sim_options.schedules = (unsigned long)value;
		else if (IS("--bound") && (good = number(text, &value)))
			sim_options.bound = (int)value;
		else if (IS("--cpu-ms") && (good = number(text, &value)))
			sim_options.budget = (double)value / 1000;
		else if (IS("--at-least") && (good = number(text, &value)))
			sim_options.at_least = (unsigned long)value;
		else if (IS("--strategy")) {
			for (int s = 0; s < SIM_STRATEGIES; s++)
				if (strcmp(text, sim_strategies[s]) == 0)
					only_strategy = s;
			good = only_strategy >= 0;
		} else
			good = false;
#undef IS
		if (!good)
			return usage(argv[i]);
	}
	return 0;
}

/* Whether this case runs under strategy s. */
static bool
wanted(const struct sim_case *c, int s)
{
	if (only_case != NULL && (replay ? strcmp(c->name, only_case) != 0 : !strstr(c->name, only_case)))
		return false;
	if (only_strategy >= 0)
		return s == only_strategy;
	if (s == SIM_PCT && (c->flags & SIM_FAIR))
		return false;
	return s == SIM_DFS ? !(c->flags & SIM_NO_DFS) : !(c->flags & SIM_DFS_ONLY);
}

static void
enter(const struct sim_case *c, int s)
{
	sim_run.scenario = c;
	sim_run.flags = c->flags;
	sim_run.strategy = (enum sim_strategy)s;
}

static unsigned long before;            /* schedules that the hunt has run, but for the present search's */

static int
hunt(void)
{
	unsigned long steps;
	bool complete;

	for (unsigned long slice = 100; slice <= sim_options.schedules; slice *= 5)
		for (const struct sim_case *c = sim_cases; c->name != NULL; c++)
			for (int s = 0; s < SIM_STRATEGIES; s++) {
				if (!wanted(c, s))
					continue;
				enter(c, s);
				before += sim_search(slice, 0, &steps, &complete);
				if (sim_run.failed) {
					printf("caught by %s/%s after %lu schedules: %s\n", c->name, sim_strategies[s], before,
					       sim_run.message);
					return 0;
				}
			}
	printf("survived %lu schedules\n", before);
	return 1;
}

/* The code under test crashed: the schedule is the message. */
static void
crashed(int signal)
{
	printf("%s %s/%s", hunting ? "caught by" : "not ok", sim_run.scenario->name, sim_strategies[sim_run.strategy]);
	printf(" after %lu schedules: crashes with signal %d\n", before + sim_run.done, signal);
	if (!hunting)
		sim_print_replay();
	fflush(stdout);
	_exit(!hunting);
}

static void
watch_crashes(void)
{
	static char stack[64 * 1024];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = crashed, .sa_flags = SA_ONSTACK };

	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static int
replay_case(void)
{
	sim_run.seed = sim_options.seed;
	if (sim_run.strategy == SIM_DFS ? !sim_dfs_parse(replay) : !number(replay, &sim_run.seed))
		return usage("--replay");
	sim_run.trace = trace;
	sim_execute();
	printf("%s %s/%s %s\n", sim_run.failed ? "not ok" : "ok", sim_run.scenario->name,
	       sim_strategies[sim_run.strategy], sim_run.failed ? sim_run.message : "");
	return sim_run.failed;
}

int
main(int argc, char **argv)
{
	int bad, found = 0, searches = 0;

	sim_options.program = argv[0];
	if ((bad = parse(argc, argv)) != 0)
		return bad;
	watch_crashes();
	if (hunting)
		return hunt();
	for (const struct sim_case *c = sim_cases; c->name != NULL; c++)
		for (int s = 0; s < SIM_STRATEGIES; s++)
			searches += wanted(c, s);
	for (const struct sim_case *c = sim_cases; c->name != NULL; c++)
		for (int s = 0; s < SIM_STRATEGIES; s++) {
			if (!wanted(c, s))
				continue;
			found++;
			if (listing) {
				printf("%s/%s (%d threads)\n", c->name, sim_strategies[s], c->threads);
				continue;
			}
			enter(c, s);
			if (replay)
				return replay_case();
			bad |= !sim_run_case(searches--);
		}
	if (found == 0)
		return usage(only_case ? only_case : "no case");
	return bad;
}
