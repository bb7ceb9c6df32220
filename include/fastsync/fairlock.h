/* SPDX-License-Identifier: MIT */
/*
 * fairlock.h - many readers or one writer, in turns: nobody is starved, and a writer that does not finish says so (Rust's RwLock, made
 * fair).
 *
 * FAIRNESS  Phase-fair: when a writer leaves, every reader that waits is let in, and the writer that waits longest comes right after them.
 *         A reader waits for at most the read phase that is running and one write phase. A writer waits for at most the writers before it,
 *         each with one read phase; with n before it, for n + B - 1 at most, since one of its own node may pass it within a batch of B
 *         (FASTSYNC_NODE_BATCH). Whoever has waited for less than a tenure Q (FASTSYNC_TENURE_NS) has not claimed a place yet: until
 *         then running threads may come back and pass it, which is what keeps the throughput. Who went to sleep before, among more
 *         sleepers than there are CPUs, claims when it has been woken and runs, and may be passed until then. Q = 0 is strict: a place at once.
 * POISON  Every way to lock returns FSY_EPOISONED instead of 0, with the lock held, once a writer did not finish: its
 *         FSY_FAIR_WRITE_GUARD was left by a C++ exception, pthread_exit, cancellation or in any other way without
 *         fsy_fair_write_guard_commit; its thread ended while it held the lock; or somebody called fsy_fair_rwlock_poison. A plain unlock never
 *         poisons, and readers never do. fsy_fair_rwlock_clear_poison ends it.
 * OWNER   Whoever locked for writing, and no other thread, unlocks. A read hold may be given back by any thread.
 * ORDER   The n-th unlock synchronizes-before the return of every later lock of either kind; every runlock synchronizes-before the return of
 *         the next lock for writing; so does the end of a thread that held it.
 * COST    While nobody writes, rlock and runlock execute no atomic read-modify-write and write no memory that another thread writes, as the
 *         rwmutex's (rwmutex.h).
 *
 *   static fsy_fair_rwlock_t lock = FSY_FAIR_RWLOCK_INIT;
 *
 *   FSY_FAIR_WRITE_GUARD(guard, &lock);
 *   if (guard.error == FSY_EPOISONED)
 *           repair(table);
 *   table[key] = value;
 *   fsy_fair_write_guard_commit(&guard);
 *
 * NOT NOTICED  the end of a thread that holds more than 16 locks for writing (the 17th and later are not looked after), or whose last
 *         destructors lock. Such a lock stays locked.
 * NOT FOR signal handlers, memory shared between processes, recursive locking: a thread that reads and rlocks again waits for ever if a
 *         writer came in between. Read or write holds of threads that a fork left behind stay, as far as they were not in slots.
 * No call here is a cancellation point or async-signal-safe; none allocates but the first lock of a thread, which may take a page.
 */
#ifndef FASTSYNC_FAIRLOCK_H
#define FASTSYNC_FAIRLOCK_H

#include <fastsync/error.h>
#include <fastsync/reader.h>
#include <fastsync/time.h>
#if defined(__cplusplus)
#include <exception>
#endif

FSY_BEGIN_DECLS

/* Private: read and written by this library only. */
typedef struct fsy_fair_rwlock {
	fsy_atomic_u32 word_;
	fsy_atomic_u32 readers_;
} fsy_fair_rwlock_t;

FSY_STATIC_ASSERT(sizeof(fsy_fair_rwlock_t) == 8, "the size of a fair rwlock is ABI");

#define FSY_FAIR_RWLOCK_INIT { { 0 }, { 0 } }

/* The slow halves; slot is what fsy_reader_enter_ left behind. */
FSY_API int fsy_fair_rwlock_rlock_slow_(fsy_fair_rwlock_t *l, fsy_atomic_ptr *slot);
FSY_API int fsy_fair_rwlock_tryrlock_slow_(fsy_fair_rwlock_t *l, fsy_atomic_ptr *slot);
FSY_API int fsy_fair_rwlock_rlock_until_slow_(fsy_fair_rwlock_t *l, fsy_atomic_ptr *slot, fsy_deadline_t deadline);
FSY_API void fsy_fair_rwlock_runlock_slow_(fsy_fair_rwlock_t *l, bool left);

/* Locks l for reading, waiting as long as it takes: 0, or FSY_EPOISONED; l is locked in both cases. In the thread that holds l for
 * writing: aborts with "fastsync: rlock of fair rwlock by its writer". Source of the algorithm: lib/sync/fairlock.c. */
FSY_INLINE FSY_MUST_CHECK int
fsy_fair_rwlock_rlock(fsy_fair_rwlock_t *l)
{
	fsy_atomic_ptr *slot = NULL;

	if (FSY_FAST && fsy_reader_enter_(&l->word_, &l->readers_, &slot, false))
		return 0;
	return fsy_fair_rwlock_rlock_slow_(l, slot);
}

/* Locks l for reading if that needs no waiting: 0 or FSY_EPOISONED if it did, else FSY_EBUSY: a writer holds l or waits for its readers.
 * Never blocks. */
FSY_INLINE FSY_MUST_CHECK int
fsy_fair_rwlock_tryrlock(fsy_fair_rwlock_t *l)
{
	fsy_atomic_ptr *slot = NULL;

	if (FSY_FAST && fsy_reader_enter_(&l->word_, &l->readers_, &slot, false))
		return 0;
	return fsy_fair_rwlock_tryrlock_slow_(l, slot);
}

/* Locks l for reading, waiting until deadline at most: 0 or FSY_EPOISONED if it did, else FSY_ETIMEDOUT. A deadline in the past tries once. */
FSY_INLINE FSY_MUST_CHECK int
fsy_fair_rwlock_rlock_until(fsy_fair_rwlock_t *l, fsy_deadline_t deadline)
{
	fsy_atomic_ptr *slot = NULL;

	if (FSY_FAST && fsy_reader_enter_(&l->word_, &l->readers_, &slot, false))
		return 0;
	return fsy_fair_rwlock_rlock_until_slow_(l, slot, deadline);
}

/* Gives one read hold back, which any thread may have taken. Never blocks, but for a runlock in another thread than the rlock, which may
 * wait for other such calls. If nobody reads, prints "fastsync: runlock of unlocked fair rwlock" and aborts. */
FSY_INLINE void
fsy_fair_rwlock_runlock(fsy_fair_rwlock_t *l)
{
	bool alarm = false, left = FSY_FAST && fsy_reader_leave_(&l->readers_, &alarm);

	if (FSY_UNLIKELY(!left || alarm))
		fsy_fair_rwlock_runlock_slow_(l, left);
}

/* Locks l for writing: stops new readers, and waits for those that are there. 0, or FSY_EPOISONED; l is locked in both cases. In the thread
 * that holds it for writing: aborts with "fastsync: lock of fair rwlock by its writer". */
FSY_API FSY_MUST_CHECK int fsy_fair_rwlock_lock(fsy_fair_rwlock_t *l);

/* Locks l for writing if nobody writes or reads: 0 or FSY_EPOISONED if it did, else FSY_EBUSY, which leaves no trace. Never sleeps, but executes
 * a membarrier when it ends the readers' mode. */
FSY_API FSY_MUST_CHECK int fsy_fair_rwlock_trylock(fsy_fair_rwlock_t *l);

/* Locks l for writing, waiting until deadline at most: 0 or FSY_EPOISONED if it did, else FSY_ETIMEDOUT; readers that it kept out
 * are then let in, or woken to try (FAIRNESS). A deadline in the past tries once. */
FSY_API FSY_MUST_CHECK int fsy_fair_rwlock_lock_until(fsy_fair_rwlock_t *l, fsy_deadline_t deadline);

/* Unlocks l, which the calling thread has locked for writing. Never blocks. Aborts with "fastsync: unlock of unlocked fair rwlock" or
 * "fastsync: unlock of fair rwlock by a thread that does not own it". */
FSY_API void fsy_fair_rwlock_unlock(fsy_fair_rwlock_t *l);

/* Turns the calling thread's write hold into a read hold. Nobody writes in between; readers that sleep, or have claimed a place, are let in.
 * Never blocks. */
FSY_API void fsy_fair_rwlock_downgrade(fsy_fair_rwlock_t *l);

/* Turns a read hold into a write hold if it is the only one and no writer waits: true if it did. False leaves the read hold; so it may be
 * because another reader was just coming or going. Never blocks, but executes a membarrier when it ends the readers' mode. */
FSY_API FSY_MUST_CHECK bool fsy_fair_rwlock_try_upgrade(fsy_fair_rwlock_t *l);

/* Sets, removes, reads the flag. Any thread may, with or without the lock; only with the lock held for writing does the answer last. Atomic
 * and relaxed: what the flag speaks of is ordered by the lock. Never blocks. */
FSY_API void fsy_fair_rwlock_poison(fsy_fair_rwlock_t *l);
FSY_API void fsy_fair_rwlock_clear_poison(fsy_fair_rwlock_t *l);
FSY_API bool fsy_fair_rwlock_is_poisoned(const fsy_fair_rwlock_t *l);

/*
 * A write hold until the end of the scope. FSY_FAIR_WRITE_GUARD(name, l); locks l and declares name; name.error is what the lock returned.
 * At the end of the scope l is unlocked, and poisoned unless fsy_fair_write_guard_commit(&name) was called: make that the last statement. In
 * plain C the compiler cleans up after pthread_exit and cancellation only under -fexceptions; without it the thread's end poisons.
 */
struct fsy_fair_write_guard {
	fsy_fair_rwlock_t *lock_;
	int error;
	bool safe_;             /* committed; or taken while an exception was on its way (C cannot tell, and does not) */
};

static inline void
fsy_fair_write_guard_commit(struct fsy_fair_write_guard *guard)
{
	guard->safe_ = true;
}

static inline void
fsy_fair_write_guard_leave_(struct fsy_fair_write_guard *guard)
{
	if (!guard->safe_)
		fsy_fair_rwlock_poison(guard->lock_);
	fsy_fair_rwlock_unlock(guard->lock_);
}

#ifndef FSY_UNWINDING_
#if defined(__cpp_lib_uncaught_exceptions)
#define FSY_UNWINDING_() (std::uncaught_exceptions() > 0)
#elif defined(__cplusplus)
#define FSY_UNWINDING_() std::uncaught_exception()
#else
#define FSY_UNWINDING_() false
#endif
#endif

static inline struct fsy_fair_write_guard
fsy_fair_write_guard_enter_(fsy_fair_rwlock_t *l, bool unwinding)
{
	struct fsy_fair_write_guard guard = { l, fsy_fair_rwlock_lock(l), unwinding };

	return guard;
}

#define FSY_FAIR_WRITE_GUARD(name, l)                             \
	__attribute__((cleanup(fsy_fair_write_guard_leave_)))     \
	struct fsy_fair_write_guard name = fsy_fair_write_guard_enter_((l), FSY_UNWINDING_())

FSY_END_DECLS

#endif
