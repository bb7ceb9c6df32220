/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - mutual exclusion with Go's contract: zero is unlocked, there is no owner (any
 * thread may unlock), a lock may be destroyed or its memory reused as soon as the last unlock's
 * effect is seen, even before that unlock returns.
 *
 * ORDER   The n-th unlock synchronizes-before the (n+1)-th lock's return, however it was locked.
 * FAIRNESS  A lock may be taken past waiters (barging), for a few microseconds at a time; a
 *         thread that waits is served in bounded time (docs/design.md: patience, turn, batch).
 *
 *   static fsy_mutex_t lock = FSY_MUTEX_INIT;
 *
 *   fsy_mutex_lock(&lock);
 *   balance += amount;
 *   fsy_mutex_unlock(&lock);
 *
 * NOT FOR signal handlers, memory shared between processes, recursive locking.
 * In a forked child every mutex that the forking thread held can be unlocked, and every free
 * one locked. No call here allocates or is a cancellation point; none is async-signal-safe.
 */
#ifndef FASTSYNC_MUTEX_H
#define FASTSYNC_MUTEX_H

#include <fastsync/error.h>
#include <fastsync/lockword.h>
#include <fastsync/observe.h>
#include <fastsync/time.h>

FSY_BEGIN_DECLS

/* Private: read and written by this library only. held_ serves the misuse check, busy_ and hint_ are
 * guesses of the slow path: how hard the lock is pressed, and whom to wake. */
typedef struct FSY_CAPABILITY("mutex") fsy_mutex {
	fsy_atomic_u32 word_;
	uint8_t held_;
	uint8_t busy_;
	uint16_t hint_;
} fsy_mutex_t;

FSY_STATIC_ASSERT(sizeof(fsy_mutex_t) == 8, "the size of a mutex is ABI");

#define FSY_MUTEX_INIT { { 0 }, 0, 0, 0 }

/* The slow halves. */
FSY_API void fsy_mutex_lock_slow_(fsy_mutex_t *m);
FSY_API bool fsy_mutex_trylock_slow_(fsy_mutex_t *m);
FSY_API int fsy_mutex_lock_until_slow_(fsy_mutex_t *m, fsy_deadline_t deadline);
FSY_API void fsy_mutex_unlock_slow_(fsy_mutex_t *m, enum fsy_release_ how);

/* What is told to clang's analysis. */
FSY_INLINE void fsy_mutex_lock(fsy_mutex_t *m) FSY_ACQUIRE(m) FSY_NO_ANALYSIS;
FSY_INLINE bool fsy_mutex_trylock(fsy_mutex_t *m) FSY_TRY_ACQUIRE(true, m) FSY_NO_ANALYSIS;
FSY_INLINE int fsy_mutex_lock_until(fsy_mutex_t *m, fsy_deadline_t deadline) FSY_TRY_ACQUIRE(0, m) FSY_NO_ANALYSIS;
FSY_INLINE void fsy_mutex_unlock(fsy_mutex_t *m) FSY_RELEASE(m) FSY_NO_ANALYSIS;

/* Locks m, waiting as long as it takes. Locking a mutex again in the thread that holds it never
 * returns. Source of the algorithm: lib/sync/lockword.c. */
FSY_INLINE void
fsy_mutex_lock(fsy_mutex_t *m)
{
	if (!FSY_FAST || FSY_UNLIKELY(!fsy_lockword_acquire_(&m->word_, &m->held_)))
		fsy_mutex_lock_slow_(m);
}

/* Locks m if that needs no waiting: true if it did. Fails also while m is free but promised to a
 * thread that has waited its turn. Never blocks. */
FSY_INLINE FSY_MUST_CHECK bool
fsy_mutex_trylock(fsy_mutex_t *m)
{
	return fsy_lockword_acquire_(&m->word_, &m->held_) || fsy_mutex_trylock_slow_(m);
}

/* Locks m, waiting until deadline at most: 0, or FSY_ETIMEDOUT without the lock. A deadline in
 * the past tries once. */
FSY_INLINE FSY_MUST_CHECK int
fsy_mutex_lock_until(fsy_mutex_t *m, fsy_deadline_t deadline)
{
	if (FSY_FAST && FSY_LIKELY(fsy_lockword_acquire_(&m->word_, &m->held_)))
		return 0;
	return fsy_mutex_lock_until_slow_(m, deadline);
}

/* Unlocks m, which any thread may have locked. Never blocks. Unlocking an unlocked mutex prints
 * "fastsync: unlock of unlocked mutex" and aborts. */
FSY_INLINE void
fsy_mutex_unlock(fsy_mutex_t *m)
{
	enum fsy_release_ how = fsy_lockword_release_(&m->word_, &m->held_);

	if (FSY_UNLIKELY(how != FSY_RELEASED_))
		fsy_mutex_unlock_slow_(m, how);
}

/* Unlocks m and, if threads wait for it, makes the eldest of them the next owner: nobody barges.
 * Costs a context switch more than unlock; for a loop that would otherwise re-take the lock at
 * once. Never blocks. Aborts as fsy_mutex_unlock does. */
FSY_API void fsy_mutex_unlock_fair(fsy_mutex_t *m) FSY_RELEASE(m);

/* Optional: nothing needs to be released. Aborts with "fastsync: destroy of locked mutex" or
 * "fastsync: destroy of mutex with waiters" if m is in use, and leaves it unlocked otherwise. */
FSY_API void fsy_mutex_destroy(fsy_mutex_t *m) FSY_EXCLUDES(m);

#if FSY_OBSERVED_
FSY_SEE_LOCK_(fsy_mutex_lock, fsy_mutex_t, 0u, FSY_ACQUIRE(m))
FSY_SEE_TRY_(fsy_mutex_trylock, bool, fsy_mutex_t, 0u, FSY_IF_TRUE_, FSY_TRY_ACQUIRE(true, m))
FSY_SEE_UNTIL_(fsy_mutex_lock_until, fsy_mutex_t, 0u, FSY_IF_ZERO_, FSY_TRY_ACQUIRE(0, m))
FSY_SEE_UNLOCK_(fsy_mutex_unlock, fsy_mutex_t, 0u, FSY_RELEASE(m))
FSY_SEE_UNLOCK_(fsy_mutex_unlock_fair, fsy_mutex_t, 0u, FSY_RELEASE(m))
#define fsy_mutex_lock(m) fsy_mutex_lock_seen_(m)
#define fsy_mutex_trylock(m) fsy_mutex_trylock_seen_(m)
#define fsy_mutex_lock_until(m, deadline) fsy_mutex_lock_until_seen_(m, deadline)
#define fsy_mutex_unlock(m) fsy_mutex_unlock_seen_(m)
#define fsy_mutex_unlock_fair(m) fsy_mutex_unlock_fair_seen_(m)
#endif

/* FSY_LOCK_SCOPE(m): holds m until the end of the scope, however it is left: by a statement, a C++ exception, and where the compiler
 * cleans up after them (C++, or -fexceptions) by pthread_exit and cancellation. */
static inline fsy_mutex_t *
fsy_mutex_enter_(fsy_mutex_t *m) FSY_ASSERT_HELD(m) FSY_NO_ANALYSIS;

static inline fsy_mutex_t *
fsy_mutex_enter_(fsy_mutex_t *m)
{
	fsy_mutex_lock(m);
	return m;
}

static inline void fsy_mutex_leave_(fsy_mutex_t **m) FSY_NO_ANALYSIS;

static inline void
fsy_mutex_leave_(fsy_mutex_t **m)
{
	fsy_mutex_unlock(*m);
}

#define FSY_LOCK_SCOPE(m) FSY_SCOPE_(fsy_mutex_t *, fsy_mutex_enter_(m), fsy_mutex_leave_)

FSY_END_DECLS

#endif
