/* SPDX-License-Identifier: MIT */
/* world.c - lib/sys for the threads of the cost machine: records on their nodes, the clock, futex, membarrier; hooks that listen. */
#include "cost.h"
#include "workload.h"

#include <diag/hook.h>
#include <fastsync/owner.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/clock.h>
#include <sys/cpu.h>
#include <sys/fatal.h>
#include <sys/fork.h>
#include <sys/futex.h>
#include <sys/init.h>
#include <sys/mem.h>
#include <sys/membarrier.h>
#include <sys/thread.h>
#include <sys/topology.h>
#include <sys/tune.h>

enum { HEADER = 1024 };

struct fsyi_tune fsyi_tune = {
#define X(name, value, min, max, unit, variable, provenance) .name = value,
#include <sys/tune.def>
#undef X
};
__thread struct fsyi_thread *fsyi_thread_current;
static struct fsyi_thread records[COST_THREADS + 1];
static char headers[COST_THREADS + 1][HEADER] __attribute__((aligned(64)));
static struct fsy_self_ selves[COST_THREADS + 1];

static int
self_or_outside(void)
{
	return cost_self() < 0 ? COST_THREADS : cost_self();
}

void
cost_world_begin(void)
{
	if (fsyi_waitq_size > HEADER)
		cost_fail("a queue header of %zu bytes", fsyi_waitq_size);
	for (int i = 0; i <= COST_THREADS; i++) {
		records[i].virtual_node = -1;
		records[i].registered_next = i > 0 ? &records[i - 1] : NULL;
		records[i].spare = (struct fsyi_waitq *)(void *)headers[i];
		selves[i] = (struct fsy_self_){ .id_ = FSY_NOBODY_ };
	}
	fsyi_lot_publish_attention();
}

struct fsy_self_ *
sim_self_locals(void)
{
	return &selves[self_or_outside()];
}

struct fsyi_thread *
fsyi_thread_self(void)
{
	return &records[self_or_outside()];
}

uint32_t
fsyi_thread_id(void)
{
	return (uint32_t)self_or_outside() + 2;
}

void
fsyi_thread_each(void (*visit)(struct fsyi_thread *thread, void *arg), void *arg)
{
	for (int i = 0; i <= COST_THREADS; i++)
		visit(&records[i], arg);
}

int
fsyi_cpu(void)
{
	return cost_self() < 0 ? 0 : cost_cpu(cost_self());
}

int
fsyi_node(void)
{
	return cost_self() < 0 || !cost_machine.policy ? 0 : cost_node(cost_self());
}

int
fsyi_cpu_count(void)
{
	return cost_machine.nodes * cost_machine.cpus_per_node;
}

const struct fsyi_topology *
fsyi_topology(void)
{
	static struct fsyi_topology topology = { 1, true, "cost machine" };

	topology.nodes = cost_machine.policy ? cost_machine.nodes : 1;
	return &topology;
}

int
fsyi_topology_distance(int from, int to)
{
	return from == to ? 10 : 20;
}

void *
fsyi_mem_alloc(size_t size, int node)
{
	void *p = aligned_alloc(64, (size + 63) & ~(size_t)63);

	(void)node;                              /* a line is at home where it is touched first */
	if (p != NULL)
		memset(p, 0, size);
	return p;
}

int64_t
fsyi_now(void)
{
	if (cost_self() < 0)
		return 0;
	cost_spend(cost_model.clock);
	cost_sync(false);
	return cost_now();
}

int64_t
fsy_now(void)
{
	return fsyi_now();
}

bool
fsyi_over_realtime(fsy_deadline_t deadline)
{
	(void)deadline;
	return false;
}

void
fsyi_relax(void)
{
	cost_spend(cost_model.relax);
	cost_sync(false);
}

void
fsyi_yield(void)
{
	cost_spend(cost_model.call);
	cost_yield();
}

int64_t
fsyi_delay(int64_t ns)
{
	if (ns > 0)
		cost_spend((double)ns);
	cost_sync(false);
	return cost_now();
}

/* In the kernel the word is looked at like anywhere else. */
enum fsyi_wait
fsyi_futex_wait(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	cost_spend(cost_model.call);
	if (fsy_atomic_u32_load(word) != expected)
		return FSYI_WOKEN;
	cost_sync(true);
	if (__atomic_load_n(&word->cell_, __ATOMIC_RELAXED) != expected)
		return FSYI_WOKEN;
	if (deadline <= cost_now())
		return FSYI_TIMEDOUT;
	return cost_sleep(word, deadline) ? FSYI_WOKEN : FSYI_TIMEDOUT;
}

enum fsyi_wait
fsyi_futex_wait_cancellable(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	return fsyi_futex_wait(word, expected, deadline);
}

void
fsyi_futex_wake(fsy_atomic_u32 *word, int count)
{
	cost_spend(cost_model.call);
	cost_sync(true);
	cost_wake(word, count);
}

bool
fsyi_membarrier_init(void)
{
	return true;
}

bool
fsyi_membarrier_lost(void)
{
	return false;
}

bool
fsyi_membarrier(void)
{
	if (cost_self() < 0)
		return true;
	cost_counts.fences++;
	cost_spend(cost_model.fence);
	cost_sync(true);
	cost_interrupt_others(cost_model.interrupt);
	return true;
}

void
fsyi_fork_check(void)
{
}

uint32_t
fsyi_fork_generation(void)
{
	return 0;
}

void
fsyi_count_contended(const void *object, int64_t wait_ns)
{
	(void)object;
	(void)wait_ns;
}

void
fsyi_fatal(const char *format, ...)
{
	char text[300];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	cost_fail("the library aborts: %s", text);
}
