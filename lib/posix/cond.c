/* SPDX-License-Identifier: MIT */
/*
 * cond.c - pthread_cond_t on the condition variable of lib/sync.
 *
 * WORD    the word of lib/sync at offset 0; libc's flags where libc has them: bit 0 process-shared, bit 1 CLOCK_MONOTONIC.
 * STATES  ours (bit 0 clear) -> libc's (bit 0 set), for good: by init for a process-shared one, and by the first wait with a mutex that is
 *             libc's. Nobody must be waiting then; of one at rest only the flags are not zero, which is how libc's looks when it is new.
 * INVARIANTS
 *         Z1  A mutex of ours never reaches libc's wait, which would unlock what it takes for libc's; a condition variable is used
 *             by one side at a time.
 *         Z2  The thread holds the mutex as before, owner and count included, whenever anything of the user's runs: when the wait returns,
 *             and when a cancellation has broken it off.
 *         Z3  A signal that reached a thread which is cancelled goes to the next who waits.
 * ORDER, FAIRNESS, LIFETIME: those of lib/sync/cond.c. A signal reaches whoever waits at the time, and nobody who comes later can take it
 *         from them (glibc before 2.41: BZ 25847). destroy need not wait for anybody: who has been signalled does not come back.
 * WRONG WAYS  acting on a cancellation after the wait has unlocked the mutex and before it stands in the queue. Trusting libc's headers for
 *         the place of the flags: 2.41 moved them.
 */
#include "preload.h"
#include "real.h"
#include "../sync/cond_wait.h"
#include "../sync/mutex_word.h"
#include "../sys/clock.h"
#include "../sys/fatal.h"
#include "../sys/futex.h"

enum { APART_NAP_NS = 1000000, BY_ATTRIBUTE = -1 };

/* Where this libc has the flags. */
static size_t flags_at = offsetof(pthread_cond_t, __data.__wrefs);

static fsy_atomic_u32 *
flags_of(pthread_cond_t *c)
{
	return (fsy_atomic_u32 *)(void *)((char *)c + flags_at);
}

static fsy_cond_t *
ours(pthread_cond_t *c)
{
	return (fsy_cond_t *)(void *)c;
}

static bool
is_ours(pthread_cond_t *c)
{
	return FSY_LIKELY(!(fsy_atomic_u32_load_rlx(flags_of(c)) & FSYI_COND_SHARED));
}

__attribute__((constructor)) static void
find_flags(void)
{
	union {
		pthread_cond_t cond;
		uint32_t word[sizeof(pthread_cond_t) / sizeof(uint32_t)];
	} probe;
	pthread_condattr_t attribute;

	__builtin_memset(&probe, 0, sizeof(probe));
	if (pthread_condattr_init(&attribute) != 0)
		return;
	if (pthread_condattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED) == 0 &&
	    pthread_condattr_setclock(&attribute, CLOCK_MONOTONIC) == 0 && fsyi_real_pthread_cond_init(&probe.cond, &attribute) == 0)
		for (size_t i = 1; i < sizeof(probe.word) / sizeof(probe.word[0]); i++)
			if (probe.word[i] == (FSYI_COND_SHARED | FSYI_COND_MONOTONIC))
				flags_at = i * sizeof(probe.word[0]);
	pthread_condattr_destroy(&attribute);
}

/* One wait, as its cancellation finds it. */
struct wait {
	fsy_cond_t *cond;               /* NULL: in no queue */
	struct fsyi_mutex *m;
	struct fsyi_relock relock;
	bool last, taken;               /* the mutex was released; and has been taken again */
};

static void
release(void *mutex)
{
	struct fsyi_mutex *m = (struct fsyi_mutex *)mutex;
	struct fsyi_lockword lock = fsyi_mutex_word(&m->lock);
	enum fsy_release_ how = fsy_lockword_release_(&m->lock.word_, &m->lock.held_);

	if (how == FSY_SUSPECT_)
		how = fsyi_lockword_unlock_suspect(&lock);
	if (how == FSY_SUSPECT_ && fsyi_policy.strict)
		fsyi_fatal("wait with an unlocked mutex %p", (void *)m);
	if (how == FSY_RELEASED_WAKE_)
		fsyi_lockword_wake(&lock, FSYI_WAKE_LEAVING);
}

static void
keep(void *mutex)
{
	(void)mutex;
}

static void
come_back(struct wait *w)
{
	if (w->last && !w->taken && !fsyi_mutex_acquire(w->m))
		fsy_mutex_lock_slow_(&w->m->lock);
	fsyi_mutex_come_back(w->m);
}

static void
cancelled(void *arg)
{
	struct wait *w = (struct wait *)arg;

	if (w->cond != NULL && fsyi_cond_break_off(w->cond, &w->relock, &w->taken))
		fsy_cond_signal_slow_(w->cond);         /* by the address: it may be gone */
	come_back(w);
}

/* 0, or EPERM: the mutex is not the caller's to unlock. */
static int
set_out(struct wait *w, fsy_cond_t *c, struct fsyi_mutex *m)
{
	int error;

	w->cond = c;
	w->m = m;
	w->taken = false;
	w->relock = (struct fsyi_relock){ fsyi_mutex_word(&m->lock), m, release, FSYI_COND_CANCELLABLE | FSYI_COND_ANY };
	pthread_testcancel();
	error = fsyi_mutex_leave(m, &w->last);
	if (!w->last) {
		w->relock.release = keep;
		w->relock.ways |= FSYI_COND_KEEPS;
	}
	return error;
}

static int
wait_ours(pthread_cond_t *c, struct fsyi_mutex *m, fsy_deadline_t deadline)
{
	struct wait w;
	int error = set_out(&w, ours(c), m);

	if (error != 0)
		return error;
	pthread_cleanup_push(cancelled, &w);
	error = fsyi_cond_wait(w.cond, &w.relock, deadline, &w.taken);
	pthread_cleanup_pop(0);
	come_back(&w);
	return error == 0 ? 0 : ETIMEDOUT;
}

/* libc's condition variable, our mutex: who is in the one's queue cannot give up the other in the same step. So nobody queues, and each wait
 * is a short one that ends without a signal, as any may. */
static int
wait_apart(struct fsyi_mutex *m, fsy_deadline_t deadline)
{
	fsy_deadline_t until = fsyi_now() + APART_NAP_NS;
	fsy_atomic_u32 never = { 0 };
	struct wait w;
	int error = set_out(&w, NULL, m);

	if (error != 0)
		return error;
	pthread_cleanup_push(cancelled, &w);
	w.relock.release(m);
	(void)fsyi_futex_wait_cancellable(&never, 0, until < deadline ? until : deadline);
	pthread_cleanup_pop(0);
	come_back(&w);
	return deadline != FSY_FOREVER && fsyi_over(deadline, fsyi_now()) ? ETIMEDOUT : 0;
}

/* The mutex is libc's: so is the condition variable from now on. */
static bool
hand_over(pthread_cond_t *c)
{
	if (!is_ours(c))
		return true;
	if (fsyi_cond_waiters(ours(c)) > 0)
		return false;                   /* others wait with a mutex of ours */
	fsy_atomic_u32_store_rlx(&ours(c)->word_, 0);
	fsy_atomic_u32_or(flags_of(c), FSYI_COND_SHARED);
	return true;
}

static int
wait_real(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock, const struct timespec *time)
{
	if (!hand_over(c))
		return EINVAL;
	if (time == NULL)
		return fsyi_real_pthread_cond_wait(c, m);
	return clock == BY_ATTRIBUTE ? fsyi_real_pthread_cond_timedwait(c, m, time) : fsyi_real_pthread_cond_clockwait(c, m, clock, time);
}

static int
wait_until(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock, const struct timespec *time)
{
	fsy_deadline_t deadline = FSY_FOREVER;
	clockid_t by = clock;

	if (clock == BY_ATTRIBUTE)
		by = fsy_atomic_u32_load_rlx(flags_of(c)) & FSYI_COND_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
	if (time != NULL && fsyi_deadline(by, time, &deadline) != 0)
		return EINVAL;
	if (FSY_UNLIKELY(!fsyi_mutex_is_ours(fsyi_mutex(m))))
		return wait_real(c, m, clock, time);
	return is_ours(c) ? wait_ours(c, fsyi_mutex(m), deadline) : wait_apart(fsyi_mutex(m), deadline);
}

FSYI_EXPORT int
pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	return wait_until(c, m, BY_ATTRIBUTE, NULL);
}

FSYI_EXPORT int
pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *time)
{
	return wait_until(c, m, BY_ATTRIBUTE, time);
}

FSYI_EXPORT int
pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock, const struct timespec *time)
{
	return fsyi_clock_is_valid(clock) ? wait_until(c, m, clock, time) : EINVAL;
}

FSYI_EXPORT int
pthread_cond_signal(pthread_cond_t *c)
{
	if (!is_ours(c))
		return fsyi_real_pthread_cond_signal(c);
	fsy_cond_signal(ours(c));
	return 0;
}

FSYI_EXPORT int
pthread_cond_broadcast(pthread_cond_t *c)
{
	if (!is_ours(c))
		return fsyi_real_pthread_cond_broadcast(c);
	fsy_cond_broadcast(ours(c));
	return 0;
}

FSYI_EXPORT int
pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attribute)
{
	int shared = PTHREAD_PROCESS_PRIVATE;
	clockid_t clock = CLOCK_REALTIME;

	if (attribute != NULL) {
		pthread_condattr_getpshared(attribute, &shared);
		pthread_condattr_getclock(attribute, &clock);
	}
	if (shared != PTHREAD_PROCESS_PRIVATE)
		return fsyi_real_pthread_cond_init(c, attribute);
	__builtin_memset(c, 0, sizeof(*c));
	fsy_atomic_u32_store_rlx(flags_of(c), clock == CLOCK_MONOTONIC ? FSYI_COND_MONOTONIC : 0);
	return 0;
}

/* libc's hangs if somebody waits who has not been signalled; who destroys ours hears of it. */
FSYI_EXPORT int
pthread_cond_destroy(pthread_cond_t *c)
{
	if (!is_ours(c))
		return fsyi_real_pthread_cond_destroy(c);
	return fsyi_cond_waiters(ours(c)) > 0 ? EBUSY : 0;
}
