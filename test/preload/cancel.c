/* SPDX-License-Identifier: MIT */
/*
 * name: cancellation in all six cancellation points, with cleanup handlers
 * item: 5
 * short: 300
 * long: 10000
 *
 * Each round cancels a thread somewhere between its start and its end: before it waits, while it goes to sleep, asleep, and while somebody wakes
 * it. Whatever happens, its handler finds the mutex held as it was before, and a signal that it did not return with goes to the other waiter.
 */
#include <semaphore.h>
#include "check.h"

enum point { COND_WAIT, COND_TIMEDWAIT, COND_CLOCKWAIT, SEM_WAIT, SEM_TIMEDWAIT, SEM_CLOCKWAIT, POINTS };
enum when { AT_ONCE, SOON, ASLEEP, BESIDE_SIGNAL, BEFORE_SIGNAL, WHENS };

static struct round {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	sem_t sem;
	enum point point;
	int kind, depth;
	_Atomic int tid[2];
	_Atomic int waiting, returned[2], handled, inner;
	bool go;
} r;

static void
unlock_all(void *arg)
{
	int *handled = arg;

	/* The mutex is this thread's, as often as before. */
	CHECK_IS(pthread_mutex_trylock(&r.mutex), r.kind == PTHREAD_MUTEX_RECURSIVE ? 0 : EBUSY);
	if (r.kind == PTHREAD_MUTEX_RECURSIVE)
		CHECK_IS(pthread_mutex_unlock(&r.mutex), 0);
	for (int i = 0; i < r.depth; i++)
		CHECK_IS(pthread_mutex_unlock(&r.mutex), 0);
	if (r.kind != PTHREAD_MUTEX_NORMAL)
		CHECK_IS(pthread_mutex_unlock(&r.mutex), EPERM);
	r.handled++;
	++*handled;
}

static void
inner(void *arg)
{
	(void)arg;
	r.inner++;
}

static int
wait_once(void)
{
	struct timespec realtime = in_ms(CLOCK_REALTIME, 100000), monotonic = in_ms(CLOCK_MONOTONIC, 100000);

	switch (r.point) {
	case COND_WAIT:
		return pthread_cond_wait(&r.cond, &r.mutex);
	case COND_TIMEDWAIT:
		return pthread_cond_timedwait(&r.cond, &r.mutex, &realtime);
	case COND_CLOCKWAIT:
		return pthread_cond_clockwait(&r.cond, &r.mutex, CLOCK_MONOTONIC, &monotonic);
	case SEM_WAIT:
		return sem_wait(&r.sem);
	case SEM_TIMEDWAIT:
		return sem_timedwait(&r.sem, &realtime);
	default:
		return sem_clockwait(&r.sem, CLOCK_MONOTONIC, &monotonic);
	}
}

static void *
wait_under_mutex(void *arg)
{
	int me = (int)(intptr_t)arg, handled = 0;

	for (int i = 0; i < r.depth; i++)
		CHECK_IS(pthread_mutex_lock(&r.mutex), 0);
	r.tid[me] = gettid();
	r.waiting++;
	pthread_cleanup_push(unlock_all, &handled);
	pthread_cleanup_push(inner, NULL);
	while (!r.go && !r.returned[me]) {
		CHECK_IS(wait_once(), 0);
		r.returned[me] = 1;
	}
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(1);
	r.returned[me] = 2;
	return NULL;
}

static void *
wait_for_semaphore(void *arg)
{
	int me = (int)(intptr_t)arg;

	r.tid[me] = gettid();
	r.waiting++;
	pthread_cleanup_push(inner, NULL);
	while (wait_once() != 0)
		CHECK_IS(errno, EINTR);
	r.returned[me] = 2;
	pthread_cleanup_pop(0);
	return NULL;
}

static void
wake_one(void)
{
	if (r.point >= SEM_WAIT)
		CHECK_IS(sem_post(&r.sem), 0);
	else
		CHECK_IS(pthread_cond_signal(&r.cond), 0);
}

static bool
set_up(enum point point, uint32_t *seed)
{
	static const int kinds[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK };
	pthread_mutexattr_t attribute;

	memset(&r, 0, sizeof(r));
	r.point = point;
	r.kind = kinds[draw(seed) % 3];
	r.depth = r.kind == PTHREAD_MUTEX_RECURSIVE && draw(seed) % 2 ? 3 : 1;
	pthread_mutexattr_init(&attribute);
	pthread_mutexattr_settype(&attribute, r.kind);
	CHECK_IS(pthread_mutex_init(&r.mutex, &attribute), 0);
	pthread_mutexattr_destroy(&attribute);
	CHECK_IS(pthread_cond_init(&r.cond, NULL), 0);
	CHECK_IS(sem_init(&r.sem, 0, 0), 0);
	return r.depth == 1;            /* who holds it more than once keeps it, and there is no room for another */
}

static void
put_away(void)
{
	CHECK_IS(pthread_mutex_trylock(&r.mutex), 0);
	CHECK_IS(pthread_mutex_unlock(&r.mutex), 0);
	CHECK_IS(pthread_cond_destroy(&r.cond), 0);
	CHECK_IS(pthread_mutex_destroy(&r.mutex), 0);
	CHECK_IS(sem_destroy(&r.sem), 0);
}

static void
cancel(pthread_t thread, enum when when, int threads)
{
	while (when != AT_ONCE && r.waiting < threads)
		sched_yield();
	for (int i = 0; i < threads && when >= ASLEEP; i++)
		wait_asleep(r.tid[i]);
	if (when == BESIDE_SIGNAL)
		wake_one();
	pthread_cancel(thread);
	if (when == BEFORE_SIGNAL)
		wake_one();
}

/* One signal was given, and whoever did not leave by cancellation has it; or none was, and now one is. */
static void
end_other(pthread_t thread, bool has_signal)
{
	bool sem = r.point >= SEM_WAIT;

	if (has_signal) {
		if (sem && !preloaded())
			CHECK_IS(sem_post(&r.sem), 0);  /* glibc 2.36 lets the other sleep beside a semaphore of 1 */
	} else if (sem) {
		CHECK_IS(sem_post(&r.sem), 0);
	} else {
		CHECK_IS(pthread_mutex_lock(&r.mutex), 0);
		r.go = true;
		CHECK_IS(pthread_cond_broadcast(&r.cond), 0);
		CHECK_IS(pthread_mutex_unlock(&r.mutex), 0);
	}
	CHECK(join(thread) == NULL);
	CHECK_IS(r.returned[1], 2);
}

static void
play(enum point point, enum when when, uint32_t *seed)
{
	bool two = set_up(point, seed), cancelled;
	pthread_t thread[2];
	void *result;

	for (int i = 0; i < 1 + two; i++)
		thread[i] = start(point >= SEM_WAIT ? wait_for_semaphore : wait_under_mutex, (void *)(intptr_t)i);
	cancel(thread[0], when, 1 + two);
	/* Of a thread that returns while its cancellation is on its way libc may say either. */
	result = join(thread[0]);
	cancelled = r.returned[0] != 2;
	CHECK(!cancelled || result == PTHREAD_CANCELED);
	CHECK_IS(r.inner, cancelled);
	if (two)
		end_other(thread[1], when >= BESIDE_SIGNAL && cancelled);
	put_away();
}

/* Those that are none: a cancellation is not acted on, whether it was there before or comes meanwhile. */
static pthread_mutex_t blocked = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t blocked_rw = PTHREAD_RWLOCK_INITIALIZER;
static _Atomic int blocked_tid, passed;

static void *
pass_others(void *arg)
{
	struct timespec soon = in_ms(CLOCK_REALTIME, 1);

	(void)arg;
	blocked_tid = gettid();
	CHECK_IS(pthread_mutex_lock(&blocked), 0);
	CHECK_IS(pthread_mutex_unlock(&blocked), 0);
	CHECK_IS(pthread_rwlock_wrlock(&blocked_rw), 0);
	CHECK_IS(pthread_rwlock_unlock(&blocked_rw), 0);
	CHECK_IS(pthread_rwlock_timedrdlock(&blocked_rw, &soon), 0);
	CHECK_IS(pthread_rwlock_unlock(&blocked_rw), 0);
	passed = 1;
	pthread_testcancel();
	return NULL;
}

static void
others_are_none(void)
{
	pthread_t thread;

	CHECK_IS(pthread_mutex_lock(&blocked), 0);
	CHECK_IS(pthread_rwlock_rdlock(&blocked_rw), 0);
	thread = start(pass_others, NULL);
	while (blocked_tid == 0)
		sched_yield();
	wait_asleep(blocked_tid);
	pthread_cancel(thread);
	CHECK_IS(pthread_mutex_unlock(&blocked), 0);
	nap_us(2000);
	CHECK_IS(pthread_rwlock_unlock(&blocked_rw), 0);
	CHECK(join(thread) == PTHREAD_CANCELED);
	CHECK_IS(passed, 1);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 300;
	uint32_t seed = seed_of_run();

	for (int i = 0; i < rounds; i++)
		for (int point = 0; point < POINTS; point++)
			play((enum point)point, (enum when)(draw(&seed) % WHENS), &seed);
	others_are_none();
	return 0;
}
