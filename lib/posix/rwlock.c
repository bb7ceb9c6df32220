/* SPDX-License-Identifier: MIT */
/*
 * rwlock.c - pthread_rwlock_t on the rwmutex of lib/sync: readers.
 *
 * WORD    the rwmutex at offset 0. Where libc has its writer's id, writer:
 *             id             that thread has it for writing
 *             ENTERING | id  it looks whether readers have joined
 *             LEAVING        nobody does, or somebody has taken the word and not yet seen a reader: nobody can join
 *             0              the same, but a writer may wait for readers, and others may join them
 * STATES  a writer: takes the word -> sees no readers, and has it
 *                                  -> writer = 0, waits for the readers -> ENTERING -> nobody has joined: has it
 *                                                                                  -> somebody has: writer = 0, waits
 *         a reader: as the rwmutex's; or, where it may join: counts itself -> writer is 0: holds; otherwise counts itself out again
 * INVARIANTS
 *         H1  A reader that joins holds only if it found writer 0 after it was counted; a writer has it only if it found nobody counted after
 *             ENTERING was set, or while writer was LEAVING all the time. So a wrong guess of who may join costs fairness, and nothing else.
 *         H2  writer is a thread's id exactly while that thread has it: who unlocks while it is gives back the writer's hold, any other
 *             caller a reader's.
 *         H3  The kinds 0 and 1 let a thread read that reads already, whatever waits: a slot tells, or the thread's table of counted holds, which
 *             forgets nothing but which lock it was. Kind 2 lets it wait, for itself if need be, as libc does.
 * ORDER   G1 writer = 0: store_rel -> G2 join: load_acq     (MP) what earlier writers did, to who joins while one waits
 *         Store-buffering pair, forbidden outcome "both are in":
 *             joining reader   count += 1 (full fence); read writer      writer   writer = ENTERING (full fence); read count
 *         The rest is the rwmutex's.
 * FAIRNESS the rwmutex's: who waits for one that waits is let in after it. But a reader that may be needed by those who read (they wait for
 *         something that it is to do) joins in the end: its patience is a tenth of a second, and doubles each time that one waiting
 *         writer has cost a reader its own.
 * LIFETIME the rwmutex's. writer is never cleared behind a release: LEAVING stays until the next writer comes.
 * WRONG WAYS  clearing writer before the release: who joins then may be the last to use the lock, while its writer has still to release it.
 *         Telling readers from writers at unlock by the caller's id: in a forked child it is another.
 */
#include "rwlock.h"
#include "real.h"
#include "../sys/clock.h"
#include "../sys/fatal.h"

/* As many as libc's: far from where the rwmutex gives up. */
#define MOST_READERS (READERS_MOST / 2)

/* The calling thread has one hold more. */
static int
got(struct fsyi_rwlock *l, bool named_before)
{
	if (fsyi_rwlock_is_recursive(l) && (named_before || !fsyi_rwlock_names(l)))
		fsyi_rwlock_note(l);
	return 0;
}

/* slot is what the inline half left behind. */
static FSY_NOINLINE int
lock_slow(struct fsyi_rwlock *l, fsy_atomic_ptr *slot, fsy_deadline_t deadline)
{
	bool named = slot == NULL && fsyi_rwlock_names(l);
	int error;

	if (slot == NULL && (fsy_atomic_u32_load_rlx(&l->lock.readers_) & READERS_COUNT) >= MOST_READERS)
		return EAGAIN;
	if (fsy_rwmutex_tryrlock_slow_(&l->lock, slot))
		return got(l, named);
	if (fsyi_rwlock_is_mine(l))
		return EDEADLK;
	error = fsyi_rwlock_wait(l, deadline);
	return error == 0 ? got(l, named) : error;
}

static FSY_NOINLINE int
try_slow(struct fsyi_rwlock *l, fsy_atomic_ptr *slot)
{
	bool named = slot == NULL && fsyi_rwlock_names(l);

	if (slot == NULL && (fsy_atomic_u32_load_rlx(&l->lock.readers_) & READERS_COUNT) >= MOST_READERS)
		return EAGAIN;
	if (fsy_rwmutex_tryrlock_slow_(&l->lock, slot) || fsyi_rwlock_join(l))
		return got(l, named);
	return EBUSY;
}

static FSY_ALWAYS_INLINE int
lock_until(struct fsyi_rwlock *l, fsy_deadline_t deadline)
{
	fsy_atomic_ptr *slot = NULL;

	if (FSY_LIKELY(fsy_reader_enter_(&l->lock.word_, &l->lock.readers_, &slot, true)))
		return 0;
	return lock_slow(l, slot, deadline);
}

static FSY_NOINLINE int
lock_watched(struct fsyi_rwlock *l, fsy_deadline_t deadline, const void *site)
{
	fsy_atomic_ptr *slot = NULL;
	int64_t start = 0;
	int error = fsy_reader_enter_(&l->lock.word_, &l->lock.readers_, &slot, true) ? 0 : try_slow(l, slot);

	if (error == EBUSY) {
		start = fsyi_now();
		error = lock_slow(l, NULL, deadline);
	}
	if (error == 0)
		fsyi_report_taken(l, FSYI_A_RWLOCK, site, start == 0 ? 0 : fsyi_now() - start);
	return error;
}

/* Apart, so that the paths that are walked need no frame. */
static FSY_NOINLINE int
lock_other(pthread_rwlock_t *lock, const void *site)
{
	return fsyi_rwlock(lock)->shared ? fsyi_real_pthread_rwlock_rdlock(lock) : lock_watched(fsyi_rwlock(lock), FSY_FOREVER, site);
}

static FSY_NOINLINE int
unlock_other(pthread_rwlock_t *lock)
{
	return fsyi_real_pthread_rwlock_unlock(lock);
}

FSYI_EXPORT int
pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	struct fsyi_rwlock *l = fsyi_rwlock(lock);

	if (FSY_LIKELY((l->shared | fsyi_policy.watch) == 0))
		return lock_until(l, FSY_FOREVER);
	return lock_other(lock, __builtin_return_address(0));
}

FSYI_EXPORT int
pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
	struct fsyi_rwlock *l = fsyi_rwlock(lock);
	fsy_atomic_ptr *slot = NULL;
	int error;

	if (FSY_UNLIKELY(l->shared != 0))
		return fsyi_real_pthread_rwlock_tryrdlock(lock);
	error = fsy_reader_enter_(&l->lock.word_, &l->lock.readers_, &slot, true) ? 0 : try_slow(l, slot);
	if (error == 0 && FSY_UNLIKELY(fsyi_policy.watch))
		fsyi_report_taken(l, FSYI_A_RWLOCK, __builtin_return_address(0), 0);
	return error;
}

static int
timed(struct fsyi_rwlock *l, clockid_t clock, const struct timespec *time, const void *site)
{
	fsy_deadline_t deadline;

	if (fsyi_deadline(clock, time, &deadline) != 0)
		return EINVAL;
	return FSY_UNLIKELY(fsyi_policy.watch) ? lock_watched(l, deadline, site) : lock_until(l, deadline);
}

FSYI_EXPORT int
pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *time)
{
	if (FSY_UNLIKELY(fsyi_rwlock(lock)->shared != 0))
		return fsyi_real_pthread_rwlock_timedrdlock(lock, time);
	return timed(fsyi_rwlock(lock), CLOCK_REALTIME, time, __builtin_return_address(0));
}

FSYI_EXPORT int
pthread_rwlock_clockrdlock(pthread_rwlock_t *lock, clockid_t clock, const struct timespec *time)
{
	if (FSY_UNLIKELY(fsyi_rwlock(lock)->shared != 0))
		return fsyi_real_pthread_rwlock_clockrdlock(lock, clock, time);
	return fsyi_clock_is_valid(clock) ? timed(fsyi_rwlock(lock), clock, time, __builtin_return_address(0)) : EINVAL;
}

static FSY_NOINLINE int
unlock_slow(struct fsyi_rwlock *l, bool left)
{
	if (!left && fsyi_rwlock_is_written(fsy_atomic_u32_load_rlx(&l->writer))) {
		fsyi_rwlock_unlock_write(l);
		return 0;
	}
	if (!left && fsyi_rwlock_is_recursive(l))
		fsyi_rwlock_forget(l);
	if (!fsyi_rwmutex_runlock(&l->lock, left) && fsyi_policy.strict)
		fsyi_fatal("unlock of unlocked rwlock %p", (void *)l);
	return 0;
}

FSYI_EXPORT int
pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
	struct fsyi_rwlock *l = fsyi_rwlock(lock);
	bool alarm = false, left;

	if (FSY_UNLIKELY(l->shared != 0))
		return unlock_other(lock);
	left = fsy_reader_leave_(&l->lock.readers_, &alarm);
	return FSY_LIKELY(left && !alarm) ? 0 : unlock_slow(l, left);
}

FSYI_SAME(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);
FSYI_SAME(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);
FSYI_SAME(__pthread_rwlock_unlock, pthread_rwlock_unlock);
