/* SPDX-License-Identifier: MIT */
/*
 * futex.c - the simulated futex, clock and membarrier. Each is a system call: it drains the caller's store buffer.
 *
 * Sleepers on a word are woken in the order of their arrival. A sleeper may wake for no reason where the
 * schedule says so. membarrier interrupts the threads one by one, with scheduling points in between.
 */
#include "sim.h"
#include <sys/clock.h>
#include <sys/cpu.h>
#include <sys/futex.h>
#include <sys/membarrier.h>

/* No store stays in a buffer for so long. */
enum { LONGEST_IN_BUFFER_NS = 1000000 };

static uint64_t turn;

int64_t
fsy_now(void)
{
	return fsyi_now();
}

int64_t
fsyi_now(void)
{
	sim_point();
	return sim_run.now;
}

/* No simulated program has a deadline on that clock. */
bool
fsyi_over_realtime(fsy_deadline_t deadline)
{
	(void)deadline;
	return false;
}

void
sim_yield(void)
{
	if (sim_run.current < 0)
		return;
	sim_run.thread[sim_run.current].yielded = true;
	sim_run.thread[sim_run.current].hold = false;
	sim_point();
}

void
fsyi_relax(void)
{
	sim_yield();
}

void
fsyi_yield(void)
{
	if (sim_run.current >= 0)
		sim_drain(sim_run.current);
	sim_yield();
}

int64_t
fsyi_delay(int64_t ns)
{
	struct sim_thread *t = &sim_run.thread[sim_run.current];

	t->state = SIM_DELAY;
	t->hold = false;
	t->deadline = sim_run.now + (ns > 0 ? ns : 0);
	sim_point();
	for (int i = 0; ns >= LONGEST_IN_BUFFER_NS && i < sim_run.scenario->threads; i++)
		sim_barrier(i);
	return sim_run.now;
}

/* Random strategies only: the exhaustive search has enough to do. */
static bool
spurious(void)
{
	return sim_run.strategy != SIM_DFS && sim_draw(64) == 0;
}

enum fsyi_wait
fsyi_futex_wait(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	struct sim_thread *t = &sim_run.thread[sim_run.current];

	sim_point();
	sim_drain(sim_run.current);
	t->hold = false;
	sim_touch(word, 4, "futex wait");
	sim_tracef("futex  wait %s while %#x", sim_where(word), expected);
	sim_counts.waits++;
	if (*(volatile uint32_t *)&word->cell_ != expected || spurious())
		return FSYI_WOKEN;
	if (deadline <= sim_run.now)
		return FSYI_TIMEDOUT;
	t->state = SIM_FUTEX;
	t->futex = word;
	t->futex_turn = turn++;
	t->deadline = deadline;
	t->timed_out = false;
	sim_point();
	t->futex = NULL;
	sim_tracef("futex  returns: %s", t->timed_out ? "timed out" : "woken");
	sim_counts.timeouts += t->timed_out;
	return t->timed_out ? FSYI_TIMEDOUT : FSYI_WOKEN;
}

/* Nobody is cancelled here. */
enum fsyi_wait
fsyi_futex_wait_cancellable(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	return fsyi_futex_wait(word, expected, deadline);
}

void
fsyi_futex_wake(fsy_atomic_u32 *word, int count)
{
	sim_point();
	if (sim_run.current >= 0)
		sim_drain(sim_run.current);
	sim_counts.wakes++;
	sim_tracef("futex  wake %s", sim_where(word));
	while (count-- > 0) {
		struct sim_thread *eldest = NULL;

		for (int i = 0; i < sim_run.scenario->threads; i++) {
			struct sim_thread *t = &sim_run.thread[i];

			if (t->state == SIM_FUTEX && t->futex == word &&
			    (eldest == NULL || t->futex_turn < eldest->futex_turn))
				eldest = t;
		}
		if (eldest == NULL)
			return;
		eldest->state = SIM_READY;
	}
}

bool
fsyi_membarrier_init(void)
{
	return !(sim_run.flags & SIM_NO_MEMBARRIER);
}

bool
fsyi_membarrier_lost(void)
{
	return sim_run.membarrier_lost;
}

bool
fsyi_membarrier(void)
{
	if (sim_run.flags & SIM_NO_MEMBARRIER)
		sim_fail("membarrier on a machine that has none");
	sim_point();
	if ((sim_run.flags & SIM_LOSES_MEMBARRIER) && (sim_run.membarrier_lost || sim_draw(2) == 0)) {
		sim_tracef("membarrier refused");
		sim_run.membarrier_lost = true;
		return false;
	}
	sim_counts.membarriers++;
	sim_tracef("membarrier");
	if (sim_run.current < 0)
		return true;
	sim_drain(sim_run.current);
	for (int i = 0; i < sim_run.scenario->threads; i++)
		if (i != sim_run.current && sim_run.thread[i].entries > 0) {
			sim_point();
			sim_barrier(i);
		}
	sim_drain(sim_run.current);
	return true;
}
