/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - the CPU and node of the calling thread. glibc (>= 2.35) registers an rseq area for each thread, into which
 * the kernel writes the CPU number at every migration, and since Linux 6.3 the node too. Only read here.
 */
#include "cpu.h"
#include "init.h"
#include "kernel.h"
#include "thread.h"
#include "topology.h"
#include "tune.h"

#include <errno.h>
#include <fastsync/error.h>
#include <sched.h>
#include <sys/auxv.h>

#define AUX_RSEQ_FEATURE_SIZE 27                 /* AT_RSEQ_FEATURE_SIZE; not in older headers */
#define RSEQ_CPU_ID           4                  /* offsets in struct rseq: ABI */
#define RSEQ_NODE_ID          20
#define MAX_CPUS              65536              /* the kernel's own limit is 8192 */

/* Absent from musl and older glibc. __rseq_size counts only what that glibc knew of, so the kernel is asked instead. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static bool rseq_cpu, rseq_node;                 /* written by the constructor only */
static fsy_atomic_u32 cpu_count;

ptrdiff_t fsyi_cpu_at;
static __thread int32_t nowhere __attribute__((tls_model("initial-exec"))) = -1;      /* at one distance from all thread pointers */

static inline const char *
thread_pointer(void)
{
#if defined(__x86_64__)
	const char *pointer;

	__asm__("mov %%fs:0, %0" : "=r"(pointer));
	return pointer;
#else
	return __builtin_thread_pointer();
#endif
}

static inline int32_t
rseq_read(int field)
{
	return __atomic_load_n((const int32_t *)(const void *)(thread_pointer() + __rseq_offset + field), __ATOMIC_RELAXED);
}

int
fsyi_cpu(void)
{
	unsigned int cpu = 0;
	int saved;

	if (rseq_cpu) {
		int32_t id = rseq_read(RSEQ_CPU_ID);

		if (id >= 0)                     /* negative: this thread has no registration */
			return id;
	}
	saved = errno;
	if (getcpu(&cpu, NULL) != 0)
		cpu = 0;
	errno = saved;
	return (int)cpu;
}

int
fsyi_node(void)
{
	const struct fsyi_thread *self = fsyi_thread_current;

	if (self != NULL && self->virtual_node >= 0)
		return self->virtual_node;
	if (fsyi_topology()->nodes == 1)
		return 0;
	if (rseq_node && rseq_read(RSEQ_CPU_ID) >= 0) {
		int node = fsyi_topology_dense_node(rseq_read(RSEQ_NODE_ID));    /* -1 if the topology is fake */

		if (node >= 0)
			return node;
	}
	return fsyi_topology_node_of_cpu(fsyi_cpu());
}

int
fsyi_cpu_count(void)
{
	uint32_t count = fsy_atomic_u32_load_rlx(&cpu_count);
	static uint64_t mask[MAX_CPUS / 64];
	long bytes;

	if (FSY_LIKELY(count != 0))
		return (int)count;
	/* Several first callers write the same answer over each other. */
	bytes = fsyi_syscall(SYS_sched_getaffinity, 0, sizeof(mask), FSYI_ARG(mask), 0, 0, 0);
	for (long i = 0; i < bytes / 8; i++)
		count += (uint32_t)__builtin_popcountll(mask[i]);
	if (count == 0)
		count = 2;                       /* refused: spinning is the lesser harm */
	fsy_atomic_u32_store_rlx(&cpu_count, count);
	return (int)count;
}

bool
fsyi_cpu_rseq_used(void)
{
	return rseq_cpu;
}

bool
fsyi_cpu_node_used(void)
{
	return rseq_node;
}

void
fsyi_cpu_init(void)
{
	fsyi_cpu_at = (const char *)&nowhere - thread_pointer();
	if (fsyi_switch_on("FASTSYNC_RSEQ") && &__rseq_offset != NULL && &__rseq_size != NULL && __rseq_size != 0) {
		rseq_cpu = true;
		fsyi_cpu_at = __rseq_offset + RSEQ_CPU_ID;
		rseq_node = getauxval(AUX_RSEQ_FEATURE_SIZE) >= RSEQ_NODE_ID + sizeof(int32_t);
	}
	fsyi_cpu_count();
}

FSY_API int
fsy_thread_set_node(int node)
{
	struct fsyi_thread *self;

	if (node < -1 || node >= fsyi_topology()->nodes)
		return FSY_EINVAL;
	self = fsyi_thread_self();
	if (self == NULL)
		return FSY_ENOMEM;
	self->virtual_node = (int16_t)node;
	return 0;
}

void
fsyi_yield(void)
{
	fsyi_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}
