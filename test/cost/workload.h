/* SPDX-License-Identifier: MIT */
/* workload.h - threads that do nothing but lock, work, unlock; and what came of it. */
#ifndef COST_WORKLOAD_H
#define COST_WORKLOAD_H

#include "cost.h"

struct cost_lock {
	const char *name;
	void (*enter)(int thread);
	void (*leave)(int thread);
	bool shared;                    /* many are inside at once */
};

/* The toys, then the library's: mutex, rwmutex and fair rwlock for writers and for readers. Ends with a NULL name. */
extern const struct cost_lock cost_locks[];
const struct cost_lock *cost_lock_named(const char *name);

struct cost_load {
	const struct cost_lock *lock;
	double section, outside;        /* ns of work with the lock and without */
	int lines;                      /* shared lines that are written inside, read if the lock is shared */
	double run_us, warm_us;         /* of the machine's time, after so much to warm up; default a fifth */
};

struct cost_result {
	double mops;                    /* million sections a second */
	double local;                   /* share of the moves from one thread to another that stay on the node; -1: none */
	uint64_t moves;
	double longest_us;              /* wait of anybody */
	double jain;                    /* 1 = all threads had the same */
	struct cost_counts counts;      /* in the whole run */
	double elapsed_us;
};

/* In a process of its own, so that each starts with fresh memory. */
struct cost_result cost_measure(const struct cost_machine *machine, const struct cost_load *load);

void cost_world_begin(void);

/* smoke.c, machines.c: "ok" and "not ok" lines; the exit status. */
int cost_smoke(void);
int cost_machines(void);

#endif
