/* SPDX-License-Identifier: MIT */
/* cpu.h - where the calling thread runs. Hints: the answer may be stale when it is returned. */
#ifndef FSYI_CPU_H
#define FSYI_CPU_H

#include <stdbool.h>

/* CPU number (rseq: one load; else getcpu). */
int fsyi_cpu(void);

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
