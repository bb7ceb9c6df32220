/* SPDX-License-Identifier: MIT */
/*
 * barrier.h - n threads meet: each waits until all have come, one of them leads, and the barrier is at once ready for the next
 * generation. Zero-filled memory is a barrier for one thread, which waits for nobody.
 *
 * ORDER   Every arrival of a generation synchronizes-before every return of that generation.
 * LIFETIME  Any thread that has returned from a wait may destroy the barrier, unmap it or reuse its memory, while others are still
 *         on their way out of it, provided that no further generation is meant to use it.
 *
 *   fsy_barrier_t step = FSY_BARRIER_INIT(4);
 *
 *   for (int round = 0; round < rounds; round++) {
 *           compute(part, round);
 *           if (fsy_barrier_wait(&step))
 *                   report(round);
 *           fsy_barrier_wait(&step);
 *   }
 *
 * NOT FOR signal handlers, memory shared between processes.
 * In a forked child nobody has arrived yet, whoever waited in the parent. No call here allocates or is a cancellation point;
 * none is async-signal-safe.
 */
#ifndef FASTSYNC_BARRIER_H
#define FASTSYNC_BARRIER_H

#include <fastsync/atomic.h>
#include <fastsync/error.h>
#include <fastsync/time.h>

FSY_BEGIN_DECLS

/* Private. How many have come is the length of the queue of those who wait; what stands here besides their number is for threads
 * that cannot stand in a queue, for want of memory. */
typedef struct fsy_barrier {
	uint32_t others_;               /* threads less one */
	uint32_t unlisted_;             /* waiting, and in no queue */
	uint32_t fork_;                 /* the process in which they do */
	fsy_atomic_u32 generation_;     /* what they look at */
} fsy_barrier_t;

FSY_STATIC_ASSERT(sizeof(fsy_barrier_t) == 16, "the size of a barrier is ABI");

/* For n threads, n >= 1. */
#define FSY_BARRIER_INIT(n) { (uint32_t)(n) - 1, 0, 0, { 0 } }

/* Makes b a barrier for n threads; 0 is taken for 1. Nobody may be waiting there. Nothing needs to be released in the end. */
FSY_API void fsy_barrier_init(fsy_barrier_t *b, uint32_t n);

/* Waits until n threads have called it; true in exactly one of them, the last to come. Blocks; for n = 1 it returns true at once.
 * Source of the algorithm: lib/sync/barrier.c. */
FSY_API bool fsy_barrier_wait(fsy_barrier_t *b);

/* The same until deadline at most: 0, and *leader (unless leader is NULL) says who leads; or FSY_ETIMEDOUT, and the thread counts as
 * not having come: the others go on waiting for n. A generation that is complete counts, even if its news comes after the deadline. A
 * deadline in the past passes if this thread completes the generation, and does not wait otherwise. */
FSY_API FSY_MUST_CHECK int fsy_barrier_wait_until(fsy_barrier_t *b, fsy_deadline_t deadline, bool *leader);

FSY_END_DECLS

#endif
