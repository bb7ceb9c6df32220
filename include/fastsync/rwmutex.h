/* SPDX-License-Identifier: MIT */
/*
 * rwmutex.h - many readers or one writer, with Go's contract: zero is unlocked, there is no owner
 * (any thread may unlock or runlock), a writer that waits stops new readers, an unlock first admits
 * the readers that queued, and a lock may be destroyed or its memory reused as soon as the last
 * unlock's effect is seen.
 *
 * ORDER   The n-th unlock synchronizes-before the return of every later rlock and lock; every runlock
 *         synchronizes-before the return of the next lock.
 * FAIRNESS  A reader waits for the writer that holds the lock or waits for it, and at most for one more if it arrived in that
 *         moment; writers wait for each other as the mutex's threads do (mutex.h), and each for the
 *         readers that were there before it. A reader that waits is awake for some 30 us before it queues; where more threads
 *         want to run than there are CPUs it may yield for ten times as long before that, and then nap, four times, for 0.1 to
 *         6.4 ms, and writers may pass it meanwhile.
 * COST    While nobody writes, rlock and runlock execute no atomic read-modify-write and write no memory that another
 *         thread writes: a writer that ends such a time pays a membarrier and looks at one line per
 *         reading thread. Where writes come many reads apart readers join the lock, and are asked by the writer: it waits until
 *         each has answered, at its next runlock, for a microsecond or so, and pays a membarrier for those who have not. Where
 *         writers are frequent readers are counted in the lock, as elsewhere.
 *
 *   static fsy_rwmutex_t lock = FSY_RWMUTEX_INIT;
 *
 *   fsy_rwmutex_rlock(&lock);
 *   value = table[key];
 *   fsy_rwmutex_runlock(&lock);
 *
 * NOT FOR signal handlers, memory shared between processes, recursive locking: a thread that reads and
 * rlocks again waits for ever if a writer came in between.
 * In a forked child every rwmutex that the forking thread held can be unlocked, and every free one locked; read holds of threads
 * that did not survive the fork are gone if they were in slots, and stay if they were counted. Not so after _Fork or clone if another
 * thread of the child is the first to wait; nor for a lock that a vanished thread was just then waiting to write, or taking to read; nor
 * for holds that had been given back by other threads than took them.
 * No call here is a cancellation point or async-signal-safe; none allocates but the first rlock of a
 * thread, which may take a page for its line.
 */
#ifndef FASTSYNC_RWMUTEX_H
#define FASTSYNC_RWMUTEX_H

#include <fastsync/error.h>
#include <fastsync/observe.h>
#include <fastsync/reader.h>
#include <fastsync/time.h>

FSY_BEGIN_DECLS

/* Private. word_ to hint_ are those of a mutex, for writers; the rest belongs to readers: how many are counted, and guesses. */
typedef struct FSY_CAPABILITY("rwmutex") fsy_rwmutex {
	fsy_atomic_u32 word_;
	uint8_t held_;
	uint8_t busy_;
	uint16_t hint_;
	fsy_atomic_u32 readers_;
	uint16_t writes_;
	uint8_t calm_;
	uint8_t doubt_;
} fsy_rwmutex_t;

FSY_STATIC_ASSERT(sizeof(fsy_rwmutex_t) == 16, "the size of a rwmutex is ABI");

#define FSY_RWMUTEX_INIT { { 0 }, 0, 0, 0, { 0 }, 0, 0, 0 }

/* The slow halves; slot is what fsy_reader_enter_ left behind. */
FSY_API void fsy_rwmutex_rlock_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot);
FSY_API bool fsy_rwmutex_tryrlock_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot);
FSY_API int fsy_rwmutex_rlock_until_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot, fsy_deadline_t deadline);
FSY_API void fsy_rwmutex_runlock_slow_(fsy_rwmutex_t *rw, bool left);

/* What is told to clang's analysis. */
FSY_INLINE void fsy_rwmutex_rlock(fsy_rwmutex_t *rw) FSY_ACQUIRE_SHARED(rw) FSY_NO_ANALYSIS;
FSY_INLINE bool fsy_rwmutex_tryrlock(fsy_rwmutex_t *rw) FSY_TRY_ACQUIRE_SHARED(true, rw) FSY_NO_ANALYSIS;
FSY_INLINE int fsy_rwmutex_rlock_until(fsy_rwmutex_t *rw, fsy_deadline_t deadline) FSY_TRY_ACQUIRE_SHARED(0, rw) FSY_NO_ANALYSIS;
FSY_INLINE void fsy_rwmutex_runlock(fsy_rwmutex_t *rw) FSY_RELEASE_SHARED(rw) FSY_NO_ANALYSIS;

/* Locks rw for reading, waiting as long as it takes. Source of the algorithm: lib/sync/rwmutex.c. */
FSY_INLINE void
fsy_rwmutex_rlock(fsy_rwmutex_t *rw)
{
	fsy_atomic_ptr *slot = NULL;

	if (!FSY_FAST || !fsy_reader_enter_(&rw->word_, &rw->readers_, &slot, true))
		fsy_rwmutex_rlock_slow_(rw, slot);
}

/* Locks rw for reading if that needs no waiting: true if it did. Fails while a writer holds rw or waits for readers, and in the moment in
 * which a reader that a writer had stopped passes through the writers' word. Never blocks. */
FSY_INLINE FSY_MUST_CHECK bool
fsy_rwmutex_tryrlock(fsy_rwmutex_t *rw)
{
	fsy_atomic_ptr *slot = NULL;

	return (FSY_FAST && fsy_reader_enter_(&rw->word_, &rw->readers_, &slot, true)) ||
	       fsy_rwmutex_tryrlock_slow_(rw, slot);
}

/* Locks rw for reading, waiting until deadline at most: 0, or FSY_ETIMEDOUT without the lock. A
 * deadline in the past tries once. */
FSY_INLINE FSY_MUST_CHECK int
fsy_rwmutex_rlock_until(fsy_rwmutex_t *rw, fsy_deadline_t deadline)
{
	fsy_atomic_ptr *slot = NULL;

	if (FSY_FAST && fsy_reader_enter_(&rw->word_, &rw->readers_, &slot, true))
		return 0;
	return fsy_rwmutex_rlock_until_slow_(rw, slot, deadline);
}

/* Gives one read hold back, which any thread may have taken. Never blocks, but for a runlock in another thread than the
 * rlock, which may wait for other such calls. If nobody reads, prints "fastsync: runlock of unlocked rwmutex" and aborts. */
FSY_INLINE void
fsy_rwmutex_runlock(fsy_rwmutex_t *rw)
{
	bool alarm = false, left = FSY_FAST && fsy_reader_leave_(&rw->readers_, &alarm);

	if (FSY_UNLIKELY(!left || alarm))
		fsy_rwmutex_runlock_slow_(rw, left);
}

/* Locks rw for writing: stops new readers, and waits for those that are there. */
FSY_API void fsy_rwmutex_lock(fsy_rwmutex_t *rw) FSY_ACQUIRE(rw);

/* Locks rw for writing if nobody writes or reads: true if it did. False leaves no trace. Never sleeps, but executes a
 * membarrier when it ends the readers' mode, or waits some microseconds for the answers of readers that have joined. */
FSY_API FSY_MUST_CHECK bool fsy_rwmutex_trylock(fsy_rwmutex_t *rw) FSY_TRY_ACQUIRE(true, rw);

/* Locks rw for writing, waiting until deadline at most: 0, or FSY_ETIMEDOUT without the lock; readers that it kept out are
 * then let in. A deadline in the past tries once. */
FSY_API FSY_MUST_CHECK int fsy_rwmutex_lock_until(fsy_rwmutex_t *rw, fsy_deadline_t deadline) FSY_TRY_ACQUIRE(0, rw);

/* Unlocks rw, which any thread may have locked for writing: every reader that had queued holds it before the next writer
 * does. Never blocks. Of an rw that is not locked for writing: prints "fastsync: unlock of unlocked rwmutex" and aborts. */
FSY_API void fsy_rwmutex_unlock(fsy_rwmutex_t *rw) FSY_RELEASE(rw);

/* Optional: nothing needs to be released. Aborts with "fastsync: destroy of locked rwmutex" if rw is in use, as far as rw itself can
 * tell, and leaves it unlocked otherwise. */
FSY_API void fsy_rwmutex_destroy(fsy_rwmutex_t *rw) FSY_EXCLUDES(rw);

#if FSY_OBSERVED_
FSY_SEE_LOCK_(fsy_rwmutex_rlock, fsy_rwmutex_t, FSY_SEES_READ_, FSY_ACQUIRE_SHARED(m))
FSY_SEE_TRY_(fsy_rwmutex_tryrlock, bool, fsy_rwmutex_t, FSY_SEES_READ_, FSY_IF_TRUE_, FSY_TRY_ACQUIRE_SHARED(true, m))
FSY_SEE_UNTIL_(fsy_rwmutex_rlock_until, fsy_rwmutex_t, FSY_SEES_READ_, FSY_IF_ZERO_, FSY_TRY_ACQUIRE_SHARED(0, m))
FSY_SEE_UNLOCK_(fsy_rwmutex_runlock, fsy_rwmutex_t, FSY_SEES_READ_, FSY_RELEASE_SHARED(m))
FSY_SEE_LOCK_(fsy_rwmutex_lock, fsy_rwmutex_t, 0u, FSY_ACQUIRE(m))
FSY_SEE_TRY_(fsy_rwmutex_trylock, bool, fsy_rwmutex_t, 0u, FSY_IF_TRUE_, FSY_TRY_ACQUIRE(true, m))
FSY_SEE_UNTIL_(fsy_rwmutex_lock_until, fsy_rwmutex_t, 0u, FSY_IF_ZERO_, FSY_TRY_ACQUIRE(0, m))
FSY_SEE_UNLOCK_(fsy_rwmutex_unlock, fsy_rwmutex_t, 0u, FSY_RELEASE(m))
#define fsy_rwmutex_rlock(rw) fsy_rwmutex_rlock_seen_(rw)
#define fsy_rwmutex_tryrlock(rw) fsy_rwmutex_tryrlock_seen_(rw)
#define fsy_rwmutex_rlock_until(rw, deadline) fsy_rwmutex_rlock_until_seen_(rw, deadline)
#define fsy_rwmutex_runlock(rw) fsy_rwmutex_runlock_seen_(rw)
#define fsy_rwmutex_lock(rw) fsy_rwmutex_lock_seen_(rw)
#define fsy_rwmutex_trylock(rw) fsy_rwmutex_trylock_seen_(rw)
#define fsy_rwmutex_lock_until(rw, deadline) fsy_rwmutex_lock_until_seen_(rw, deadline)
#define fsy_rwmutex_unlock(rw) fsy_rwmutex_unlock_seen_(rw)
#endif

/* FSY_RLOCK_SCOPE(rw), FSY_WLOCK_SCOPE(rw): hold rw until the end of the scope, as FSY_LOCK_SCOPE holds a mutex (mutex.h). */
static inline fsy_rwmutex_t *fsy_rwmutex_renter_(fsy_rwmutex_t *rw) FSY_ASSERT_HELD_SHARED(rw) FSY_NO_ANALYSIS;
static inline fsy_rwmutex_t *fsy_rwmutex_enter_(fsy_rwmutex_t *rw) FSY_ASSERT_HELD(rw) FSY_NO_ANALYSIS;
static inline void fsy_rwmutex_rleave_(fsy_rwmutex_t **rw) FSY_NO_ANALYSIS;
static inline void fsy_rwmutex_leave_(fsy_rwmutex_t **rw) FSY_NO_ANALYSIS;

static inline fsy_rwmutex_t *fsy_rwmutex_renter_(fsy_rwmutex_t *rw) { fsy_rwmutex_rlock(rw); return rw; }
static inline fsy_rwmutex_t *fsy_rwmutex_enter_(fsy_rwmutex_t *rw) { fsy_rwmutex_lock(rw); return rw; }
static inline void fsy_rwmutex_rleave_(fsy_rwmutex_t **rw) { fsy_rwmutex_runlock(*rw); }
static inline void fsy_rwmutex_leave_(fsy_rwmutex_t **rw) { fsy_rwmutex_unlock(*rw); }

#define FSY_RLOCK_SCOPE(rw) FSY_SCOPE_(fsy_rwmutex_t *, fsy_rwmutex_renter_(rw), fsy_rwmutex_rleave_)
#define FSY_WLOCK_SCOPE(rw) FSY_SCOPE_(fsy_rwmutex_t *, fsy_rwmutex_enter_(rw), fsy_rwmutex_leave_)

FSY_END_DECLS

#endif
