// SPDX-License-Identifier: MIT
//
// relacy_main.cpp - runs the cases of a scenario file on relacy: those that ask for a machine without membarrier.
//
//   relacy_x [--case=PART] [--iterations=N] [--cpu-ms=N] [--at-least=N] [--replay=N] [--hunt] [--list]
//
// --cpu-ms is what all cases together may take: each gets its share of what is left, and does --at-least executions whatever
// they take. --replay prints the history of one execution. --hunt is for mutants: all cases a little, then all for longer, until
// the first failure.
//
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef free
#undef assert
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

extern "C" {
#include "../sim/scenario.h"
}
#include "relacy_machine.hpp"

using namespace machine;

// One search: relacy stops after the execution that `count` names.
static struct {
	rl::iteration_t *count, done, at_least;
	double end;                             // CPU seconds of this process; 0 = no limit
} search;

static double
cpu_seconds()
{
	timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template<int threads>
struct suite : rl::test_suite<suite<threads>, threads> {
	void
	before()
	{
		if (++search.done >= search.at_least && search.done < *search.count && search.end > 0 && cpu_seconds() >= search.end)
			*search.count = search.done;
		begin();
	}
	void
	thread(unsigned id)
	{
		sim_tls_begin(sim_tls().data);
		scenario->thread(static_cast<int>(id));
	}
	void after() { end(); }
};

struct verdict { bool failed; rl::iteration_t at; std::string why; };

template<int threads>
static verdict
simulate(rl::iteration_t iterations, rl::iteration_t replay)
{
	rl::test_params params;
	std::ostringstream out, state_at_end;

	params.iteration_count = replay ? replay : iterations;
	params.output_stream = params.progress_stream = &out;
	params.search_type = rl::random_scheduler_type;
	params.execution_depth_limit = 20000;
	params.collect_history = replay != 0;
	params.output_history = false;
	search.count = &params.iteration_count;
	search.done = replay ? replay - 1 : 0;
	if (replay)
		params.initial_state = (std::to_string(replay) + " ").c_str();
	// As rl::simulate does, without the schedulers that nobody asks for and a failure's second run.
	rl::run_test<suite<threads>, rl::random_scheduler<threads>>(params, state_at_end, false);
	if (replay)
		std::fputs(out.str().c_str(), stdout);
	return { params.test_result != rl::test_result_success, params.stop_iteration,
		 rl::test_result_str(params.test_result) };
}

static verdict
run(rl::iteration_t iterations, rl::iteration_t replay)
{
	switch (scenario->threads) {
	case 1: return simulate<1>(iterations, replay);
	case 2: return simulate<2>(iterations, replay);
	case 3: return simulate<3>(iterations, replay);
	case 4: return simulate<4>(iterations, replay);
	case 5: return simulate<5>(iterations, replay);
	case SIM_THREADS: return simulate<SIM_THREADS>(iterations, replay);
	default: std::abort();
	}
}

static bool
wanted(const sim_case *c, const char *only)
{
	return (c->flags & SIM_NO_MEMBARRIER) && !(c->flags & SIM_SLOW) && std::strstr(c->name, only);
}

static verdict
examine(const sim_case *c, rl::iteration_t iterations, rl::iteration_t replay)
{
	scenario = c;
	forget_cells();
	run(100, 0);                            // learns which addresses are atomics
	return run(iterations, replay);
}

static int
hunt(rl::iteration_t iterations, const char *only)
{
	unsigned long long total = 0;

	for (rl::iteration_t slice = 100; slice <= iterations; slice = slice < iterations && slice * 5 > iterations ? iterations : slice * 5)
		for (const sim_case *c = sim_cases; c->name != nullptr; c++) {
			if (!wanted(c, only))
				continue;
			verdict v = examine(c, slice, 0);

			total += v.at;
			if (v.failed) {
				std::printf("caught by %s/relacy after %llu executions: %s\n", c->name, total, v.why.c_str());
				return 0;
			}
		}
	std::printf("survived %llu executions\n", total);
	return 1;
}

static void
report(const sim_case *c, const verdict &v, rl::iteration_t iterations, const char *program)
{
	auto at = static_cast<unsigned long long>(v.at);

	std::printf("%s %s/relacy", v.failed ? "not ok" : "ok", c->name);
	if (v.failed)
		std::printf(" fails after %llu executions: %s\n# replay: %s --case=%s --replay=%llu\n", at, v.why.c_str(), program, c->name, at);
	else
		std::printf(" # %llu executions%s\n", at, v.at < iterations ? ", cut short by time" : "");
	std::fflush(stdout);
}

int
main(int argc, char **argv)
{
	rl::iteration_t iterations = 2000, replay = 0, at_least = 100;
	const char *only = "";
	bool hunting = false, listing = false;
	double budget = 0;
	int bad = 0, left = 0;

	for (int i = 1; i < argc; i++) {
		if (std::strncmp(argv[i], "--case=", 7) == 0)
			only = argv[i] + 7;
		else if (std::strncmp(argv[i], "--iterations=", 13) == 0)
			iterations = std::strtoull(argv[i] + 13, nullptr, 0);
		else if (std::strncmp(argv[i], "--replay=", 9) == 0)
			replay = std::strtoull(argv[i] + 9, nullptr, 0);
		else if (std::strncmp(argv[i], "--cpu-ms=", 9) == 0)
			budget = std::strtod(argv[i] + 9, nullptr) / 1000;
		else if (std::strncmp(argv[i], "--at-least=", 11) == 0)
			at_least = std::strtoull(argv[i] + 11, nullptr, 0);
		else if (std::strcmp(argv[i], "--hunt") == 0)
			hunting = true;
		else if (std::strcmp(argv[i], "--list") == 0)
			listing = true;
		else {
			std::fprintf(stderr, "%s: %s: expected --case= --iterations= --cpu-ms= --at-least= --replay= --hunt --list\n", argv[0], argv[i]);
			return 2;
		}
	}
	if (hunting)
		return hunt(iterations, only);
	for (const sim_case *c = sim_cases; c->name != nullptr; c++)
		left += wanted(c, only);
	search.at_least = at_least;
	for (const sim_case *c = sim_cases; c->name != nullptr; c++) {
		if (!wanted(c, only))
			continue;
		if (listing) {
			std::printf("%s/relacy (%d threads)\n", c->name, c->threads);
			continue;
		}
		search.end = budget > 0 && !replay ? cpu_seconds() + (budget - cpu_seconds()) / left-- : 0;
		verdict v = examine(c, iterations, replay);

		report(c, v, iterations, argv[0]);
		bad |= v.failed;
	}
	return bad;
}
