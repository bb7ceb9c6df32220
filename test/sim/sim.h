/* SPDX-License-Identifier: MIT */
/* sim.h - the inside of the simulated machine: threads, agents, strategies. */
#ifndef SIM_H
#define SIM_H

#include "scenario.h"
#include <setjmp.h>
#include <stdio.h>

#define SIM_BUFFER 32               /* entries per store buffer; a store into a full one drains it */
#define SIM_STEP_LIMIT 200000       /* more is a livelock */

enum sim_state { SIM_ENDED, SIM_READY, SIM_DELAY, SIM_FUTEX, SIM_LATENT, SIM_GONE };

struct sim_entry {
	volatile uint8_t *p;
	uint64_t value;
	unsigned size;
	bool soft;                  /* no compiler barrier yet: the store may not even have been issued */
};

struct sim_thread {
	enum sim_state state;
	int64_t deadline;           /* of a delay or futex wait; INT64_MAX = none */
	const volatile void *futex; /* what it sleeps on */
	uint64_t futex_turn;        /* FIFO order among sleepers */
	bool timed_out;
	bool yielded;               /* asked for somebody else to run */
	bool hold;                  /* exhaustive search: keep the store buffer for now */
	unsigned entries;
	struct sim_entry buffer[SIM_BUFFER];
	jmp_buf context;
};

/* What can happen next. */
enum sim_kind { SIM_RUN, SIM_FLUSH, SIM_HOLD, SIM_TIME };
struct sim_agent { enum sim_kind kind; int thread; };
#define SIM_AGENTS (2 * SIM_THREADS + 2)

enum { SIM_DEEP_SHARES = 10 };              /* of the budget for an exhaustive search with --deeper */
enum sim_strategy { SIM_RANDOM, SIM_PCT, SIM_DFS, SIM_STRATEGIES };

struct sim_run {
	const struct sim_case *scenario;
	enum sim_strategy strategy;
	unsigned flags;
	uint64_t seed, random;
	int64_t now, tick;
	unsigned long steps;
	unsigned same;              /* steps since the last change of thread */
	int current;                /* running thread, -1 outside */
	bool trace, failed, membarrier_lost;
	char message[400];
	const char *expected;       /* sim_expect */
	uint64_t print;             /* fingerprint of the schedule: what moved, and when */
	unsigned long done;         /* schedules of this search */
	struct sim_thread thread[SIM_THREADS];
};
extern struct sim_run sim_run;

/* main.c */
extern const char *const sim_strategies[];
extern struct sim_options {
	const char *program, *label;
	uint64_t seed;
	unsigned long schedules, exhaustive, at_least;
	double budget;              /* CPU seconds of the random searches; 0 = no limit */
	int bound;                  /* 0 = the case's own */
	bool deeper;                /* and one more */
} sim_options;

/* search.c */
unsigned long sim_search(unsigned long limit, double end, unsigned long *steps, bool *complete); /* until `limit`, `end` (CPU seconds) or a failure */
bool sim_run_case(int shares);              /* with its share of the budget, of which there are so many left */
void sim_print_replay(void);

/* memory.c */
void sim_drain(int thread);                 /* everything, as a locked instruction or a system call does */
void sim_flush_one(int thread);             /* the oldest entry */
void sim_barrier(int thread);               /* another CPU's interrupt: entries that have been issued */
void sim_touch(const volatile void *p, unsigned size, const char *what);
void sim_memory_reset(void);
const char *sim_where(const volatile void *p);

/* sched.c: gives way until the calling thread is to run again. */
void sim_decide(void);
void sim_sched_init(void);
void sim_execute(void);                     /* one schedule from reset to check */
void sim_tracef(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* fiber.c */
void sim_fibers_init(void);
void sim_switch(int from, int to);          /* -1 is the scheduler's caller */
void sim_fibers_forget(void);               /* a schedule was abandoned: start anew */

/* world.c, fork.c */
void sim_world_reset(void);
void sim_fork_reset(void);

/* strategy.c */
void sim_strategy_begin(void);
int sim_choose(const struct sim_agent *agents, int count); /* agents[0] is the natural continuation */
uint32_t sim_draw(uint32_t limit);

/* explore.c: depth-first search over the choices of one case. */
void sim_dfs_begin(int bound);
bool sim_dfs_next(void);                    /* false: every schedule within the bound has run */
int sim_dfs_choose(const struct sim_agent *agents, int count);
void sim_dfs_print(FILE *out);
bool sim_dfs_parse(const char *path);

#endif
