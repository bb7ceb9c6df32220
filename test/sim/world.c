/* SPDX-License-Identifier: MIT */
/*
 * world.c - the rest of lib/sys for virtual threads: records, places, memory, tunables, last words. Shared by
 * the scheduler and the relacy machine (test/model), so it knows a thread by sim_self() alone.
 *
 * The library's own static data is put back to its load-time image before each schedule: the build collects
 * it into the sections sim_lib_data and sim_lib_bss (see build.sh).
 */
#include "scenario.h"
#include <diag/hook.h>
#include <fastsync/owner.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/cpu.h>
#include <sys/fatal.h>
#include <sys/fork.h>
#include <sys/mem.h>
#include <sys/membarrier.h>
#include <sys/thread.h>
#include <sys/topology.h>
#include <sys/tune.h>

extern char __start_sim_lib_data[] __attribute__((weak)), __stop_sim_lib_data[] __attribute__((weak));
extern char __start_sim_lib_bss[] __attribute__((weak)), __stop_sim_lib_bss[] __attribute__((weak));
/* The library's thread-local data: the program has no other. Sets size to 0 if there is none. */
static int
find_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct sim_tls *tls = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*tls = (struct sim_tls){ info->dlpi_tls_data, (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
						 info->dlpi_phdr[i].p_memsz, info->dlpi_phdr[i].p_filesz };
	return 1;                               /* the first object is the program */
}

struct sim_tls
sim_tls(void)
{
	static struct sim_tls tls;
	static bool looked;

	if (!looked)
		dl_iterate_phdr(find_tls, &tls);
	looked = true;
	return tls;
}

/* As a thread finds it that begins. */
void
sim_tls_begin(void *data)
{
	struct sim_tls tls = sim_tls();

	memcpy(data, tls.image, tls.initialised);
	memset((char *)data + tls.initialised, 0, tls.size - tls.initialised);
}

/* The toys run without the library. */
extern const size_t fsyi_waitq_size __attribute__((weak));
void fsyi_lot_publish_attention(void) __attribute__((weak));

enum { MEMORY = 64 * 1024, HEADER = 1024 };

struct fsyi_tune fsyi_tune;
static const struct fsyi_tune tune_defaults = {
#define X(name, value, min, max, unit, variable, provenance) .name = value,
#include <sys/tune.def>
#undef X
};
__thread struct fsyi_thread *fsyi_thread_current;       /* nobody: a hint */
static struct fsyi_thread records[SIM_THREADS + 1];
static char headers[SIM_THREADS + 1][HEADER] __attribute__((aligned(64)));
static char memory[MEMORY] __attribute__((aligned(64)));
static size_t memory_used;
static struct place { int node, cpu; } places[SIM_THREADS];
int sim_cpus;
static struct fsy_self_ selves[SIM_THREADS + 1];
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
	sim_tls_begin(sim_tls().data);
	fsyi_tune = tune_defaults;
	memset(memory, 0, memory_used);
	memory_used = 0;
	memset(records, 0, sizeof(records));
	for (int i = 0; i <= SIM_THREADS; i++) {
		records[i].virtual_node = -1;
		records[i].registered_next = i > 0 ? &records[i - 1] : NULL;
		lend_header(i);
		sim_name(&records[i].park, sizeof(records[i].park), names[i]);
	}
	for (int i = 0; i <= SIM_THREADS; i++)
		selves[i] = (struct fsy_self_){ .id_ = FSY_NOBODY_ };
	sim_cpus = SIM_THREADS;
	for (int i = 0; i < SIM_THREADS; i++)
		places[i] = (struct place){ 0, i };
	if (fsyi_lot_publish_attention != NULL && fsyi_membarrier_init())
		fsyi_lot_publish_attention();
}

struct fsy_self_ *
sim_self_locals(void)
{
	return &selves[sim_self() < 0 ? SIM_THREADS : sim_self()];
}

struct fsyi_thread *
fsyi_thread_self(void)
{
	return &records[sim_self() < 0 ? SIM_THREADS : sim_self()];
}

uint32_t
fsyi_thread_id(void)
{
	return (uint32_t)sim_self() + 2;
}

void
fsyi_thread_each(void (*visit)(struct fsyi_thread *thread, void *arg), void *arg)
{
	for (int i = 0; i <= SIM_THREADS; i++)
		visit(&records[i], arg);
}

void
fsyi_thread_fork_child(void)
{
	for (int i = 0; i <= SIM_THREADS; i++)
		lend_header(i);
}

void
sim_place(int id, int node, int cpu)
{
	places[id] = (struct place){ node, cpu };
}

int
fsyi_cpu(void)
{
	return sim_self() < 0 ? 0 : places[sim_self()].cpu;
}

int
fsyi_node(void)
{
	return sim_self() < 0 ? 0 : places[sim_self()].node;
}

int
fsyi_cpu_count(void)
{
	return sim_cpus;
}

const struct fsyi_topology *
fsyi_topology(void)
{
	static const struct fsyi_topology four = { 4, true, "simulator" };

	return &four;
}

int
fsyi_topology_distance(int from, int to)
{
	return from == to ? 10 : 20 + to;
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

/* The observers' hooks run with no bucket lock held and may not wait. */
void
fsyi_count_contended(const void *object, int64_t wait_ns)
{
	(void)object;
	if (wait_ns < 0)
		sim_fail("a wait of %lld ns", (long long)wait_ns);
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
