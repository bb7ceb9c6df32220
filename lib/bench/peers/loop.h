/* SPDX-License-Identifier: MIT */
/*
 * loop.h - the loops of every C and C++ peer, written once. Each macro makes one `run` function around a library's
 * own lock and unlock expressions, so that whatever the library inlines is inlined here. The Rust and Go loops have
 * the same shape by hand: README.md in this directory lists what "same" means.
 *
 * In all of them:
 *   - the stop flag is a plain load and `ops` a plain store per operation, on lines nobody else writes;
 *   - work inside the lock reads and writes the protected datum, so that sections cannot overlap out of order;
 *   - a latency run is a second copy of the loop, so that the plain one has no trace of it; it is compiled for size, since two
 *     readings of the clock in it hide what the compiler makes of the rest.
 */
#ifndef FSYB_LOOP_H
#define FSYB_LOOP_H

#include "../peer.h"

#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* worker->reserved[FSYB_TSC_KHZ]: latency stamps are rdtsc ticks of this frequency; 0: CLOCK_MONOTONIC. */
#define FSYB_TSC_KHZ 0

#define FSYB_INLINE static inline __attribute__((always_inline))

/* The controller looks at these while the loop runs: relaxed, which is a plain instruction on every machine. */
FSYB_INLINE uint32_t
fsyb_load32(const volatile uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

FSYB_INLINE uint64_t
fsyb_load(const volatile uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

FSYB_INLINE void
fsyb_store(volatile uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

struct fsyb_stamp {
	uint64_t scale; /* nanoseconds per tick, 32.32 fixed point; 0: CLOCK_MONOTONIC */
};

FSYB_INLINE struct fsyb_stamp
fsyb_stamp_begin(const struct fsyb_worker *worker)
{
	struct fsyb_stamp stamp = {0};
#if defined(__x86_64__)
	uint64_t khz = worker->reserved[FSYB_TSC_KHZ];

	if (khz != 0)
		stamp.scale = ((uint64_t)1000000 << 32) / khz;
#else
	(void)worker;
#endif
	return stamp;
}

static __attribute__((noinline, unused)) uint64_t
fsyb_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

FSYB_INLINE uint64_t
fsyb_stamp_now(const struct fsyb_stamp *stamp)
{
#if defined(__x86_64__)
	if (stamp->scale != 0)
		return __rdtsc();
#else
	(void)stamp;
#endif
	return fsyb_clock();
}

/* Called after the unlock: the bookkeeping is not part of the section, nor worth its size in every loop. */
static __attribute__((noinline, unused)) void
fsyb_stamp_record(const struct fsyb_stamp *stamp, struct fsyb_worker *worker, uint64_t before, uint64_t after)
{
	uint64_t ns = after > before ? after - before : 0;

	if (stamp->scale != 0)
		ns = (uint64_t)(((unsigned __int128)ns * stamp->scale) >> 32);
	fsyb_store(&worker->histogram[fsyb_bucket(ns)], worker->histogram[fsyb_bucket(ns)] + 1);
	if (ns > fsyb_load(&worker->longest_ns))
		fsyb_store(&worker->longest_ns, ns);
}

FSYB_INLINE uint64_t
fsyb_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

FSYB_INLINE int
fsyb_draw_write(uint64_t *state, uint32_t permille)
{
	return (fsyb_random(state) >> 32) * 1000 >> 32 < permille;
}

/* Keeps a value that is computed but not otherwise used. */
#define FSYB_KEEP(value) __asm__ volatile("" : : "r"(value) : "memory")

/* With FSYB_NO_STAMPS, for kinds that are never stamped, the second copy is left out: asked for it, the loop does nothing. */
#ifdef FSYB_NO_STAMPS
#define FSYB_STAMPED_(function, TYPE) FSYB_INLINE void function##_stamped(TYPE *self, struct fsyb_worker *worker) { (void)self, (void)worker; }
#else
#define FSYB_STAMPED_(function, TYPE)                                                                                  \
	static __attribute__((cold, noinline)) void function##_stamped(TYPE *self, struct fsyb_worker *worker)         \
	{                                                                                                              \
		function##_loop(self, worker, 1);                                                                      \
	}
#endif

/* The frame of every loop: BODY runs once per operation and may use worker, latency, stamp, before and after. */
#define FSYB_LOOP_(function, TYPE, BEGIN, BODY, END)                                                                   \
	FSYB_INLINE void function##_loop(TYPE *self, struct fsyb_worker *worker, const int latency)                    \
	{                                                                                                              \
		const struct fsyb_stamp stamp = fsyb_stamp_begin(worker);                                              \
		const uint64_t limit = worker->limit != 0 ? worker->limit : UINT64_MAX;                                \
		const uint32_t section = worker->section, outside = worker->outside;                                   \
		const volatile uint32_t *const stop = worker->stop;                                                    \
		uint64_t ops = worker->ops, spare = 1, before = 0, after = 0;                                          \
                                                                                                                       \
		(void)self, (void)section;                                                                             \
		BEGIN;                                                                                                 \
		while (ops < limit && fsyb_load32(stop) == 0) {                                                                    \
			if (latency)                                                                                   \
				before = fsyb_stamp_now(&stamp);                                                       \
			{                                                                                              \
				BODY;                                                                                  \
			}                                                                                              \
			if (latency)                                                                                   \
				fsyb_stamp_record(&stamp, worker, before, after);                                      \
			spare = fsyb_work(spare, outside);                                                             \
			fsyb_store(&worker->ops, ++ops);                                                               \
		}                                                                                                      \
		FSYB_KEEP(spare);                                                                                      \
		END;                                                                                                   \
	}                                                                                                              \
	FSYB_STAMPED_(function, TYPE)                                                                                  \
	static void function(void *object, struct fsyb_worker *worker)                                                 \
	{                                                                                                              \
		if (worker->histogram != NULL)                                                                         \
			function##_stamped((TYPE *)object, worker);                                                    \
		else                                                                                                   \
			function##_loop((TYPE *)object, worker, 0);                                                    \
	}

#define FSYB_ACQUIRED_ (latency ? (void)(after = fsyb_stamp_now(&stamp)) : (void)0)

/* self->datum is the counter. START declares what a worker keeps for itself (an MCS node, say). */
#define FSYB_MUTEX_LOOP(function, TYPE, START, LOCK, UNLOCK)                                                           \
	FSYB_LOOP_(function, TYPE, START,                                                                              \
	           LOCK; FSYB_ACQUIRED_; self->datum = fsyb_work(self->datum + 1, section); UNLOCK, (void)0)

/*
 * self->words[2] change together under the write lock. A reader folds their difference into `torn`, on which its work
 * is done: it stays 0 as long as no reader ever sees half a write, and that is checked at the end.
 */
#define FSYB_RW_LOOP(function, TYPE, START, RLOCK, RUNLOCK, LOCK, UNLOCK)                                              \
	FSYB_LOOP_(function, TYPE, START; uint64_t torn = 0; uint64_t writes = worker->writes;                         \
	           uint64_t random = worker->random; const uint32_t write_permille = worker->write_permille,           \
	           if (fsyb_draw_write(&random, write_permille)) {                                                     \
		           LOCK;                                                                                       \
		           FSYB_ACQUIRED_;                                                                             \
		           self->words[0] = self->words[0] + 1;                                                        \
		           self->words[1] = fsyb_work(self->words[1] + 1, section);                                    \
		           UNLOCK;                                                                                     \
		           writes++;                                                                                   \
	           } else {                                                                                            \
		           RLOCK;                                                                                      \
		           FSYB_ACQUIRED_;                                                                             \
		           torn = fsyb_work(torn | (self->words[0] ^ self->words[1]), section);                        \
		           RUNLOCK;                                                                                    \
	           },                                                                                                  \
	           worker->writes = writes; worker->random = random;                                                   \
	           if (torn != 0) __atomic_store_n(&self->torn, 1, __ATOMIC_RELAXED))

/* The same, held for as long as the harness says: the kind of the starvation experiment. */
#define FSYB_HOLD_HOOKS 1
FSYB_INLINE struct fsyb_hold *
fsyb_hold_of(const struct fsyb_worker *worker)
{
	return (struct fsyb_hold *)(uintptr_t)worker->reserved[FSYB_HOLD_HOOKS];
}

FSYB_INLINE void
fsyb_ask(struct fsyb_hold *hold)
{
	if (hold != NULL)
		hold->ask(hold);
}

FSYB_INLINE void
fsyb_held(struct fsyb_hold *hold, int write)
{
	if (hold != NULL)
		hold->held(hold, write);
}

FSYB_INLINE void
fsyb_left(struct fsyb_hold *hold)
{
	if (hold != NULL)
		hold->left(hold);
}

#define FSYB_HOLD_LOOP(function, TYPE, RLOCK, RUNLOCK, LOCK, UNLOCK)                                                   \
	FSYB_RW_LOOP(function, TYPE, struct fsyb_hold *const hold = fsyb_hold_of(worker),                              \
	             fsyb_ask(hold); RLOCK, fsyb_held(hold, 0); RUNLOCK; fsyb_left(hold),                              \
	             fsyb_ask(hold); LOCK, fsyb_held(hold, 1); UNLOCK; fsyb_left(hold))

#define FSYB_ATOMIC_LOOP(function, TYPE, ADD) FSYB_LOOP_(function, TYPE, (void)0, ADD; FSYB_ACQUIRED_, (void)0)
#define FSYB_ONCE_LOOP(function, TYPE, CALL) FSYB_LOOP_(function, TYPE, (void)0, CALL; FSYB_ACQUIRED_, (void)0)

/* 1 KB objects. The compiler must not drop stores to memory that is about to be freed. */
#define FSYB_POOL_BYTES 1024
#define FSYB_POOL_LOOP(function, TYPE, GET, PUT)                                                                       \
	FSYB_LOOP_(function, TYPE, uint64_t *item,                                                                     \
	           item = (uint64_t *)(GET); FSYB_ACQUIRED_; item[0] = ops;                                            \
	           item[FSYB_POOL_BYTES / sizeof(*item) - 1] = ops; FSYB_KEEP(item); PUT, (void)0)

#endif
