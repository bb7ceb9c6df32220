/* SPDX-License-Identifier: MIT */
/*
 * loop_wait.h - the loops of what makes threads wait for each other: condition variables, wait groups, barriers, and a pool
 * whose objects are put by another thread than the one that got them. A library P supplies a handful of P_* functions; the
 * macros make objects and `run` functions of them. The Rust and Go loops have the same shape by hand.
 *
 * Turns: workers 2i and 2i + 1 take turns, one hand-over is one operation; a worker without a neighbour hands over to itself.
 * All: worker 0 lets all others go and waits until they have answered; one operation for each worker that has been woken.
 * Whoever ends first must not leave the others waiting: each loop says how it takes its leave. They run once per object.
 */
#ifndef FSYB_LOOP_WAIT_H
#define FSYB_LOOP_WAIT_H

#include "loop.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* PREFIX_create and PREFIX_destroy of a struct PREFIX_table, which ends with one seat for two workers. */
#define FSYB_TABLE(PREFIX, FIELDS, INIT, FINI)                                                                                                     \
	struct PREFIX##_seat {                                                                                                                     \
		FIELDS;                                                                                                                            \
	} __attribute__((aligned(128)));                                                                                                           \
	struct PREFIX##_table {                                                                                                                    \
		unsigned seats;                                                                                                                    \
		uint64_t wrong; /* how often a promise was broken: datum() of the kinds without a counter */                                       \
		struct PREFIX##_seat seat[1] __attribute__((aligned(128)));                                                                        \
	};                                                                                                                                         \
	static void *PREFIX##_create(unsigned threads)                                                                                             \
	{                                                                                                                                          \
		unsigned seats = (threads + 1) / 2;                                                                                                \
		size_t size = sizeof(struct PREFIX##_table) + seats * sizeof(struct PREFIX##_seat);                                                \
		struct PREFIX##_table *self = (struct PREFIX##_table *)aligned_alloc(128, size);                                                   \
                                                                                                                                                   \
		if (self == NULL)                                                                                                                  \
			return NULL;                                                                                                               \
		memset((void *)self, 0, size);                                                                                                     \
		self->seats = seats;                                                                                                               \
		for (struct PREFIX##_seat *seat = self->seat; seat < self->seat + seats; seat++)                                                   \
			{ INIT; }                                                                                                                  \
		return self;                                                                                                                       \
	}                                                                                                                                          \
	static void PREFIX##_destroy(void *object)                                                                                                 \
	{                                                                                                                                          \
		struct PREFIX##_table *self = (struct PREFIX##_table *)object;                                                                     \
                                                                                                                                                   \
		for (struct PREFIX##_seat *seat = self->seat; seat < self->seat + self->seats; seat++)                                             \
			{ FINI; }                                                                                                                  \
		free(object);                                                                                                                      \
	}                                                                                                                                          \
	static uint64_t __attribute__((unused)) PREFIX##_wrong(void *object)                                                                       \
	{                                                                                                                                          \
		return ((struct PREFIX##_table *)object)->wrong;                                                                                   \
	}

/*
 * A mutex and its condition variables: P_init(mutex, cond, back), P_fini likewise, P_lock, P_unlock(mutex), P_wait(cond, mutex),
 * P_signal, P_broadcast(cond). Makes P_create, P_destroy, P_datum, P_turns, P_all. Who leaves sets `over`: nobody waits from then on.
 */
#define FSYB_COND_LOOPS(P, MUTEX, COND)                                                                                                            \
	FSYB_TABLE(P, MUTEX lock; COND cond; COND back; uint64_t datum; uint64_t generation; uint32_t turn; uint32_t arrived;                      \
	              uint32_t over, P##_init(&seat->lock, &seat->cond, &seat->back), P##_fini(&seat->lock, &seat->cond, &seat->back))             \
	static uint64_t __attribute__((unused)) P##_datum(void *object)                                                                            \
	{                                                                                                                                          \
		struct P##_table *self = (struct P##_table *)object;                                                                               \
		uint64_t sum = 0;                                                                                                                  \
                                                                                                                                                   \
		for (unsigned i = 0; i < self->seats; i++)                                                                                         \
			sum += self->seat[i].datum;                                                                                                \
		return sum;                                                                                                                        \
	}                                                                                                                                          \
	FSYB_LOOP_(P##_turns, struct P##_table, struct P##_seat *seat = &self->seat[worker->index / 2];                                            \
	           const uint32_t me = worker->index & 1; const uint32_t next = (worker->index ^ 1) < worker->threads ? me ^ 1 : me,               \
	           P##_lock(&seat->lock);                                                                                                          \
	           while (seat->turn != me && !seat->over) P##_wait(&seat->cond, &seat->lock);                                                     \
	           FSYB_ACQUIRED_; seat->datum = fsyb_work(seat->datum + 1, section); seat->turn = next; P##_signal(&seat->cond);                  \
	           P##_unlock(&seat->lock),                                                                                                        \
	           P##_lock(&seat->lock); seat->over = 1; P##_broadcast(&seat->cond); P##_unlock(&seat->lock))                                     \
	FSYB_LOOP_(P##_all, struct P##_table, struct P##_seat *seat = self->seat; uint64_t seen = 0;                                               \
	           const uint32_t others = worker->threads - 1,                                                                                    \
	           P##_lock(&seat->lock);                                                                                                          \
	           if (worker->index == 0) {                                                                                                       \
		           seat->arrived = 0;                                                                                                      \
		           seat->generation++;                                                                                                     \
		           P##_broadcast(&seat->cond);                                                                                             \
		           while (seat->arrived < others && !seat->over)                                                                           \
			           P##_wait(&seat->back, &seat->lock);                                                                             \
	           } else {                                                                                                                        \
		           while (seat->generation == seen && !seat->over)                                                                         \
			           P##_wait(&seat->cond, &seat->lock);                                                                             \
		           seen++;                                                                                                                 \
		           if (++seat->arrived == others)                                                                                          \
			           P##_signal(&seat->back);                                                                                        \
	           } FSYB_ACQUIRED_; seat->datum = fsyb_work(seat->datum + 1, section); P##_unlock(&seat->lock),                                   \
	           P##_lock(&seat->lock); seat->over = 1; P##_broadcast(&seat->cond); P##_broadcast(&seat->back); P##_unlock(&seat->lock))

/* The wait group that people write where a library has none: struct P_group and P_g_add, P_g_done, P_g_wait. */
#define FSYB_GROUP_OF_COND(P, MUTEX, COND)                                                                                                         \
	struct P##_group {                                                                                                                         \
		MUTEX lock;                                                                                                                        \
		COND zero;                                                                                                                         \
		int64_t count;                                                                                                                     \
	};                                                                                                                                         \
	FSYB_INLINE void P##_g_add(struct P##_group *group, int count)                                                                             \
	{                                                                                                                                          \
		P##_lock(&group->lock);                                                                                                            \
		group->count += count;                                                                                                             \
		if (group->count == 0)                                                                                                             \
			P##_broadcast(&group->zero);                                                                                               \
		P##_unlock(&group->lock);                                                                                                          \
	}                                                                                                                                          \
	FSYB_INLINE void P##_g_done(struct P##_group *group) { P##_g_add(group, -1); }                                                             \
	FSYB_INLINE void P##_g_wait(struct P##_group *group)                                                                                       \
	{                                                                                                                                          \
		P##_lock(&group->lock);                                                                                                            \
		while (group->count != 0)                                                                                                          \
			P##_wait(&group->zero, &group->lock);                                                                                      \
		P##_unlock(&group->lock);                                                                                                          \
	}

/*
 * Wait groups: P_add(group, n), P_done(group), P_wait(group). Makes P_create, P_destroy, P_datum, P_wrong, P_turns, P_all. INIT
 * leaves group[0] and back of the seat at 0 and group[1] at 1. In turns each worker waits for its own group, closes it again and
 * opens the other's. Who leaves first passes the turn on, uncounted, until it sees, with the turn in hand, that the other has left too;
 * the second makes one more pass after saying so. In all, the others answer, uncounted, until worker 0 opens a round that is the last.
 */
#define FSYB_GROUP_LOOPS(P, GROUP, INIT, FINI)                                                                                                     \
	FSYB_TABLE(P, GROUP group[2]; GROUP back; uint64_t datum; uint32_t arrived; uint32_t over, INIT, FINI)                                     \
	static uint64_t __attribute__((unused)) P##_datum(void *object)                                                                            \
	{                                                                                                                                          \
		struct P##_table *self = (struct P##_table *)object;                                                                               \
		uint64_t sum = 0;                                                                                                                  \
                                                                                                                                                   \
		for (unsigned i = 0; i < self->seats; i++)                                                                                         \
			sum += self->seat[i].datum;                                                                                                \
		return sum;                                                                                                                        \
	}                                                                                                                                          \
	FSYB_INLINE uint32_t P##_pass(struct P##_seat *seat, uint32_t me, uint32_t next)                                                           \
	{                                                                                                                                          \
		uint32_t over;                                                                                                                     \
                                                                                                                                                   \
		P##_wait(&seat->group[me]);                                                                                                        \
		over = __atomic_load_n(&seat->over, __ATOMIC_ACQUIRE); /* with the turn in hand */                                                 \
		P##_add(&seat->group[me], 1);                                                                                                      \
		P##_done(&seat->group[next]);                                                                                                      \
		return over;                                                                                                                       \
	}                                                                                                                                          \
	FSYB_LOOP_(P##_turns, struct P##_table, struct P##_seat *seat = &self->seat[worker->index / 2];                                            \
	           const uint32_t me = worker->index & 1; const uint32_t next = (worker->index ^ 1) < worker->threads ? me ^ 1 : me,               \
	           P##_wait(&seat->group[me]); FSYB_ACQUIRED_; P##_add(&seat->group[me], 1);                                                       \
	           seat->datum = fsyb_work(seat->datum + 1, section); P##_done(&seat->group[next]),                                                \
	           if (me == next) return; if (__atomic_fetch_add(&seat->over, 1, __ATOMIC_ACQ_REL) == 1) P##_pass(seat, me, next);                \
	           else while (P##_pass(seat, me, next) < 2) continue)                                                                             \
	FSYB_LOOP_(P##_all, struct P##_table, struct P##_seat *seat = self->seat; uint32_t round = 0; int left = 0;                                \
	           const uint32_t others = worker->threads - 1,                                                                                    \
	           if (worker->index == 0) {                                                                                                       \
		           P##_add(&seat->back, (int)others);                                                                                      \
		           P##_add(&seat->group[round & 1], 1);                                                                                    \
		           P##_done(&seat->group[(round + 1) & 1]);                                                                                \
		           P##_wait(&seat->back);                                                                                                  \
		           if (__atomic_exchange_n(&seat->arrived, 0, __ATOMIC_RELAXED) != others) self->wrong++;                                  \
	           } else {                                                                                                                        \
		           P##_wait(&seat->group[(round + 1) & 1]);                                                                                \
		           if ((left = (int)__atomic_load_n(&seat->over, __ATOMIC_ACQUIRE)) != 0) break;                                           \
		           __atomic_fetch_add(&seat->arrived, 1, __ATOMIC_RELAXED);                                                                \
		           P##_done(&seat->back);                                                                                                  \
	           } round++; FSYB_ACQUIRED_,                                                                                                      \
	           if (worker->index == 0) {                                                                                                       \
		           __atomic_store_n(&seat->over, 1, __ATOMIC_RELEASE);                                                                     \
		           P##_done(&seat->group[(round + 1) & 1]);                                                                                \
	           } else for (; !left; round++) {                                                                                                 \
		           P##_wait(&seat->group[(round + 1) & 1]);                                                                                \
		           if (__atomic_load_n(&seat->over, __ATOMIC_ACQUIRE)) break;                                                              \
		           __atomic_fetch_add(&seat->arrived, 1, __ATOMIC_RELAXED);                                                                \
		           P##_done(&seat->back);                                                                                                  \
	           })

/*
 * A barrier: P_init(barrier, threads), P_fini, P_wait(barrier). Makes P_create, P_destroy, P_wrong, P_rounds. All leave after the
 * round that worker 0 has announced before arriving at it; until then they go on, uncounted.
 */
#define FSYB_BARRIER_LOOP(P, BARRIER)                                                                                                              \
	FSYB_TABLE(P, BARRIER barrier; uint64_t arrived; uint64_t last,                                                                            \
	           seat->last = UINT64_MAX; if (seat == self->seat) P##_init(&seat->barrier, threads),                                             \
	           if (seat == self->seat) P##_fini(&seat->barrier))                                                                               \
	FSYB_INLINE int P##_round(struct P##_table *self, uint64_t round, uint32_t threads)                                                        \
	{                                                                                                                                          \
		struct P##_seat *seat = self->seat;                                                                                                \
                                                                                                                                                   \
		__atomic_fetch_add(&seat->arrived, 1, __ATOMIC_RELAXED);                                                                           \
		P##_wait(&seat->barrier);                                                                                                          \
		if (__atomic_load_n(&seat->arrived, __ATOMIC_RELAXED) < round * threads)                                                           \
			__atomic_fetch_add(&self->wrong, 1, __ATOMIC_RELAXED);                                                                     \
		return round > __atomic_load_n(&seat->last, __ATOMIC_RELAXED);                                                                     \
	}                                                                                                                                          \
	FSYB_LOOP_(P##_rounds, struct P##_table, uint64_t round = 0; int left = 0,                                                                 \
	           left = P##_round(self, ++round, worker->threads); FSYB_ACQUIRED_; if (left) break,                                              \
	           if (worker->index == 0) __atomic_store_n(&self->seat[0].last, round, __ATOMIC_RELAXED);                                         \
	           while (!left) left = P##_round(self, ++round, worker->threads))

/*
 * A pool whose objects are handed on: worker 2i gets, writes its number into the object and passes it to worker 2i + 1, which puts it.
 * GET and PUT are expressions of `self`, a struct P_table whose POOL is made by INIT, and of `item`. Both tell each other how far
 * they are every few objects, and before they wait and when they end: what is measured is to be the pool, not the ring.
 */
#define FSYB_RING 256u
#define FSYB_RING_BATCH 8u
struct fsyb_ring_end {
	volatile uint64_t told; /* to the other */
	uint64_t count;         /* really */
	uint64_t seen;          /* of what the other has told */
} __attribute__((aligned(128)));

FSYB_INLINE void
fsyb_ring_tell(struct fsyb_ring_end *own)
{
	__atomic_store_n(&own->told, own->count, __ATOMIC_RELEASE);
}

/* Until the other is so far; 0 if the run ends first. */
FSYB_INLINE int
fsyb_ring_wait(struct fsyb_ring_end *own, const struct fsyb_ring_end *other, uint64_t until, const volatile uint32_t *stop)
{
	if (own->seen >= until)
		return 1;
	fsyb_ring_tell(own);
	for (unsigned look = 0; (own->seen = __atomic_load_n(&other->told, __ATOMIC_ACQUIRE)) < until; look++) {
		if (fsyb_load32(stop) != 0)
			return 0;
		if (look % 1024 == 1023)
			sched_yield();
#if defined(__x86_64__)
		_mm_pause();
#endif
	}
	return 1;
}

FSYB_INLINE void
fsyb_ring_step(struct fsyb_ring_end *own)
{
	if (++own->count % FSYB_RING_BATCH == 0)
		fsyb_ring_tell(own);
}

#define FSYB_HANDED_LOOP(P, POOL, INIT, FINI, GET, PUT)                                                                                            \
	FSYB_TABLE(P, POOL pool; struct fsyb_ring_end got; struct fsyb_ring_end put; uint64_t *item[FSYB_RING], if (seat == self->seat) INIT,      \
	           for (uint64_t *item; seat->put.count < seat->got.count; seat->put.count++) {                                                    \
		           item = seat->item[seat->put.count % FSYB_RING];                                                                         \
		           PUT;                                                                                                                    \
	           } if (seat == self->seat + self->seats - 1) FINI)                                                                               \
	FSYB_INLINE int P##_get(struct P##_table *self, struct P##_seat *seat, const volatile uint32_t *stop)                                      \
	{                                                                                                                                          \
		uint64_t count = seat->got.count, *item;                                                                                           \
                                                                                                                                                   \
		(void)self;                                                                                                                        \
		if (count >= FSYB_RING && !fsyb_ring_wait(&seat->got, &seat->put, count - FSYB_RING + 1, stop))                                    \
			return 0;                                                                                                                  \
		item = (uint64_t *)(GET);                                                                                                          \
		item[0] = count;                                                                                                                   \
		item[FSYB_POOL_BYTES / sizeof(*item) - 1] = count;                                                                                 \
		seat->item[count % FSYB_RING] = item;                                                                                              \
		fsyb_ring_step(&seat->got);                                                                                                        \
		return 1;                                                                                                                          \
	}                                                                                                                                          \
	FSYB_INLINE int P##_put(struct P##_table *self, struct P##_seat *seat, const volatile uint32_t *stop)                                      \
	{                                                                                                                                          \
		uint64_t count = seat->put.count, *item;                                                                                           \
                                                                                                                                                   \
		if (!fsyb_ring_wait(&seat->put, &seat->got, count + 1, stop))                                                                      \
			return 0;                                                                                                                  \
		item = seat->item[count % FSYB_RING];                                                                                              \
		if (item[0] != count || item[FSYB_POOL_BYTES / sizeof(*item) - 1] != count)                                                        \
			__atomic_fetch_add(&self->wrong, 1, __ATOMIC_RELAXED);                                                                     \
		PUT;                                                                                                                               \
		fsyb_ring_step(&seat->put);                                                                                                        \
		return 1;                                                                                                                          \
	}                                                                                                                                          \
	FSYB_LOOP_(P##_handed, struct P##_table, struct P##_seat *seat = &self->seat[worker->index / 2],                                           \
	           if (!(worker->index & 1 ? P##_put(self, seat, stop) : P##_get(self, seat, stop))) break; FSYB_ACQUIRED_,                        \
	           fsyb_ring_tell(worker->index & 1 ? &seat->put : &seat->got))

/* The kind "million": bare objects side by side, each used once by create, to see what memory they take. */
#define FSYB_MILLION_OBJECTS 1000000u
#define FSYB_MILLION_OF(NAME, TYPE, INIT, USE)                                                                                                     \
	static void *NAME##_create(unsigned threads)                                                                                               \
	{                                                                                                                                          \
		TYPE *all = (TYPE *)malloc(FSYB_MILLION_OBJECTS * sizeof(TYPE));                                                                   \
                                                                                                                                                   \
		(void)threads;                                                                                                                     \
		for (TYPE *object = all; all != NULL && object < all + FSYB_MILLION_OBJECTS; object++) {                                           \
			INIT;                                                                                                                      \
			USE;                                                                                                                       \
		}                                                                                                                                  \
		return all;                                                                                                                        \
	}

#endif
