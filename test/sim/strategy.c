/* SPDX-License-Identifier: MIT */
/*
 * strategy.c - which agent moves next.
 *
 * RANDOM  switches, flushes and clock jumps with probabilities that are themselves drawn per schedule, so that
 *         both long undisturbed runs and fine interleavings occur.
 * PCT     Burckhardt, Kothari, Musuvathi, Nagarakatte, "A randomized scheduler with probabilistic guarantees of
 *         finding bugs", ASPLOS 2010: random priorities, the highest runs, and at d - 1 random steps the running
 *         agent falls to the bottom. Store buffers and the clock are agents with priorities of their own.
 * DFS     explore.c.
 */
#include "sim.h"

enum { DEPTH = 3, PATIENT = 20000 };

static unsigned switch_one_in, flush_one_in, time_one_in;
static int64_t priority[SIM_AGENTS], bottom;
static unsigned long change[DEPTH];

uint32_t
sim_draw(uint32_t limit)
{
	uint64_t x = sim_run.random += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */

	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return (uint32_t)((x ^ x >> 31) >> 32) % limit;
}

uint32_t
sim_random(uint32_t limit)
{
	return sim_draw(limit);
}

void
sim_strategy_begin(void)
{
	static const int64_t ticks[] = { 1, 5, 20, 100, 500, 3000 };
	static const unsigned switches[] = { 1, 2, 4, 10, 30 }, flushes[] = { 1, 3, 10, 100 }, times[] = { 20, 300, 100000 };

	if (sim_run.strategy == SIM_DFS) {
		sim_run.tick = 50;
		return;
	}
	sim_run.tick = ticks[sim_draw(sizeof(ticks) / sizeof(ticks[0]))];
	switch_one_in = switches[sim_draw(sizeof(switches) / sizeof(switches[0]))];
	flush_one_in = flushes[sim_draw(sizeof(flushes) / sizeof(flushes[0]))];
	time_one_in = times[sim_draw(sizeof(times) / sizeof(times[0]))];
	for (int i = 0; i < SIM_AGENTS; i++)
		priority[i] = 1 + sim_draw(1000000);
	if (sim_run.flags & SIM_FAIR) {
		sim_run.tick = 20 / sim_run.scenario->threads;
		switch_one_in = flush_one_in = 1;
		time_one_in = 1000000000;
	}
	bottom = 0;
	for (int i = 0; i < DEPTH - 1; i++)
		change[i] = 1 + sim_draw(8u << sim_draw(9));    /* short and long schedules alike */
}

static int
number(const struct sim_agent *agent)
{
	return agent->kind == SIM_TIME ? 2 * SIM_THREADS : agent->kind == SIM_FLUSH ? SIM_THREADS + agent->thread : agent->thread;
}

/* A uniform draw among the agents of one kind; -1 if there is none. */
static int
draw_kind(const struct sim_agent *agents, int count, enum sim_kind kind)
{
	int picked = -1, seen = 0;

	for (int i = 0; i < count; i++)
		if (agents[i].kind == kind && sim_draw((uint32_t)++seen) == 0)
			picked = i;
	return picked;
}

static int
choose_random(const struct sim_agent *agents, int count)
{
	int picked = -1;

	if (agents[count - 1].kind == SIM_TIME && sim_draw(time_one_in) == 0)
		return count - 1;
	if (sim_draw(flush_one_in) == 0)
		picked = draw_kind(agents, count, SIM_FLUSH);
	if (picked < 0 && sim_draw(switch_one_in) == 0)
		picked = draw_kind(agents, count, SIM_RUN);
	return picked < 0 ? 0 : picked;
}

static int
highest(const struct sim_agent *agents, int count, bool threads_only)
{
	int best = -1;

	for (int i = 0; i < count; i++)
		if ((!threads_only || agents[i].kind == SIM_RUN) &&
		    (best < 0 || priority[number(&agents[i])] > priority[number(&agents[best])]))
			best = i;
	return best;
}

static int
choose_pct(const struct sim_agent *agents, int count)
{
	int picked;

	if (sim_run.thread[sim_run.current].yielded)
		priority[sim_run.current] = --bottom;
	if (sim_run.steps > PATIENT)            /* threads that look by the clock must not keep the others from running for ever */
		priority[2 * SIM_THREADS] = bottom - 1;
	for (int i = 0; i < DEPTH - 1; i++)
		if (change[i] == sim_run.steps) {
			int falls = highest(agents, count, true);

			change[i] = 0;
			if (falls >= 0)
				priority[agents[falls].thread] = --bottom;
		}
	picked = highest(agents, count, false);
	/* Threads that nap again and again would otherwise keep one that is ready from running for ever. */
	if (agents[picked].kind == SIM_TIME && sim_draw(8) == 0)
		priority[number(&agents[picked])] = --bottom;
	return picked;
}

int
sim_choose(const struct sim_agent *agents, int count)
{
	switch (sim_run.strategy) {
	case SIM_RANDOM: return choose_random(agents, count);
	case SIM_PCT: return choose_pct(agents, count);
	default: return sim_dfs_choose(agents, count);
	}
}
