/* SPDX-License-Identifier: MIT */
/* stand_ins.c - functions of libc and libnuma that the linker sends through here (-Wl,--wrap): getcpu is no system call where there is a vDSO, and
 * libnuma makes its own. */
#include "fault.h"

#include <errno.h>
#include <numa.h>

int getcpu_does, numa_does;

int __real_getcpu(unsigned int *cpu, unsigned int *node);
int __wrap_getcpu(unsigned int *cpu, unsigned int *node);
int __real_numa_available(void);
int __wrap_numa_available(void);
struct bitmask *__real_numa_allocate_cpumask(void);
struct bitmask *__wrap_numa_allocate_cpumask(void);
int __real_numa_node_to_cpus(int node, struct bitmask *mask);
int __wrap_numa_node_to_cpus(int node, struct bitmask *mask);
int __real_numa_distance(int from, int to);
int __wrap_numa_distance(int from, int to);

int
__wrap_getcpu(unsigned int *cpu, unsigned int *node)
{
	if (getcpu_does == CPU_KNOWN)
		return __real_getcpu(cpu, node);
	fault_count_hit();
	errno = ENOSYS;
	if (getcpu_does == CPU_REFUSED)
		return -1;
	if (cpu != NULL)
		*cpu = 0x7ffffff0;
	return 0;
}

int
__wrap_numa_available(void)
{
	if (numa_does != NUMA_MISSING)
		return __real_numa_available();
	fault_count_hit();
	return -1;
}

struct bitmask *
__wrap_numa_allocate_cpumask(void)
{
	if (numa_does != NUMA_NO_MASK)
		return __real_numa_allocate_cpumask();
	fault_count_hit();
	return NULL;
}

int
__wrap_numa_node_to_cpus(int node, struct bitmask *mask)
{
	if (numa_does != NUMA_NO_CPUS)
		return __real_numa_node_to_cpus(node, mask);
	fault_count_hit();
	errno = ERANGE;
	return -1;
}

int
__wrap_numa_distance(int from, int to)
{
	if (numa_does != NUMA_NO_DISTANCE)
		return __real_numa_distance(from, to);
	fault_count_hit();
	return 0;
}
