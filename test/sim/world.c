/* SPDX-License-Identifier: MIT */
/*
 * world.c - the rest of lib/sys for virtual threads: records, places, memory, fork, tunables, last words.
 *
 * The library's own static data is put back to its load-time image before each schedule: the build collects
 * it into the sections sim_lib_data and sim_lib_bss (see the Makefile).
 */
#include "sim.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <diag/hook.h>
#include <sys/cpu.h>
#include <sys/fatal.h>
#include <sys/fork.h>
#include <sys/mem.h>
#include <sys/thread.h>
#include <sys/topology.h>
#include <sys/tune.h>

extern char __start_sim_lib_data[] __attribute__((weak)), __stop_sim_lib_data[] __attribute__((weak));
extern char __start_sim_lib_bss[] __attribute__((weak)), __stop_sim_lib_bss[] __attribute__((weak));
/* The toys run without the library. */
extern const size_t fsyi_waitq_size __attribute__((weak));
void fsyi_lot_fork_child(void) __attribute__((weak));
void fsyi_lot_publish_attention(void) __attribute__((weak));

enum { MEMORY = 64 * 1024, HEADER = 1024 };

struct fsyi_tune fsyi_tune;
static const struct fsyi_tune tune_defaults = {
#define X(name, value, min, max, unit, variable, provenance) .name = value,
#include <sys/tune.def>
#undef X
};
static struct fsyi_thread records[SIM_THREADS + 1];
static char headers[SIM_THREADS + 1][HEADER] __attribute__((aligned(64)));
static char memory[MEMORY] __attribute__((aligned(64)));
static size_t memory_used;
static bool wiped;
static uint32_t generation;
static char *image;

static void
lend_header(int id)
{
	records[id].queue = NULL;
	records[id].spare = (struct fsyi_waitq *)(void *)headers[id];
	if (&fsyi_waitq_size != NULL)
		memset(headers[id], 0, fsyi_waitq_size);
}

static void
restore_library(void)
{
	size_t data = (size_t)(__stop_sim_lib_data - __start_sim_lib_data);

	if (data > 0 && image == NULL) {
		image = malloc(data);
		memcpy(image, __start_sim_lib_data, data);
	}
	if (data > 0)
		memcpy(__start_sim_lib_data, image, data);
	memset(__start_sim_lib_bss, 0, (size_t)(__stop_sim_lib_bss - __start_sim_lib_bss));
}

void
sim_world_reset(void)
{
	static const char *const names[SIM_THREADS + 1] = { "T0.park", "T1.park", "T2.park", "T3.park", "T4.park", "T5.park" };

	restore_library();
	fsyi_tune = tune_defaults;
	memset(memory, 0, memory_used);
	memory_used = 0;
	wiped = false;
	generation = 0;
	memset(records, 0, sizeof(records));
	for (int i = 0; i <= SIM_THREADS; i++) {
		records[i].virtual_node = -1;
		records[i].random = (uint32_t)i + 1;
		records[i].registered_next = i > 0 ? &records[i - 1] : NULL;
		lend_header(i);
		sim_name(&records[i].park, sizeof(records[i].park), names[i]);
	}
	if (fsyi_lot_publish_attention != NULL && !(sim_run.flags & SIM_NO_MEMBARRIER))
		fsyi_lot_publish_attention();
}

struct fsyi_thread *
fsyi_thread_self(void)
{
	return &records[sim_run.current < 0 ? SIM_THREADS : sim_run.current];
}

void
fsyi_thread_each(void (*visit)(struct fsyi_thread *thread, void *arg), void *arg)
{
	for (int i = 0; i <= SIM_THREADS; i++)
		visit(&records[i], arg);
}

void
sim_place(int id, int node, int cpu)
{
	sim_run.thread[id].node = node;
	sim_run.thread[id].cpu = cpu;
}

int
fsyi_cpu(void)
{
	return sim_run.current < 0 ? 0 : sim_run.thread[sim_run.current].cpu;
}

int
fsyi_node(void)
{
	return sim_run.current < 0 ? 0 : sim_run.thread[sim_run.current].node;
}

int
fsyi_cpu_count(void)
{
	return SIM_THREADS;
}

const struct fsyi_topology *
fsyi_topology(void)
{
	static const struct fsyi_topology four = { 4, true, "simulator" };

	return &four;
}

void *
fsyi_mem_alloc(size_t size, int node)
{
	char *p = memory + memory_used;

	(void)node;
	size = (size + 63) & ~(size_t)63;
	if (size > MEMORY - memory_used)
		return NULL;
	memory_used += size;
	return p;
}

/* The caller is the child's only thread: the others stop in the middle of whatever they did. */
void
sim_fork(void)
{
	sim_point();
	sim_drain(sim_run.current);
	for (int i = 0; i < sim_run.scenario->threads; i++) {
		if (i != sim_run.current)
			sim_run.thread[i].entries = 0;          /* what was not visible stays with the parent */
		if (sim_run.thread[i].state == SIM_LATENT)
			sim_run.thread[i].state = SIM_READY;
		else if (i != sim_run.current && sim_run.thread[i].state != SIM_ENDED)
			sim_run.thread[i].state = SIM_GONE;
	}
	wiped = true;
	generation++;
	sim_tracef("fork: T%d is the child's only thread", sim_run.current);
}

void
sim_await_fork(void)
{
	sim_run.thread[sim_run.current].state = SIM_LATENT;
	sim_point();
}

void
fsyi_fork_check(void)
{
	int self = sim_run.current;
	bool trace = sim_run.trace;

	if (!wiped)
		return;
	wiped = false;
	sim_drain(self);
	sim_run.trace = false;
	sim_run.current = -1;                   /* recovery excludes other slow paths: it is one step */
	if (fsyi_lot_fork_child != NULL)
		fsyi_lot_fork_child();
	for (int i = 0; i <= SIM_THREADS; i++)
		lend_header(i);
	sim_run.current = self;
	sim_run.trace = trace;
}

uint32_t
fsyi_fork_generation(void)
{
	return generation;
}

/* The observers' hooks run with no bucket lock held and may not wait. */
void
fsyi_count_contended(const void *object, int64_t wait_ns, bool remote)
{
	(void)object;
	(void)remote;
	if (wait_ns < 0)
		sim_fail("a wait of %lld ns", (long long)wait_ns);
}

void
fsyi_count_park(const void *object)
{
	(void)object;
}

void
fsyi_count_wake(const void *object)
{
	(void)object;
}

void
fsyi_count_membarrier(const void *object)
{
	(void)object;
}

bool
fsyi_switch_on(const char *variable)
{
	(void)variable;
	return true;
}

const char *
fsyi_tune_error(void)
{
	return NULL;
}

void
fsyi_fatal(const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sim_fail("the library aborts: %s", text);
}
