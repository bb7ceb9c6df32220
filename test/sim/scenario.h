/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - what a scenario sees of the simulated machine.
 *
 * A scenario file defines sim_cases[]. main.c runs each case under each strategy: a schedule is one
 * execution of setup(), then of thread(0..threads-1) one step at a time in an order that the strategy
 * chooses, then of check(). The first schedule that fails is printed with the command that replays it.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim_machine.h"

#define SIM_THREADS 6

enum sim_flags {
	SIM_TSO = 1,                /* plain stores wait in store buffers; else sequential consistency */
	SIM_NO_MEMBARRIER = 2,      /* fsyi_membarrier_init() refuses */
	SIM_EXPECT_FAILURE = 4,     /* a toy with a known bug: the machine must find it */
	SIM_NO_DFS = 8,             /* too long for exhaustive search */
	SIM_DFS_ONLY = 16,
	SIM_SLOW = 32,              /* a twentieth of the schedules */
	SIM_LOSES_MEMBARRIER = 128, /* fsyi_membarrier() is refused from some call on */
	SIM_FAIR = 64,              /* threads run side by side at one speed: for bounds in time */
};

struct sim_case {
	const char *name;
	int threads;
	void (*setup)(void);        /* may set sim_tick, fsyi_tune, sim_place() */
	void (*thread)(int id);
	void (*check)(void);        /* everybody has ended and all buffers are drained */
	unsigned flags;
	int preemptions;            /* bound of the exhaustive search; 0 means 2 */
};

extern const struct sim_case sim_cases[]; /* ended by a case without a name */

/* A scheduling point without an access: a critical section, a thread that is slow; and one that waits for others. */
void sim_point(void);
void sim_yield(void);

/* The case's threads; the calling one, -1 in setup and check. */
int sim_threads(void);
int sim_self(void);

/* Virtual nanoseconds. Reading it is no scheduling point. */
int64_t sim_now(void);

/* Seeded by the schedule. */
uint32_t sim_random(uint32_t limit);

/* Ends the schedule as failed. */
__attribute__((noreturn, format(printf, 1, 2)))
void sim_fail(const char *format, ...);

/* In the setup of a case that must fail: with a message that has this in it. */
void sim_expect(const char *part);

#define SIM_CHECK(condition) \
	((condition) ? (void)0 : sim_fail("%s (%s:%d)", #condition, __FILE__, __LINE__))

/* From now on an access to the range is an error, until it is revived. Drains the caller's stores, as munmap does. */
void sim_kill(const volatile void *p, size_t size);
void sim_revive(const volatile void *p, size_t size);

/* A name for the trace. */
void sim_name(const volatile void *p, size_t size, const char *name);

/* Where thread id runs. Default: node 0, CPU id. */
void sim_place(int id, int node, int cpu);

/* How many CPUs the library is told of. Default: one for each thread. Set in setup. */
extern int sim_cpus;

/* Virtual nanoseconds per step; 0 = chosen by the schedule. Set in setup. */
extern int64_t sim_tick;

/* The machines' business: where the library's thread-local data lies for the one real thread there is, and what it is at first. */
struct sim_tls { void *data; const void *image; size_t size, initialised; };
struct sim_tls sim_tls(void);
void sim_tls_begin(void *data);

/* How many futex waits, wakes and membarriers the schedule has made so far. */
struct sim_counts { unsigned waits, wakes, membarriers, timeouts; };
extern struct sim_counts sim_counts;

/* For scenarios that play a forked child: threads other than the caller stop where they are, except those in
 * sim_await_fork(), which start as threads of the child. The fork word is wiped, so that the next
 * fsyi_fork_check() recovers. */
void sim_fork(void);
void sim_await_fork(void);

#endif
