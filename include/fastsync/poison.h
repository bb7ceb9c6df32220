/* SPDX-License-Identifier: MIT */
/*
 * poison.h - mutual exclusion with Rust's contract: a lock whose owner did not finish says so to all who come after.
 *
 * WHAT POISONS  What Rust calls a panic is, in C, one of three things: leaving the scope of a FSY_POISON_GUARD by a C++
 *         exception, by pthread_exit or cancellation, or in any other way without fsy_poison_guard_commit; the end of a thread,
 *         however it ends, while it holds the lock (the next locker gets the lock, and knows); and a call of
 *         fsy_poison_mutex_poison. The end of a thread comes after its destructors, so that one of them may still unlock.
 *         A plain lock and unlock never poisons, nor does a guard taken while an exception is already on its way.
 * HOLDING A POISONED LOCK  Every way to lock returns FSY_EPOISONED instead of 0, *with the lock held*: repair what it
 *         guards and call fsy_poison_mutex_clear_poison, or give up; unlock in either case.
 * OWNER   The thread that locked, and nobody else, unlocks. How many locks a thread holds is not limited, and none of them costs
 *         memory.
 * ORDER   The n-th unlock synchronizes-before the (n+1)-th lock's return; so does the end of a thread that held it.
 * FAIRNESS  That of fsy_mutex_t.
 *
 *   FSY_POISON_GUARD(guard, &account.lock);
 *   if (guard.error == FSY_EPOISONED)
 *           repair(&account);
 *   account.from -= amount;
 *   account.to += amount;
 *   fsy_poison_guard_commit(&guard);
 *
 * NOT NOTICED  the end of a thread by the bare exit system call; of one whose first lock of this kind is taken by a destructor of
 *         its own; of one for which there is no pthread key or no memory; of one among more than some 32,000 living users of such
 *         locks. A lock that such a thread leaves stays locked, as any mutex would. So does, in a forked child, a lock
 *         that another thread was just taking or giving back.
 * NOT FOR signal handlers, asynchronous cancellation, memory shared between processes, recursive locking.
 * In a forked child the forking thread's locks can be unlocked, free ones locked, and those of other threads are inherited,
 * poisoned. No call here allocates or is a cancellation point; none is async-signal-safe.
 */
#ifndef FASTSYNC_POISON_H
#define FASTSYNC_POISON_H

#include <fastsync/error.h>
#include <fastsync/observe.h>
#include <fastsync/owner.h>
#include <fastsync/time.h>
#if defined(__cplusplus)
#include <exception>
#endif

FSY_BEGIN_DECLS

/* Private: read and written by this library only. */
typedef struct FSY_CAPABILITY("poison mutex") fsy_poison_mutex {
	fsy_atomic_u32 word_;
	fsy_atomic_u32 owner_;
} fsy_poison_mutex_t;

FSY_STATIC_ASSERT(sizeof(fsy_poison_mutex_t) == 8, "the size of a poison mutex is ABI");

#define FSY_POISON_MUTEX_INIT { { 0 }, { 0 } }

/* The slow halves. */
FSY_API int fsy_poison_mutex_lock_slow_(fsy_poison_mutex_t *m);
FSY_API int fsy_poison_mutex_trylock_slow_(fsy_poison_mutex_t *m);
FSY_API int fsy_poison_mutex_lock_until_slow_(fsy_poison_mutex_t *m, fsy_deadline_t deadline);
FSY_API void fsy_poison_mutex_unlock_slow_(fsy_poison_mutex_t *m);
FSY_API void fsy_poison_mutex_wake_slow_(fsy_poison_mutex_t *m);

/* What is told to clang's analysis. */
FSY_INLINE int fsy_poison_mutex_lock(fsy_poison_mutex_t *m) FSY_ACQUIRE(m) FSY_NO_ANALYSIS;
FSY_INLINE int fsy_poison_mutex_trylock(fsy_poison_mutex_t *m) FSY_TRY_ACQUIRE(0, m) FSY_NO_ANALYSIS;
FSY_INLINE int fsy_poison_mutex_lock_until(fsy_poison_mutex_t *m, fsy_deadline_t deadline) FSY_TRY_ACQUIRE(0, m) FSY_NO_ANALYSIS;
FSY_INLINE void fsy_poison_mutex_unlock(fsy_poison_mutex_t *m) FSY_RELEASE(m) FSY_NO_ANALYSIS;

/* Byte 3 of the word. A load of the whole, which a locked instruction has just written in part, would stall. */
static FSY_ALWAYS_INLINE int
fsy_poison_error_(const fsy_poison_mutex_t *m)
{
#if FSY_ASYMMETRIC_
	const uint8_t *poison = (const uint8_t *)(const void *)&m->word_.cell_ + 3;

	return FSY_UNLIKELY(FSY_RAW_LOAD_(poison, __ATOMIC_RELAXED) != 0) ? (int)FSY_EPOISONED : 0;
#else
	return fsy_atomic_u32_load_rlx(&m->word_) & FSY_LW_POISON_ ? (int)FSY_EPOISONED : 0;
#endif
}

/* Locks m, waiting as long as it takes: 0, or FSY_EPOISONED; m is locked in both cases. Locking a mutex again in the
 * thread that holds it aborts with "fastsync: lock of poison mutex by its owner". Source of the algorithm: lib/sync/poison.c. */
FSY_INLINE FSY_MUST_CHECK int
fsy_poison_mutex_lock(fsy_poison_mutex_t *m)
{
	if (FSY_FAST && FSY_LIKELY(fsy_owner_take_(&m->word_, &m->owner_)))
		return fsy_poison_error_(m);
	return fsy_poison_mutex_lock_slow_(m);
}

/* Locks m if that needs no waiting: 0 or FSY_EPOISONED if it did, else FSY_EBUSY. Never blocks. */
FSY_INLINE FSY_MUST_CHECK int
fsy_poison_mutex_trylock(fsy_poison_mutex_t *m)
{
	if (FSY_FAST && FSY_LIKELY(fsy_owner_take_(&m->word_, &m->owner_)))
		return fsy_poison_error_(m);
	return fsy_poison_mutex_trylock_slow_(m);
}

/* Locks m, waiting until deadline at most: 0 or FSY_EPOISONED if it did, else FSY_ETIMEDOUT. A deadline in the past tries once. */
FSY_INLINE FSY_MUST_CHECK int
fsy_poison_mutex_lock_until(fsy_poison_mutex_t *m, fsy_deadline_t deadline)
{
	if (FSY_FAST && FSY_LIKELY(fsy_owner_take_(&m->word_, &m->owner_)))
		return fsy_poison_error_(m);
	return fsy_poison_mutex_lock_until_slow_(m, deadline);
}

/* Unlocks m, which the calling thread has locked. Never blocks, and never poisons. Aborts with "fastsync: unlock of unlocked
 * poison mutex" or "fastsync: unlock of poison mutex by a thread that does not own it". */
FSY_INLINE void
fsy_poison_mutex_unlock(fsy_poison_mutex_t *m)
{
	enum fsy_release_ how;

	if (!FSY_FAST || FSY_UNLIKELY(!fsy_owner_give_(&m->word_, &m->owner_, &how)))
		fsy_poison_mutex_unlock_slow_(m);
	else if (FSY_UNLIKELY(how != FSY_RELEASED_))
		fsy_poison_mutex_wake_slow_(m);
}

/* Sets, removes, reads the flag. Any thread may, with or without the lock; only with the lock held does the answer last.
 * Atomic and relaxed: what the flag speaks of is ordered by the lock. Never blocks. */
FSY_API void fsy_poison_mutex_poison(fsy_poison_mutex_t *m);
FSY_API void fsy_poison_mutex_clear_poison(fsy_poison_mutex_t *m);
FSY_API bool fsy_poison_mutex_is_poisoned(const fsy_poison_mutex_t *m);

/* Aborts with "fastsync: poison mutex is not held" unless the calling thread holds m; clang's analysis believes it. Never blocks. */
FSY_API void fsy_poison_mutex_assert_held(const fsy_poison_mutex_t *m) FSY_ASSERT_HELD(m);

#if FSY_OBSERVED_
FSY_SEE_TRY_(fsy_poison_mutex_lock, int, fsy_poison_mutex_t, 0u, FSY_IF_LOCKED_, FSY_ACQUIRE(m))
FSY_SEE_TRY_(fsy_poison_mutex_trylock, int, fsy_poison_mutex_t, 0u, FSY_IF_LOCKED_, FSY_TRY_ACQUIRE(0, m))
FSY_SEE_UNTIL_(fsy_poison_mutex_lock_until, fsy_poison_mutex_t, 0u, FSY_IF_LOCKED_, FSY_TRY_ACQUIRE(0, m))
FSY_SEE_UNLOCK_(fsy_poison_mutex_unlock, fsy_poison_mutex_t, 0u, FSY_RELEASE(m))
#define fsy_poison_mutex_lock(m) fsy_poison_mutex_lock_seen_(m)
#define fsy_poison_mutex_trylock(m) fsy_poison_mutex_trylock_seen_(m)
#define fsy_poison_mutex_lock_until(m, deadline) fsy_poison_mutex_lock_until_seen_(m, deadline)
#define fsy_poison_mutex_unlock(m) fsy_poison_mutex_unlock_seen_(m)
#endif

/*
 * A lock held until the end of the scope. FSY_POISON_GUARD(name, m); locks m and declares name; name.error is what the lock
 * returned. At the end of the scope m is unlocked, and poisoned unless fsy_poison_guard_commit(&name) was called: make that the
 * last statement. In plain C the compiler cleans up after pthread_exit and cancellation only under -fexceptions; without it the
 * lock is still held when the thread ends, and is poisoned by that.
 */
struct fsy_poison_guard {
	fsy_poison_mutex_t *mutex_;
	int error;
	bool safe_;             /* committed; or taken while an exception was on its way (C cannot tell, and does not) */
};

static inline void
fsy_poison_guard_commit(struct fsy_poison_guard *guard)
{
	guard->safe_ = true;
}

static inline void fsy_poison_guard_leave_(struct fsy_poison_guard *guard) FSY_NO_ANALYSIS;

static inline void
fsy_poison_guard_leave_(struct fsy_poison_guard *guard)
{
	if (!guard->safe_)
		fsy_poison_mutex_poison(guard->mutex_);
	fsy_poison_mutex_unlock(guard->mutex_);
}

#if defined(__cpp_lib_uncaught_exceptions)
#define FSY_UNWINDING_() (std::uncaught_exceptions() > 0)
#elif defined(__cplusplus)
#define FSY_UNWINDING_() std::uncaught_exception()
#else
#define FSY_UNWINDING_() false
#endif

static inline struct fsy_poison_guard
fsy_poison_guard_enter_(fsy_poison_mutex_t *m, bool unwinding) FSY_ASSERT_HELD(m) FSY_NO_ANALYSIS;

static inline struct fsy_poison_guard
fsy_poison_guard_enter_(fsy_poison_mutex_t *m, bool unwinding)
{
	struct fsy_poison_guard guard = { m, fsy_poison_mutex_lock(m), unwinding };

	return guard;
}

#define FSY_POISON_GUARD(name, m) \
	__attribute__((cleanup(fsy_poison_guard_leave_), unused)) \
	struct fsy_poison_guard name = fsy_poison_guard_enter_((m), FSY_UNWINDING_())

FSY_END_DECLS

#endif
