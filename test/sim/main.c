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
#include <time.h>
#include <unistd.h>

static const char *const strategies[] = { "random", "pct", "dfs" };
static const char *program, *only_case, *replay, *label = "";
static uint64_t base_seed = 1;
static unsigned long schedules = 3000, at_least = 100;
static double budget;                   /* CPU seconds; 0 = no limit */
static int searches;                    /* which it is still for */
static int only_strategy = -1, bound;
static bool listing, trace, hunting;

static int
usage(const char *bad)
{
	fprintf(stderr, "%s: %s: expected --case= --strategy=random|pct|dfs --seed= --schedules= --bound= --cpu-ms= --at-least= "
		"--replay= --trace --list --hunt\n",
		program, bad);
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

	if (seed != NULL && !number(seed, &base_seed))
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
			label = text;
		else if (IS("--trace"))
			trace = true;
		else if (IS("--list"))
			listing = true;
		else if (IS("--hunt"))
			hunting = true;
		else if (IS("--seed"))
			good = number(text, &base_seed);
		else if (IS("--schedules") && (good = number(text, &value)))
			schedules = (unsigned long)value;
		else if (IS("--bound") && (good = number(text, &value)))
			bound = (int)value;
		else if (IS("--cpu-ms") && (good = number(text, &value)))
			budget = (double)value / 1000;
		else if (IS("--at-least") && (good = number(text, &value)))
			at_least = (unsigned long)value;
		else if (IS("--strategy")) {
			for (int s = 0; s < SIM_STRATEGIES; s++)
				if (strcmp(text, strategies[s]) == 0)
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

static uint64_t
seed_of(unsigned long schedule)
{
	uint64_t x = base_seed * UINT64_C(0x9E3779B97F4A7C15) + schedule * UINT64_C(0xD1342543DE82EF95);

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

/* Runs schedules until one fails, all are done or `end` has come, in CPU seconds; returns how many ran. */
static unsigned long
search(unsigned long limit_of_case, double end, unsigned long *steps, bool *complete)
{
	unsigned long done = 0;
	int limit = bound > 0 ? bound : sim_run.scenario->preemptions > 0 ? sim_run.scenario->preemptions : 2;

	*steps = 0;
	*complete = false;
	sim_dfs_begin(limit);
	while (done < share(limit_of_case)) {
		if (end > 0 && done >= share(at_least) && cpu_seconds() >= end)
			break;
		sim_run.seed = sim_run.strategy == SIM_DFS ? base_seed : seed_of(done);
		sim_execute();
		done++;
		*steps += sim_run.steps;
		if (sim_run.failed)
			break;
		if (sim_run.strategy == SIM_DFS && !sim_dfs_next()) {
			*complete = true;
			break;
		}
	}
	return done;
}

static void
print_replay(void)
{
	printf("# replay: %s --case=%s --strategy=%s --trace --replay=", program, sim_run.scenario->name,
	       strategies[sim_run.strategy]);
	if (sim_run.strategy == SIM_DFS)
		sim_dfs_print(stdout);
	else
		printf("%#llx", (unsigned long long)sim_run.seed);
	putchar('\n');
}

static bool
run_case(void)
{
	unsigned long steps, done;
	bool complete, expected = sim_run.flags & SIM_EXPECT_FAILURE;
	double now = cpu_seconds();

	done = search(schedules, budget > 0 ? now + (budget - now) / searches-- : 0, &steps, &complete);
	printf("%s %s%s/%s", sim_run.failed == expected ? "ok" : "not ok", label, sim_run.scenario->name,
	       strategies[sim_run.strategy]);
	if (sim_run.failed)
		printf(" %s after %lu schedules: %s\n", expected ? "fails as it must" : "fails", done, sim_run.message);
	else
		printf(" # %lu schedules, %lu steps%s\n", done, steps,
		       complete ? ", all within the bound" : done < share(schedules) ? ", cut short by time" :
		       sim_run.strategy == SIM_DFS ? ", cut short" : "");
	if (sim_run.failed && !expected)
		print_replay();
	fflush(stdout);
	return sim_run.failed == expected;
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

static int
hunt(void)
{
	unsigned long total = 0, steps;
	bool complete;

	for (unsigned long slice = 100; slice <= schedules; slice *= 5)
		for (const struct sim_case *c = sim_cases; c->name != NULL; c++)
			for (int s = 0; s < SIM_STRATEGIES; s++) {
				if (!wanted(c, s))
					continue;
				enter(c, s);
				total += search(slice, 0, &steps, &complete);
				if (sim_run.failed) {
					printf("caught by %s/%s after %lu schedules: %s\n", c->name, strategies[s], total,
					       sim_run.message);
					return 0;
				}
			}
	printf("survived %lu schedules\n", total);
	return 1;
}

/* The code under test crashed: the schedule is the message. */
static void
crashed(int signal)
{
	printf("%s %s/%s crashes with signal %d\n", hunting ? "caught by" : "not ok", sim_run.scenario->name,
	       strategies[sim_run.strategy], signal);
	if (!hunting)
		print_replay();
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
	sim_run.seed = base_seed;
	if (sim_run.strategy == SIM_DFS ? !sim_dfs_parse(replay) : !number(replay, &sim_run.seed))
		return usage("--replay");
	sim_run.trace = trace;
	sim_execute();
	printf("%s %s/%s %s\n", sim_run.failed ? "not ok" : "ok", sim_run.scenario->name,
	       strategies[sim_run.strategy], sim_run.failed ? sim_run.message : "");
	return sim_run.failed;
}

int
main(int argc, char **argv)
{
	int bad, found = 0;

	program = argv[0];
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
				printf("%s/%s (%d threads)\n", c->name, strategies[s], c->threads);
				continue;
			}
			enter(c, s);
			if (replay)
				return replay_case();
			bad |= !run_case();
		}
	if (found == 0)
		return usage(only_case ? only_case : "no case");
	return bad;
}
