/* SPDX-License-Identifier: MIT */
/*
 * cost.h - a machine of any number of CPUs and nodes that charges the real library code for what it does: a discrete-event
 * simulation. It says what a protocol costs in cache misses, wake-ups and waits; it looks for no errors (test/sim does).
 *
 * TIME    every virtual thread has its own clock, in picoseconds. The thread with the least goes on, so that accesses happen in the order of
 *         their times, to within a quantum that hits may run ahead.
 * LINES   a cache line has an owner (modified) or sharers, and a home. A miss costs by where the line comes from, and waits for the
 *         misses of others that are at it: requests for a line are served one after the other, in the order of their arrival.
 * STORES  a plain store retires at once and waits for its line in the background; a locked instruction waits for all stores before it.
 * CPUS    each runs one thread at a time, in turns of a slice; a sleeper that is woken waits for the latency of a wake-up, and for its CPU.
 * NOT     plain accesses (queues under a bucket lock), bandwidth, cores that clock down, hyper-threads, and what the hardware does in favour of the
 *         near: they cost nothing here.
 */
#ifndef COST_H
#define COST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { COST_THREADS = 512, COST_CPUS = 256, COST_NODES = 16 };

/* In nanoseconds. */
struct cost_model {
	double hit;                     /* a load or store that hits, and what stands around it */
	double locked;                  /* a locked instruction on an own line */
	double near, far;               /* a line from another core of the node; of another node */
	double memory, far_memory;      /* from memory */
	double echo;                    /* how long a line that is read by many is busy with each */
	double relax, clock;            /* a pause; reading the clock */
	double call;                    /* a system call that does nothing */
	double wake, latency;           /* what waking costs the waker; until the sleeper runs, on an idle CPU */
	double change;                  /* from one thread of a CPU to the next */
	double slice;                   /* for how long, while others wait for the CPU */
	double fence, interrupt;        /* membarrier: the caller's, and of each CPU that runs */
};
extern struct cost_model cost_model;

struct cost_machine {
	int nodes, cpus_per_node, threads;
	bool policy;                    /* the library knows the nodes */
	uint64_t seed;
};
extern struct cost_machine cost_machine;

/* engine.c */
void cost_run(void (*body)(int thread));        /* all threads, until each has returned */
int cost_self(void);                            /* -1 outside */
int cost_cpu(int thread);
int cost_node(int thread);
int64_t cost_now(void);                         /* ns of the calling thread */
int64_t cost_now_ps(void);
void cost_spend(double ns);                     /* work that touches nothing shared */
void cost_sync(bool strict);                    /* lets those go first whose time is less */
bool cost_sleep(const void *key, int64_t deadline_ns);  /* false: the deadline is over */
int cost_wake(const void *key, int count);
void cost_interrupt_others(double ns);
void cost_yield(void);
double cost_jitter(double ns);
void cost_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* lines.c */
struct cost_counts {
	uint64_t near, far, memory, wakes, sleeps, fences, switches;
};
extern struct cost_counts cost_counts;
void cost_stores_issued(int64_t done_ps);
int64_t cost_stores_done(void);
void cost_set_time(int64_t ps);
void cost_touch(void *p, bool write);           /* plain data */

#endif
