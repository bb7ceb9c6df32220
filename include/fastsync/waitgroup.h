/* SPDX-License-Identifier: MIT */
/*
 * waitgroup.h - waiting for a number of things to be done, with Go's contract: a counter that add raises, done lowers, and
 * wait waits for to be zero. Zero-filled memory is a group of nothing.
 *
 * ORDER   Each done (and each add of a negative number) synchronizes-before the return of every wait that it lets through.
 * LIFETIME  The memory may be freed or reused as soon as every wait has returned, even before the last done has; and a group
 *         may be used again then, not earlier.
 *
 *   fsy_waitgroup_t group = FSY_WAITGROUP_INIT;
 *
 *   for (int i = 0; i < pages; i++)
 *           if (fsy_waitgroup_go(&group, fetch, &page[i]) != 0)
 *                   fetch(&page[i]);
 *   fsy_waitgroup_wait(&group);
 *
 * NOT FOR signal handlers, memory shared between processes.
 * In a forked child the counter is what it was: threads of the parent that were to be done are not there, and nobody will
 * count them down. Only fsy_waitgroup_go allocates. No call is a cancellation point or async-signal-safe.
 */
#ifndef FASTSYNC_WAITGROUP_H
#define FASTSYNC_WAITGROUP_H

#include <fastsync/atomic.h>
#include <fastsync/error.h>
#include <fastsync/time.h>

FSY_BEGIN_DECLS

/* Private: the upper half counts, the lower half is nonzero while somebody may sleep. */
typedef struct fsy_waitgroup {
	fsy_atomic_u64 word_;
} fsy_waitgroup_t;

FSY_STATIC_ASSERT(sizeof(fsy_waitgroup_t) == 8, "the size of a wait group is ABI");

#define FSY_WAITGROUP_INIT { { 0 } }

/* The slow halves. old: the word before the addition. */
FSY_API void fsy_waitgroup_add_slow_(fsy_waitgroup_t *wg, int n, uint64_t old);
FSY_API int fsy_waitgroup_wait_slow_(fsy_waitgroup_t *wg, fsy_deadline_t deadline);

static inline void
fsy_waitgroup_count_(fsy_waitgroup_t *wg, int n)
{
	uint64_t delta = (uint64_t)(uint32_t)n << 32;
	uint64_t old = fsy_atomic_u64_add_rel(&wg->word_, delta);                               /* G1 -> G2,G3 */
	uint64_t now = old + delta;

	/* Negative; or somebody may sleep, and the counter is or was zero. */
	if (!FSY_FAST || FSY_UNLIKELY((int64_t)now < 0 || ((uint32_t)old != 0 && ((old >> 32) == 0 || (now >> 32) == 0))))
		fsy_waitgroup_add_slow_(wg, n, old);
}

/* Adds n, which may be negative, to the counter. If it becomes zero, all who wait are let through. What raises it from zero must
 * happen before the wait it is meant for. Never blocks. Aborts with "fastsync: negative wait group counter" if it becomes
 * negative (or exceeds 2^31 - 1), and with "fastsync: wait group misuse: add called concurrently with wait" if it was zero and the
 * threads that wait for that are not yet on their way. Source of the algorithm: lib/sync/waitgroup.c. */
FSY_INLINE void
fsy_waitgroup_add(fsy_waitgroup_t *wg, int n)
{
	fsy_waitgroup_count_(wg, n);
}

/* One of them is done: adds -1. */
FSY_INLINE void
fsy_waitgroup_done(fsy_waitgroup_t *wg)
{
	fsy_waitgroup_count_(wg, -1);
}

/* Returns when the counter is zero. Aborts with "fastsync: wait group is reused before previous wait has returned" if, once let
 * through, it finds the group in use again. */
FSY_INLINE void
fsy_waitgroup_wait(fsy_waitgroup_t *wg)
{
	if (!FSY_FAST || FSY_UNLIKELY(fsy_atomic_u64_load_acq(&wg->word_) != 0))                /* G2 <- G1 */
		fsy_waitgroup_wait_slow_(wg, FSY_FOREVER);
}

/* The same until deadline at most: 0, or FSY_ETIMEDOUT. A deadline in the past looks once. After a timeout the group must live
 * until a later wait, or every done, has returned. */
FSY_INLINE FSY_MUST_CHECK int
fsy_waitgroup_wait_until(fsy_waitgroup_t *wg, fsy_deadline_t deadline)
{
	if (FSY_FAST && FSY_LIKELY(fsy_atomic_u64_load_acq(&wg->word_) == 0))                   /* G2 <- G1 */
		return 0;
	return fsy_waitgroup_wait_slow_(wg, deadline);
}

/* Adds 1, and has fn(arg) called by a new detached thread, which is done when fn has ended: by returning, by pthread_exit or
 * by cancellation. 0, or the error of malloc or pthread_create, and the counter is as it was. fn may use what its caller owns: whatever
 * it does happens before the return of the wait. An exception may not leave fn. */
FSY_API FSY_MUST_CHECK int fsy_waitgroup_go(fsy_waitgroup_t *wg, void (*fn)(void *arg), void *arg);

FSY_END_DECLS

#endif
