/* SPDX-License-Identifier: MIT */
/*
 * sem.c - unnamed semaphores of one process, bit by bit as libc has them. Pure futex: post runs in signal handlers, and may not meet a lock.
 *
 * WORD    the value in the lower half, on which waiters sleep; how many wait in the upper.
 * STATES  of a waiter: arriving -> counted -> (value > 0) takes one, and is counted no longer
 *                                          -> (deadline, signal, cancellation) counted no longer
 * INVARIANTS
 *         F1  who sleeps is counted. A post that finds anybody counted wakes one.
 *         F2  a waiter that leaves with nothing passes the wake on that it may have been given.
 * ORDER   N1 post: cas_rel -> N2 take: cas_acq      (MP)
 * FAIRNESS the kernel wakes the eldest; who comes along meanwhile may be faster, as in libc.
 * LIFETIME the compare-and-swap N1 is the poster's last access; the wake goes by the address.
 * REFS    glibc's own, from 2.21 on (BZ 12674).
 */
#include "preload.h"
#include "real.h"
#include "../sys/futex.h"

#include <limits.h>

static uint32_t
value_of(uint64_t word)
{
	return (uint32_t)word;
}

/* The half that the kernel looks at: this machine's lower half comes first. */
static fsy_atomic_u32 *
futex_of(struct fsyi_sem *s)
{
	return (fsy_atomic_u32 *)(void *)&s->word;
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

FSYI_EXPORT int
sem_init(sem_t *sem, int shared, unsigned int value)
{
	if (shared != 0)
		return fsyi_real_sem_init(sem, shared, value);
	if (value > SEM_VALUE_MAX)
		return fail(EINVAL);
	__builtin_memset(sem, 0, sizeof(*sem));
	fsy_atomic_u64_store_rlx(&fsyi_sem(sem)->word, value);
	return 0;
}

FSYI_EXPORT int
sem_destroy(sem_t *sem)
{
	return fsyi_sem(sem)->shared != 0 ? fsyi_real_sem_destroy(sem) : 0;
}

FSYI_EXPORT int
sem_getvalue(sem_t *sem, int *value)
{
	if (fsyi_sem(sem)->shared != 0)
		return fsyi_real_sem_getvalue(sem, value);
	*value = (int)value_of(fsy_atomic_u64_load_rlx(&fsyi_sem(sem)->word));
	return 0;
}

FSYI_EXPORT int
sem_post(sem_t *sem)
{
	struct fsyi_sem *s = fsyi_sem(sem);
	uint64_t seen;

	if (FSY_UNLIKELY(s->shared != 0))
		return fsyi_real_sem_post(sem);
	seen = fsy_atomic_u64_load_rlx(&s->word);
	do
		if (value_of(seen) == SEM_VALUE_MAX)
			return fail(EOVERFLOW);
	while (!fsy_atomic_u64_cas_rel(&s->word, &seen, seen + 1));                             /* N1 -> N2 */
	if (seen >= FSYI_SEM_WAITER)
		fsyi_futex_wake(futex_of(s), 1);
	return 0;
}

static bool
take(struct fsyi_sem *s, uint64_t also)
{
	uint64_t seen = fsy_atomic_u64_load_rlx(&s->word);

	while (value_of(seen) != 0)
		if (fsy_atomic_u64_cas_acq(&s->word, &seen, seen - 1 - also))                   /* N2 <- N1 */
			return true;
	return false;
}

FSYI_EXPORT int
sem_trywait(sem_t *sem)
{
	if (FSY_UNLIKELY(fsyi_sem(sem)->shared != 0))
		return fsyi_real_sem_trywait(sem);
	return take(fsyi_sem(sem), 0) ? 0 : fail(EAGAIN);
}

static void
leave(void *arg)
{
	struct fsyi_sem *s = (struct fsyi_sem *)arg;
	uint64_t now = fsy_atomic_u64_add_rlx(&s->word, 0 - FSYI_SEM_WAITER) - FSYI_SEM_WAITER;

	if (value_of(now) != 0 && now >= FSYI_SEM_WAITER)
		fsyi_futex_wake(futex_of(s), 1);
}

/* Only here may a cancellation strike, and only what leave() undoes has happened by then. */
static int
sleep_cancellable(struct fsyi_sem *s, fsy_deadline_t deadline)
{
	int before = fsyi_cancel_allow();
	int error = fsyi_futex_wait_once(futex_of(s), 0, deadline);

	fsyi_cancel_restore(before);
	return error;
}

static int
wait_counted(struct fsyi_sem *s, fsy_deadline_t deadline)
{
	int error;

	while (!take(s, FSYI_SEM_WAITER)) {
		error = sleep_cancellable(s, deadline);
		if (error != ETIMEDOUT && error != EINTR)
			continue;
		leave(s);
		return error;
	}
	return 0;
}

static FSY_NOINLINE int
wait_slow(struct fsyi_sem *s, fsy_deadline_t deadline)
{
	int error;

	fsy_atomic_u64_add_rlx(&s->word, FSYI_SEM_WAITER);
	pthread_cleanup_push(leave, s);
	error = wait_counted(s, deadline);
	pthread_cleanup_pop(0);
	return error == 0 ? 0 : fail(error);
}

static int
wait_until(sem_t *sem, clockid_t clock, const struct timespec *time)
{
	fsy_deadline_t deadline = FSY_FOREVER;

	/* libc looks at the time before it looks at the value. */
	if (time != NULL && fsyi_deadline(clock, time, &deadline) != 0)
		return fail(EINVAL);
	pthread_testcancel();
	return take(fsyi_sem(sem), 0) ? 0 : wait_slow(fsyi_sem(sem), deadline);
}

FSYI_EXPORT int
sem_wait(sem_t *sem)
{
	return FSY_UNLIKELY(fsyi_sem(sem)->shared != 0) ? fsyi_real_sem_wait(sem) : wait_until(sem, 0, NULL);
}

FSYI_EXPORT int
sem_timedwait(sem_t *sem, const struct timespec *time)
{
	return FSY_UNLIKELY(fsyi_sem(sem)->shared != 0) ? fsyi_real_sem_timedwait(sem, time) : wait_until(sem, CLOCK_REALTIME, time);
}

FSYI_EXPORT int
sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *time)
{
	if (FSY_UNLIKELY(fsyi_sem(sem)->shared != 0))
		return fsyi_real_sem_clockwait(sem, clock, time);
	return fsyi_clock_is_valid(clock) ? wait_until(sem, clock, time) : fail(EINVAL);
}
