/* SPDX-License-Identifier: MIT */
/*
 * main.c - runs the cases of one scenario file and says what happened, one line per case and strategy.
 *
 *   sim_x [--case=PART] [--strategy=random|pct|dfs] [--seed=N] [--schedules=N] [--bound=N]
 *         [--exhaustive=N] [--deeper] [--cpu-ms=N] [--at-least=N] [--replay=SEED | --replay=CHOICES] [--trace] [--list] [--hunt]
 *         [--label=TEXT]
 *
 * --cpu-ms is what all random searches together may take: each gets its share of what is left, and runs --at-least schedules whatever they
 * take. Exhaustive ones take what they take, --exhaustive schedules at most; with --deeper they have one departure more, and shares of time.
 * --replay runs one schedule: a seed for random and pct, "12:1,40:2" for dfs. A failure prints that command.
 * --hunt is for mutants: all cases a little, then all again for longer, until the first failure.
 */
#include "sim.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const sim_strategies[] = { "random", "pct", "dfs" };
struct sim_options sim_options = { .label = "", .seed = 1, .schedules = 3000, .exhaustive = 100000, .at_least = 100 };
static const char *only_case, *replay;
static int only_strategy = -1;
static bool listing, trace, hunting;

static int
usage(const char *bad)
{
	fprintf(stderr, "%s: %s: expected --case= --strategy=random|pct|dfs --seed= --schedules= --bound= --exhaustive= "
		"--deeper --cpu-ms= --at-least= --replay= --trace --list --hunt\n",
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

/* --name=text, or --name. */
static bool
option(const char *argument)
{
	const char *equals = strchr(argument, '='), *text = equals ? equals + 1 : "";
	size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
	static const struct { const char *name; unsigned long *value; } counts[] = {
		{ "--schedules", &sim_options.schedules }, { "--exhaustive", &sim_options.exhaustive }, { "--at-least", &sim_options.at_least },
	};
	static const struct { const char *name; const char **value; } texts[] = {
		{ "--case", &only_case }, { "--replay", &replay }, { "--label", &sim_options.label },
	};
	static const struct { const char *name; bool *value; } flags[] = {
		{ "--trace", &trace }, { "--list", &listing }, { "--hunt", &hunting }, { "--deeper", &sim_options.deeper },
	};
	uint64_t value = 0;

#define IS(option) (length == strlen(option) && strncmp(argument, option, length) == 0)
#define COUNT(table) (sizeof(table) / sizeof(table[0]))
	for (size_t i = 0; i < COUNT(texts); i++)
		if (IS(texts[i].name))
			return *texts[i].value = text, true;
	for (size_t i = 0; i < COUNT(flags); i++)
		if (IS(flags[i].name))
			return *flags[i].value = true;
	for (int s = 0; IS("--strategy") && s < SIM_STRATEGIES; s++)
		if (strcmp(text, sim_strategies[s]) == 0)
			return only_strategy = s, true;
	if (!number(text, &value))
		return false;
	for (size_t i = 0; i < COUNT(counts); i++)
		if (IS(counts[i].name))
			return *counts[i].value = (unsigned long)value, true;
	if (IS("--seed"))
		return sim_options.seed = value, true;
	if (IS("--bound"))
		return sim_options.bound = (int)value, true;
	if (IS("--cpu-ms"))
		return sim_options.budget = (double)value / 1000, true;
	return false;
#undef IS
#undef COUNT
}

static int
parse(int argc, char **argv)
{
	const char *seed = getenv("FASTSYNC_SEED");

	if (seed != NULL && !number(seed, &sim_options.seed))
		return usage("FASTSYNC_SEED");
	for (int i = 1; i < argc; i++)
		if (!option(argv[i]))
			return usage(argv[i]);
	return 0;
}

/* Whether this case runs under strategy s. What fails also without a mutant is no game. */
static bool
wanted(const struct sim_case *c, int s)
{
	if (only_case != NULL && (replay ? strcmp(c->name, only_case) != 0 : !strstr(c->name, only_case)))
		return false;
	if (hunting && (c->flags & SIM_EXPECT_FAILURE))
		return false;
	if (only_strategy >= 0)
		return s == only_strategy;
	if (s == SIM_PCT && (c->flags & SIM_FAIR))
		return false;
	return s == SIM_DFS ? !(c->flags & SIM_NO_DFS) : !(c->flags & SIM_DFS_ONLY);
}

/* In shares of the budget. */
static int
weight(int s)
{
	return s != SIM_DFS ? 1 : sim_options.deeper ? SIM_DEEP_SHARES : 0;
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
	int bad, found = 0, shares = 0;

	sim_options.program = argv[0];
	if ((bad = parse(argc, argv)) != 0)
		return bad;
	watch_crashes();
	if (hunting)
		return hunt();
	for (const struct sim_case *c = sim_cases; c->name != NULL; c++)
		for (int s = 0; s < SIM_STRATEGIES; s++)
			shares += wanted(c, s) * weight(s);
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
			bad |= !sim_run_case(shares);
			shares -= weight(s);
		}
	if (found == 0)
		return usage(only_case ? only_case : "no case");
	return bad;
}
