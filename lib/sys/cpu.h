/* SPDX-License-Identifier: MIT */
/* cpu.h - where the calling thread runs. Hints: the answer may be stale when it is returned. */
#ifndef FSYI_CPU_H
#define FSYI_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CPU number (rseq: one load; else getcpu). */
int fsyi_cpu(void);

/* fsyi_cpu in a few instructions, for what is done at every lock. Without rseq -1; before the constructor anything. */
extern ptrdiff_t fsyi_cpu_at __attribute__((visibility("hidden")));
static inline int
fsyi_cpu_quick(void)
{
#if defined(__x86_64__)
	int32_t cpu;

	__asm__ volatile("movl %%fs:(%1), %0" : "=r"(cpu) : "r"(fsyi_cpu_at));
	return cpu;
#else
	return __atomic_load_n((const int32_t *)(const void *)((const char *)__builtin_thread_pointer() + fsyi_cpu_at), __ATOMIC_RELAXED);
#endif
}

/* What a lock keeps of where it was taken: of the CPU's number 7 bits, never 0 or 1. A hint: of several CPUs it is the same. Of -1: nobody's. */
static inline uint8_t
fsyi_cpu_mark(int cpu)
{
	return (uint8_t)(cpu | 0x80);
}

/* Dense node number of the calling thread: its virtual node if set, else the node of its CPU. */
int fsyi_node(void);

/* CPUs that this process may run on, counted once at start; 1 means that spinning is pointless. */
int fsyi_cpu_count(void);

/* Whether rseq answers (glibc >= 2.35, and FASTSYNC_RSEQ is not off). */
bool fsyi_cpu_rseq_used(void);

/* Whether it knows the node too (Linux >= 6.3). */
bool fsyi_cpu_node_used(void);

/* Lets whoever waits for this CPU run first. */
void fsyi_yield(void);

#endif
