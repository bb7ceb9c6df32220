/* SPDX-License-Identifier: MIT */
/*
 * cond.h - waiting, under a mutex, until another thread says that something has changed. Go's contract:
 * waiters are signalled first come, first served; a signal is for those who wait at the time and for nobody
 * who comes later; nobody wakes without one. Zero is a condition variable that nobody waits for.
 *
 * ORDER   A signal or broadcast synchronizes-before the return of each wait that it ends. The mutex
 *         orders the rest as usual.
 * FAIRNESS  n signals end the waits of the n eldest. In which order those come back is the mutex's affair.
 *
 *   fsy_mutex_lock(&lock);                       fsy_mutex_lock(&lock);
 *   while (queue_is_empty(&q))                   queue_put(&q, item);
 *           fsy_cond_wait(&filled, &lock);       fsy_cond_signal(&filled);
 *   item = queue_get(&q);                        fsy_mutex_unlock(&lock);
 *   fsy_mutex_unlock(&lock);
 *
 * Wait in a loop, or with wait_while: what was true when the signal came may have changed before the mutex
 * was had back. Signals are cheap with the mutex held: nobody wakes only to find it locked. A waiter joins
 * the queue of the mutex instead, and few are awake on their way there.
 *
 * A condition variable may be destroyed, or its memory reused, as soon as those who waited have been
 * signalled, even before the signalling call or the waits have returned (the mutex has to last). A signal
 * that is given without the mutex, and comes when the memory already is another condition variable, may end
 * a wait there: one more reason to wait in a loop.
 *
 * All who wait at the same time must use the same mutex. No wait is a cancellation point. A thread that
 * can have no record (out of memory, or in the last destructors of its life) is in no queue: its waits end
 * by themselves within a millisecond, the one exception to "nobody wakes without a signal".
 * In a forked child nobody waits. Nothing here allocates; none of it is for signal handlers or memory
 * shared between processes.
 */
#ifndef FASTSYNC_COND_H
#define FASTSYNC_COND_H

#include <fastsync/mutex.h>

FSY_BEGIN_DECLS

/* Private. Nonzero: somebody may be waiting. */
typedef struct fsy_cond {
	fsy_atomic_u32 word_;
} fsy_cond_t;

FSY_STATIC_ASSERT(sizeof(fsy_cond_t) == 4, "the size of a condition variable is ABI");

#define FSY_COND_INIT { { 0 } }

/* The slow halves. */
FSY_API void fsy_cond_signal_slow_(fsy_cond_t *c);
FSY_API void fsy_cond_broadcast_slow_(fsy_cond_t *c);

/* Unlocks m, which the caller holds, waits for a signal, and locks m again. From the moment that m is
 * unlocked the caller counts as a waiter. Aborts with "fastsync: wait with an unlocked mutex", or
 * "fastsync: cond is waited for with two mutexes". Source of the algorithm: lib/sync/cond.c. */
FSY_API void fsy_cond_wait(fsy_cond_t *c, fsy_mutex_t *m) FSY_REQUIRES(m);

/* The same until deadline at most: 0, or FSY_ETIMEDOUT if no signal came; m is locked in both cases, and
 * getting it back may take longer. A signal that reached this waiter counts, however late it is. A
 * deadline in the past still unlocks m and locks it again. */
FSY_API FSY_MUST_CHECK int fsy_cond_wait_until(fsy_cond_t *c, fsy_mutex_t *m, fsy_deadline_t deadline) FSY_REQUIRES(m);

#if FSY_OBSERVED_
static inline void fsy_cond_wait_seen_(fsy_cond_t *c, fsy_mutex_t *m) FSY_REQUIRES(m);
static inline int fsy_cond_wait_until_seen_(fsy_cond_t *c, fsy_mutex_t *m, fsy_deadline_t deadline) FSY_REQUIRES(m);

static inline void
fsy_cond_wait_seen_(fsy_cond_t *c, fsy_mutex_t *m)
{
	FSY_UNLOCKING_(m, 0u);
	FSY_UNLOCKED_(m, 0u);
	FSY_LOCKING_(m, 0u);
	(fsy_cond_wait)(c, m);
	FSY_LOCKED_(m, 0u, true);
}
#define fsy_cond_wait(c, m) fsy_cond_wait_seen_(c, m)

static inline FSY_MUST_CHECK int
fsy_cond_wait_until_seen_(fsy_cond_t *c, fsy_mutex_t *m, fsy_deadline_t deadline)
{
	int error;

	FSY_UNLOCKING_(m, 0u);
	FSY_UNLOCKED_(m, 0u);
	FSY_LOCKING_(m, 0u);
	error = (fsy_cond_wait_until)(c, m, deadline);
	FSY_LOCKED_(m, 0u, true);
	return error;
}
#define fsy_cond_wait_until(c, m, deadline) fsy_cond_wait_until_seen_(c, m, deadline)
#endif

FSY_INLINE void
fsy_cond_wait_while(fsy_cond_t *c, fsy_mutex_t *m, bool (*predicate)(void *arg), void *arg) FSY_REQUIRES(m);
FSY_INLINE int fsy_cond_wait_while_until(fsy_cond_t *c, fsy_mutex_t *m, bool (*predicate)(void *arg), void *arg, fsy_deadline_t deadline)
	FSY_REQUIRES(m);

/* Waits, again and again, while predicate(arg) is true; it is called with m locked. */
FSY_INLINE void
fsy_cond_wait_while(fsy_cond_t *c, fsy_mutex_t *m, bool (*predicate)(void *arg), void *arg)
{
	while (predicate(arg))
		fsy_cond_wait(c, m);
}

/* The same until deadline at most: 0 if the predicate is false, FSY_ETIMEDOUT if it is still true. */
FSY_INLINE FSY_MUST_CHECK int
fsy_cond_wait_while_until(fsy_cond_t *c, fsy_mutex_t *m, bool (*predicate)(void *arg), void *arg, fsy_deadline_t deadline)
{
	while (predicate(arg))
		if (fsy_cond_wait_until(c, m, deadline) != 0)
			return predicate(arg) ? FSY_ETIMEDOUT : 0;
	return 0;
}

/*
 * The same under a mutex of poison.h, which the caller owns (else "fastsync: wait with a poison mutex that the caller does not own").
 * All return with it locked: 0, or FSY_EPOISONED if it is poisoned then, or else FSY_ETIMEDOUT. The _while forms ask the predicate again
 * only as long as the answer is 0, and say nothing of poison if no wait is needed.
 */
struct fsy_poison_mutex;
FSY_API FSY_MUST_CHECK int fsy_cond_wait_poison(fsy_cond_t *c, struct fsy_poison_mutex *m);
FSY_API FSY_MUST_CHECK int fsy_cond_wait_poison_until(fsy_cond_t *c, struct fsy_poison_mutex *m, fsy_deadline_t deadline);

FSY_INLINE FSY_MUST_CHECK int
fsy_cond_wait_poison_while_until(fsy_cond_t *c, struct fsy_poison_mutex *m, bool (*predicate)(void *arg), void *arg,
				 fsy_deadline_t deadline)
{
	int error = 0;

	while (error == 0 && predicate(arg))
		error = fsy_cond_wait_poison_until(c, m, deadline);
	return error == (int)FSY_ETIMEDOUT && !predicate(arg) ? 0 : error;
}

FSY_INLINE FSY_MUST_CHECK int
fsy_cond_wait_poison_while(fsy_cond_t *c, struct fsy_poison_mutex *m, bool (*predicate)(void *arg), void *arg)
{
	return fsy_cond_wait_poison_while_until(c, m, predicate, arg, FSY_FOREVER);
}

/* Ends the wait of the eldest waiter, if there is one. The mutex may be held or not; for a waiter not to miss it, what it
 * waits for must have been changed with the mutex held. Never blocks. */
FSY_INLINE void
fsy_cond_signal(fsy_cond_t *c)
{
	if (!FSY_FAST || FSY_UNLIKELY(fsy_atomic_u32_load_rlx(&c->word_) != 0))
		fsy_cond_signal_slow_(c);
}

/* Ends the waits of all who wait at this moment: as one step, and with at most one wake-up. Otherwise as signal. */
FSY_INLINE void
fsy_cond_broadcast(fsy_cond_t *c)
{
	if (!FSY_FAST || FSY_UNLIKELY(fsy_atomic_u32_load_rlx(&c->word_) != 0))
		fsy_cond_broadcast_slow_(c);
}

/* Optional: nothing needs to be released. Aborts with "fastsync: destroy of cond with waiters" if somebody
 * waits who has not been signalled, and leaves it as new otherwise. */
FSY_API void fsy_cond_destroy(fsy_cond_t *c);

FSY_END_DECLS

#endif
