/* SPDX-License-Identifier: MIT */
/*
 * smoke.c - whether the cost machine tells good from bad: locks of known shape have that shape, far costs more than near, who sleeps is woken; and
 * whether the library keeps on it what it promises. Fails when the model is broken, or a change makes hand-overs go far.
 */
#include "workload.h"

#include <stdarg.h>

static int failed;

static void
verdict(bool good, const char *name, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	printf("%s %s # ", good ? "ok" : "not ok", name);
	vprintf(format, list);
	puts(" (simulated)");
	va_end(list);
	failed |= !good;
}

static struct cost_result
measure(const char *lock, int nodes, int cpus, int threads, bool policy, struct cost_load load)
{
	struct cost_machine machine = { nodes, cpus, threads, policy, 1 };

	load.lock = cost_lock_named(lock);
	return cost_measure(&machine, &load);
}

/* Short sections far enough apart that the last owner does not come back first. */
static const struct cost_load apart = { NULL, 50, 150, 1, 300, 0 };

static void
known_shapes(void)
{
	double ttas_few = measure("ttas", 1, 4, 4, true, apart).mops, ttas_many = measure("ttas", 2, 16, 32, true, apart).mops;
	double ticket_few = measure("ticket", 1, 4, 4, true, apart).mops, ticket_many = measure("ticket", 2, 16, 32, true, apart).mops;
	double mcs_few = measure("mcs", 1, 4, 4, true, apart).mops, mcs_many = measure("mcs", 2, 16, 32, true, apart).mops;

	verdict(ttas_many < 0.6 * ttas_few, "cost/ttas collapses", "4 CPUs %.2f Mops, 2x16 %.2f", ttas_few, ttas_many);
	verdict(ticket_many < 0.7 * ticket_few, "cost/ticket falls", "4 CPUs %.2f Mops, 2x16 %.2f", ticket_few, ticket_many);
	verdict(mcs_many > 0.4 * mcs_few && mcs_many > 1.5 * ttas_many, "cost/mcs does not", "4 CPUs %.2f Mops, 2x16 %.2f", mcs_few, mcs_many);
}

static void
near_and_far(void)
{
	double near = measure("ticket", 1, 2, 2, true, apart).mops, far = measure("ticket", 2, 1, 2, true, apart).mops;
	struct cost_result sleepers = measure("futex", 1, 4, 8, true, (struct cost_load){ NULL, 2000, 500, 1, 3000, 0 });

	verdict(far < 0.75 * near, "cost/far costs more than near", "2 CPUs of one node %.2f Mops, of two %.2f", near, far);
	verdict(sleepers.counts.sleeps > 100 && sleepers.counts.wakes > 100 && sleepers.counts.switches > 0, "cost/sleepers are woken",
		"%lu sleeps, %lu wakes, %lu changes of thread", (unsigned long)sleepers.counts.sleeps, (unsigned long)sleepers.counts.wakes,
		(unsigned long)sleepers.counts.switches);
}

static void
library(void)
{
	const struct cost_load contended = { NULL, 100, 5, 2, 16000, 0 };
	/* Until the lock has been calm for long enough they are counted. */
	const struct cost_load reading = { NULL, 0, 5, 1, 60, 700 };
	struct cost_result on = measure("mutex", 8, 8, 64, true, contended), off = measure("mutex", 8, 8, 64, false, contended);
	double one = measure("rwmutex-read", 2, 8, 1, true, reading).mops, many = measure("rwmutex-read", 2, 8, 16, true, reading).mops;

	verdict(on.local >= 0.9 && off.local < 0.8, "cost/mutex stays on the node", "8x8, 64 threads: %.1f %% of %lu moves local, policy off %.1f %%",
		on.local * 100, (unsigned long)on.moves, off.local * 100);
	/* Everybody within a cycle, passed by less than a batch: 25 us a turn, and as much for it to be taken. */
	verdict(on.longest_us < (64 + 64) * 50, "cost/mutex serves everybody", "longest wait %.0f us, Jain %.2f", on.longest_us, on.jain);
	verdict(many > 12 * one, "cost/readers do not meet", "1 reader %.1f Mops, 16 %.1f", one, many);
}

int
cost_smoke(void)
{
	known_shapes();
	near_and_far();
	library();
	return failed;
}
