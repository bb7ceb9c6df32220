/* SPDX-License-Identifier: MIT */
/*
 * sched.c - what may happen next, and making it happen.
 *
 * At every point the strategy picks one agent: a thread that runs, a store buffer that lets one entry
 * out, or the clock, which jumps to the next timer. When nothing but the clock can move it jumps by
 * itself; when not even that, and a thread has not ended, the schedule is a deadlock.
 */
#include "sim.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct sim_run sim_run = { .current = -1 };
struct sim_counts sim_counts;
int64_t sim_tick;
static jmp_buf outside;

void
sim_tracef(const char *format, ...)
{
	va_list args;

	if (!sim_run.trace)
		return;
	va_start(args, format);
	if (sim_run.current >= 0)
		printf("# %6lu %9lld T%d%*s ", sim_run.steps, (long long)sim_run.now, sim_run.current,
		       4 * sim_run.current, "");
	else
		printf("# %6lu %9lld -- ", sim_run.steps, (long long)sim_run.now);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

void
sim_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sim_run.message, sizeof(sim_run.message), format, args);
	va_end(args);
	sim_tracef("FAILURE %s", sim_run.message);
	sim_run.failed = true;
	sim_run.current = -1;
	sim_fibers_forget();            /* an abandoned schedule is never resumed */
	_longjmp(outside, 1);
}

void
sim_expect(const char *part)
{
	sim_run.expected = part;
}

int
sim_threads(void)
{
	return sim_run.scenario->threads;
}

int
sim_self(void)
{
	return sim_run.current;
}

int64_t
sim_now(void)
{
	return sim_run.now;
}

static void
expire(void)
{
	for (int i = 0; i < sim_run.scenario->threads; i++) {
		struct sim_thread *t = &sim_run.thread[i];

		if ((t->state == SIM_DELAY || t->state == SIM_FUTEX) && t->deadline <= sim_run.now) {
			t->timed_out = t->state == SIM_FUTEX;
			t->state = SIM_READY;
		}
	}
}

static int64_t
next_timer(void)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < sim_run.scenario->threads; i++) {
		const struct sim_thread *t = &sim_run.thread[i];

		if ((t->state == SIM_DELAY || t->state == SIM_FUTEX) && t->deadline < next)
			next = t->deadline;
	}
	return next;
}

/* The natural continuation comes first: the thread that runs, unless it yielded, then the others in turn. */
static int
list_agents(struct sim_agent *agents)
{
	int count = 0, n = sim_run.scenario->threads, current = sim_run.current;
	const struct sim_thread *self = &sim_run.thread[current];
	bool stays = self->state == SIM_READY && !self->yielded;

	if (sim_run.strategy == SIM_DFS && self->entries > 0 && !self->hold) {
		agents[count++] = (struct sim_agent){ SIM_FLUSH, current };
		if (stays)
			agents[count++] = (struct sim_agent){ SIM_HOLD, current };
		return count;
	}
	if (stays)
		agents[count++] = (struct sim_agent){ SIM_RUN, current };
	for (int i = 1; i <= n; i++) {
		int id = (current + i) % n;

		if (sim_run.thread[id].state == SIM_READY && !(id == current && stays))
			agents[count++] = (struct sim_agent){ SIM_RUN, id };
	}
	if (count == 0 && next_timer() != INT64_MAX)
		agents[count++] = (struct sim_agent){ SIM_TIME, -1 };
	for (int id = 0; id < n; id++)
		if (sim_run.thread[id].entries > 0)
			agents[count++] = (struct sim_agent){ SIM_FLUSH, id };
	if (count > 0 && agents[0].kind == SIM_RUN && next_timer() != INT64_MAX)
		agents[count++] = (struct sim_agent){ SIM_TIME, -1 };
	return count;
}

static void
deadlock(void)
{
	char text[200] = "";

	for (int i = 0; i < sim_run.scenario->threads; i++)
		if (sim_run.thread[i].state == SIM_FUTEX)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " T%d sleeps on %s;", i,
				 sim_where(sim_run.thread[i].futex));
	sim_fail("deadlock:%s nobody is left to wake them", text);
}

static bool
all_ended(void)
{
	for (int i = 0; i < sim_run.scenario->threads; i++)
		if (sim_run.thread[i].state != SIM_ENDED && sim_run.thread[i].state != SIM_GONE)
			return false;
	return true;
}

void
sim_decide(void)
{
	struct sim_agent agents[SIM_AGENTS], next;
	int count, self = sim_run.current;

	for (;;) {
		expire();
		count = list_agents(agents);
		if (count == 0) {
			if (!all_ended())
				deadlock();
			sim_switch(self, -1);
			return;
		}
		next = agents[count == 1 ? 0 : sim_choose(agents, count)];
		sim_run.print = (sim_run.print ^ (uint64_t)sim_run.now ^ (uint64_t)next.kind << 48 ^ (uint64_t)(next.thread + 1) << 56) *
				UINT64_C(0x100000001B3);
		switch (next.kind) {
		case SIM_FLUSH:
			sim_flush_one(next.thread);
			continue;
		case SIM_HOLD:
			sim_run.thread[next.thread].hold = true;
			continue;
		case SIM_TIME:
			sim_run.now = next_timer();
			continue;
		case SIM_RUN:
			break;
		}
		break;
	}
	sim_run.thread[next.thread].yielded = false;
	if (next.thread == self) {
		sim_run.same++;
		return;
	}
	sim_run.same = 0;
	sim_switch(self, next.thread);
}

void
sim_point(void)
{
	if (sim_run.current < 0)
		return;
	sim_run.now += sim_run.tick;
	if (++sim_run.steps > SIM_STEP_LIMIT)
		sim_fail("livelock: %d steps", SIM_STEP_LIMIT);
	if (sim_run.same > 2000) {              /* a loop that never yields still may not starve the others */
		sim_run.thread[sim_run.current].yielded = true;
		sim_run.same = 0;
	}
	sim_decide();
}

void
sim_execute(void)
{
	const struct sim_case *scenario = sim_run.scenario;

	sim_run.random = sim_run.seed;
	sim_run.now = 1000000;
	sim_run.steps = 0;
	sim_run.same = 0;
	sim_run.failed = sim_run.membarrier_lost = false;
	sim_run.expected = "";
	sim_run.print = 0;
	sim_run.current = -1;
	sim_tick = 0;
	sim_counts = (struct sim_counts){ 0 };
	sim_memory_reset();
	sim_fibers_init();
	for (int i = 0; i < SIM_THREADS; i++) {
		struct sim_thread *t = &sim_run.thread[i];

		t->state = i < scenario->threads ? SIM_READY : SIM_ENDED;
		t->entries = 0;
		t->yielded = t->hold = t->timed_out = false;
		t->futex = NULL;
	}
	sim_fork_reset();
	sim_world_reset();
	sim_strategy_begin();
	if (_setjmp(outside) != 0)
		return;
	scenario->setup();
	if (sim_tick > 0)
		sim_run.tick = sim_tick;
	sim_switch(-1, 0);
	scenario->check();
	for (int i = 0; i < scenario->threads; i++)
		if (sim_run.thread[i].state == SIM_GONE)
			sim_fibers_forget();
}
