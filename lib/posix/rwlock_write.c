/* SPDX-License-Identifier: MIT */
/*
 * rwlock_write.c - pthread_rwlock_t: writers, and the life of the object.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of rwlock.c.
 */
#include "rwlock.h"
#include "real.h"
#include "../sync/readers_line.h"
#include "../sys/clock.h"

static uint32_t
counted(struct fsyi_rwlock *l)
{
	return fsy_atomic_u32_load(&l->lock.readers_) & READERS_COUNT;
}

/* With the word taken and the readers gone that were there: none has joined, or nobody is in and readers may join again. */
static bool
enter(struct fsyi_rwlock *l, uint32_t tid)
{
	(void)fsy_atomic_u32_swap(&l->writer, tid | FSYI_RW_ENTERING);
	if (FSY_UNLIKELY(counted(l) != 0)) {
		fsy_atomic_u32_store_rel(&l->writer, 0);                                        /* G1 -> G2 */
		return false;
	}
	fsy_atomic_u32_store_rlx(&l->writer, tid);
	if (fsy_atomic_u32_load_rlx(&l->late) != 0)
		fsy_atomic_u32_store_rlx(&l->late, 0);
	return true;
}

/* With the word taken: 0, or FSY_ETIMEDOUT, and the word is still taken. */
static FSY_NOINLINE int
wait_for_readers(struct fsyi_rwlock *l, uint32_t tid, fsy_deadline_t deadline)
{
	int error;

	fsy_atomic_u32_store_rel(&l->writer, 0);                                                /* G1 -> G2: from here on readers may join */
	error = fsyi_rwmutex_drain(&l->lock, deadline);
	while (error == 0 && !enter(l, tid))
		error = fsyi_readers_drain_count(&l->lock.readers_, deadline);
	if (error != 0)
		fsy_atomic_u32_store_rlx(&l->writer, FSYI_RW_LEAVING);
	return error;
}

/* While nobody could have joined, what is seen of the readers holds. */
static int
take(struct fsyi_rwlock *l, uint32_t tid, fsy_deadline_t deadline)
{
	int error = fsyi_rwmutex_stop(&l->lock, deadline);

	if (error != 0)
		return ETIMEDOUT;
	if (FSY_LIKELY(fsy_atomic_u32_load_rlx(&l->writer) == FSYI_RW_LEAVING && counted(l) == 0) &&
	    fsyi_rwmutex_drain(&l->lock, INT64_MIN) == 0) {
		fsy_atomic_u32_store_rlx(&l->writer, tid);
		return 0;
	}
	if (wait_for_readers(l, tid, deadline) == 0)
		return 0;
	fsy_rwmutex_unlock(&l->lock);
	return ETIMEDOUT;
}

static bool
try(struct fsyi_rwlock *l, uint32_t tid)
{
	if (!fsy_rwmutex_trylock(&l->lock))
		return false;
	if (fsy_atomic_u32_load_rlx(&l->writer) == FSYI_RW_LEAVING) {
		fsy_atomic_u32_store_rlx(&l->writer, tid);
	} else if (!enter(l, tid)) {
		fsy_atomic_u32_store_rlx(&l->writer, FSYI_RW_LEAVING);
		fsy_rwmutex_unlock(&l->lock);
		return false;
	}
	return true;
}

static int
lock_write(struct fsyi_rwlock *l, fsy_deadline_t deadline, const void *site)
{
	uint32_t tid = fsyi_tid();
	int64_t start = 0;
	int error = 0;

	if (FSY_UNLIKELY(fsy_atomic_u32_load_rlx(&l->writer) == tid))
		return EDEADLK;
	if (FSY_LIKELY(!fsyi_policy.watch))
		return take(l, tid, deadline);
	if (!try(l, tid)) {
		start = fsyi_now();
		error = take(l, tid, deadline);
	}
	if (error == 0)
		fsyi_report_taken(l, FSYI_A_RWLOCK, site, start == 0 ? 0 : fsyi_now() - start);
	return error;
}

FSYI_EXPORT int
pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	struct fsyi_rwlock *l = fsyi_rwlock(lock);

	return FSY_UNLIKELY(l->shared != 0) ? fsyi_real_pthread_rwlock_wrlock(lock) : lock_write(l, FSY_FOREVER, __builtin_return_address(0));
}

FSYI_EXPORT int
pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *time)
{
	struct fsyi_rwlock *l = fsyi_rwlock(lock);
	fsy_deadline_t deadline;

	if (FSY_UNLIKELY(l->shared != 0))
		return fsyi_real_pthread_rwlock_timedwrlock(lock, time);
	return fsyi_deadline(CLOCK_REALTIME, time, &deadline) != 0 ? EINVAL : lock_write(l, deadline, __builtin_return_address(0));
}

FSYI_EXPORT int
pthread_rwlock_clockwrlock(pthread_rwlock_t *lock, clockid_t clock, const struct timespec *time)
{
	struct fsyi_rwlock *l = fsyi_rwlock(lock);
	fsy_deadline_t deadline;

	if (FSY_UNLIKELY(l->shared != 0))
		return fsyi_real_pthread_rwlock_clockwrlock(lock, clock, time);
	if (!fsyi_clock_is_valid(clock) || fsyi_deadline(clock, time, &deadline) != 0)
		return EINVAL;
	return lock_write(l, deadline, __builtin_return_address(0));
}

FSYI_EXPORT int
pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
	struct fsyi_rwlock *l = fsyi_rwlock(lock);

	if (FSY_UNLIKELY(l->shared != 0))
		return fsyi_real_pthread_rwlock_trywrlock(lock);
	if (!try(l, fsyi_tid()))
		return EBUSY;
	if (FSY_UNLIKELY(fsyi_policy.watch))
		fsyi_report_taken(l, FSYI_A_RWLOCK, __builtin_return_address(0), 0);
	return 0;
}

void
fsyi_rwlock_unlock_write(struct fsyi_rwlock *l)
{
	fsy_atomic_u32_store_rlx(&l->writer, FSYI_RW_LEAVING);
	fsy_rwmutex_unlock(&l->lock);
}

FSYI_EXPORT int
pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attribute)
{
	int shared = PTHREAD_PROCESS_PRIVATE, kind = PTHREAD_RWLOCK_DEFAULT_NP;

	if (attribute != NULL) {
		pthread_rwlockattr_getpshared(attribute, &shared);
		pthread_rwlockattr_getkind_np(attribute, &kind);
	}
	if (shared != PTHREAD_PROCESS_PRIVATE)
		return fsyi_real_pthread_rwlock_init(lock, attribute);
	__builtin_memset(lock, 0, sizeof(*lock));
	fsyi_rwlock(lock)->kind = kind;
	return 0;
}

/* As in libc no error, even if it is held: there are programs that end so. */
FSYI_EXPORT int
pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
	return FSY_UNLIKELY(fsyi_rwlock(lock)->shared != 0) ? fsyi_real_pthread_rwlock_destroy(lock) : 0;
}

FSYI_SAME(__pthread_rwlock_init, pthread_rwlock_init);
FSYI_SAME(__pthread_rwlock_destroy, pthread_rwlock_destroy);
FSYI_SAME(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);
FSYI_SAME(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);
