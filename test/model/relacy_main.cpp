// SPDX-License-Identifier: MIT
//
// relacy_main.cpp - runs the cases of a scenario file on relacy: those that ask for a machine without membarrier.
//
//   relacy_x [--case=PART] [--iterations=N] [--replay=N] [--hunt]
//
// --replay prints the history of one execution. --hunt is for mutants: all cases a little, then all for longer, until the
// first failure.
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

template<int threads>
struct suite : rl::test_suite<suite<threads>, threads> {
	void before() { begin(); }
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
	std::ostringstream out;

	params.iteration_count = replay ? replay : iterations;
	params.output_stream = params.progress_stream = &out;
	params.search_type = rl::random_scheduler_type;
	params.execution_depth_limit = 20000;
	params.collect_history = true;
	params.output_history = false;
	if (replay) {
		std::ostringstream state;
		state << replay << " ";
		params.initial_state = state.str().c_str();
	} else {
		params.collect_history = false;
		params.output_history = true;   // or a failing execution would run a second time
	}
	rl::simulate<suite<threads>>(params);
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

int
main(int argc, char **argv)
{
	rl::iteration_t iterations = 2000, replay = 0;
	const char *only = "";
	bool hunting = false;
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		if (std::strncmp(argv[i], "--case=", 7) == 0)
			only = argv[i] + 7;
		else if (std::strncmp(argv[i], "--iterations=", 13) == 0)
			iterations = std::strtoull(argv[i] + 13, nullptr, 0);
		else if (std::strncmp(argv[i], "--replay=", 9) == 0)
			replay = std::strtoull(argv[i] + 9, nullptr, 0);
		else if (std::strcmp(argv[i], "--hunt") == 0)
			hunting = true;
		else {
			std::fprintf(stderr, "%s: %s: expected --case= --iterations= --replay= --hunt\n", argv[0], argv[i]);
			return 2;
		}
	}
	if (hunting)
		return hunt(iterations, only);
	for (const sim_case *c = sim_cases; c->name != nullptr; c++) {
		if (!wanted(c, only))
			continue;
		verdict v = examine(c, iterations, replay);

		std::printf("%s %s/relacy", v.failed ? "not ok" : "ok", c->name);
		if (v.failed)
			std::printf(" fails after %llu executions: %s\n# replay: %s --case=%s --replay=%llu\n",
				    (unsigned long long)v.at, v.why.c_str(), argv[0], c->name, (unsigned long long)v.at);
		else
			std::printf(" # %llu executions\n", (unsigned long long)v.at);
		std::fflush(stdout);
		bad |= v.failed;
	}
	return bad;
}
