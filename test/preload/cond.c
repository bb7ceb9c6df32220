/* SPDX-License-Identifier: MIT */
/*
 * name: condition variables of every kind, with mutexes of every kind
 * short: 5
 * long: 200
 */
#include "check.h"

static pthread_mutex_t *mutex;
static pthread_cond_t *cond;
static _Atomic int tid, waiting, woken;
static int ready, depth;
static clockid_t clock_of_wait = -1;

static void
make_mutex(pthread_mutex_t *m, int type, int protocol, int robust, int shared)
{
	pthread_mutexattr_t attribute;

	pthread_mutexattr_init(&attribute);
	CHECK_IS(pthread_mutexattr_settype(&attribute, type), 0);
	CHECK_IS(pthread_mutexattr_setprotocol(&attribute, protocol), 0);
	CHECK_IS(pthread_mutexattr_setrobust(&attribute, robust), 0);
	CHECK_IS(pthread_mutexattr_setpshared(&attribute, shared), 0);
	CHECK_IS(pthread_mutex_init(m, &attribute), 0);
	pthread_mutexattr_destroy(&attribute);
}

static void
make_cond(pthread_cond_t *c, clockid_t clock, int shared)
{
	pthread_condattr_t attribute;

	pthread_condattr_init(&attribute);
	CHECK_IS(pthread_condattr_setclock(&attribute, clock), 0);
	CHECK_IS(pthread_condattr_setpshared(&attribute, shared), 0);
	CHECK_IS(pthread_cond_init(c, &attribute), 0);
	pthread_condattr_destroy(&attribute);
}

static void *
wait_ready(void *arg)
{
	struct timespec later;

	(void)arg;
	for (int i = 0; i < depth; i++)
		CHECK_IS(pthread_mutex_lock(mutex), 0);
	tid = gettid();
	waiting++;
	while (ready == 0) {
		if (clock_of_wait == -1) {
			CHECK_IS(pthread_cond_wait(cond, mutex), 0);
		} else {
			later = in_ms(clock_of_wait, 100000);
			CHECK_IS(pthread_cond_clockwait(cond, mutex, clock_of_wait, &later), 0);
		}
	}
	ready--;
	woken++;
	for (int i = 0; i < depth; i++)
		CHECK_IS(pthread_mutex_unlock(mutex), 0);
	return NULL;
}

/* n wait; half of them are signalled one by one, the others by a broadcast. */
static void
meet(pthread_cond_t *c, pthread_mutex_t *m, int n)
{
	pthread_t thread[16];

	cond = c;
	mutex = m;
	waiting = woken = ready = 0;
	depth = 1;
	for (int i = 0; i < n; i++)
		thread[i] = start(wait_ready, NULL);
	while (waiting < n)
		sched_yield();
	wait_asleep(tid);
	for (int i = 0; i < n / 2; i++) {
		CHECK_IS(pthread_mutex_lock(m), 0);
		ready++;
		if (i % 2)
			CHECK_IS(pthread_cond_signal(c), 0);
		CHECK_IS(pthread_mutex_unlock(m), 0);
		if (i % 2 == 0)
			CHECK_IS(pthread_cond_signal(c), 0);
	}
	while (woken < n / 2)
		sched_yield();
	CHECK_IS(pthread_mutex_lock(m), 0);
	ready = n - n / 2;
	CHECK_IS(pthread_cond_broadcast(c), 0);
	CHECK_IS(pthread_mutex_unlock(m), 0);
	for (int i = 0; i < n; i++)
		join(thread[i]);
	CHECK_IS(woken, n);
}

static void
all_kinds(void)
{
	static const int types[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP };
	pthread_cond_t c;
	pthread_mutex_t m;

	for (int clock = -1; clock <= CLOCK_MONOTONIC; clock++) {
		clock_of_wait = clock;
		for (int type = 0; type < 4; type++) {
			make_mutex(&m, types[type], PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
			make_cond(&c, type % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
			meet(&c, &m, 5);
			CHECK_IS(pthread_cond_destroy(&c), 0);
			CHECK_IS(pthread_mutex_destroy(&m), 0);
		}
		/* What is libc's; then one condition variable with a mutex of each side, and back again. */
		make_cond(&c, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
		make_mutex(&m, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
		meet(&c, &m, 3);
		CHECK_IS(pthread_mutex_destroy(&m), 0);
		make_mutex(&m, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
		meet(&c, &m, 4);
		CHECK_IS(pthread_mutex_destroy(&m), 0);
		make_mutex(&m, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
		meet(&c, &m, 4);
		CHECK_IS(pthread_mutex_destroy(&m), 0);
		make_mutex(&m, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
		meet(&c, &m, 4);
		CHECK_IS(pthread_cond_destroy(&c), 0);
		make_cond(&c, CLOCK_MONOTONIC, PTHREAD_PROCESS_SHARED);
		meet(&c, &m, 4);
		CHECK_IS(pthread_cond_destroy(&c), 0);
		CHECK_IS(pthread_mutex_destroy(&m), 0);
	}
	clock_of_wait = -1;
}

static void
errors(void)
{
	struct timespec odd = { 1, 1000000000 }, negative = { 1, -1 }, past = { 1, 0 }, before = { -1, 0 }, t, end;
	pthread_cond_t realtime = PTHREAD_COND_INITIALIZER, monotonic;
	pthread_mutex_t m;

	make_mutex(&m, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	make_cond(&monotonic, CLOCK_MONOTONIC, PTHREAD_PROCESS_PRIVATE);
	CHECK_IS(pthread_cond_wait(&realtime, &m), EPERM);
	CHECK_IS(pthread_mutex_lock(&m), 0);
	CHECK_IS(pthread_cond_timedwait(&realtime, &m, &odd), EINVAL);
	CHECK_IS(pthread_cond_timedwait(&monotonic, &m, &negative), EINVAL);
	CHECK_IS(pthread_cond_clockwait(&realtime, &m, CLOCK_PROCESS_CPUTIME_ID, &past), EINVAL);
	CHECK_IS(pthread_cond_clockwait(&realtime, &m, CLOCK_MONOTONIC, &odd), EINVAL);
	CHECK_IS(pthread_cond_timedwait(&realtime, &m, &past), ETIMEDOUT);
	CHECK_IS(pthread_cond_timedwait(&realtime, &m, &before), ETIMEDOUT);
	CHECK_IS(pthread_cond_timedwait(&monotonic, &m, &past), ETIMEDOUT);
	for (int i = 0; i < 4; i++) {
		clockid_t clock = i % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;

		t = in_ms(clock, 15);
		if (i < 2)
			CHECK_IS(pthread_cond_timedwait(i ? &monotonic : &realtime, &m, &t), ETIMEDOUT);
		else
			CHECK_IS(pthread_cond_clockwait(&realtime, &m, clock, &t), ETIMEDOUT);
		clock_gettime(clock, &end);
		CHECK(end.tv_sec > t.tv_sec || (end.tv_sec == t.tv_sec && end.tv_nsec >= t.tv_nsec));
	}
	CHECK_IS(pthread_mutex_trylock(&m), EBUSY);
	CHECK_IS(pthread_mutex_unlock(&m), 0);
	CHECK_IS(pthread_cond_signal(&realtime), 0);
	CHECK_IS(pthread_cond_broadcast(&monotonic), 0);
	CHECK_IS(pthread_cond_destroy(&realtime), 0);
	CHECK_IS(pthread_cond_destroy(&monotonic), 0);
	CHECK_IS(pthread_mutex_destroy(&m), 0);
}

/* Who holds a recursive mutex more than once gives one hold up, as under libc: it stays locked, and the signal comes without it. */
static void *
signal_until_gone(void *arg)
{
	(void)arg;
	CHECK_IS(pthread_mutex_trylock(mutex), EBUSY);
	while (!woken) {
		CHECK_IS(pthread_cond_broadcast(cond), 0);
		nap_us(100);
	}
	return NULL;
}

static void
held_twice(void)
{
	pthread_cond_t c = PTHREAD_COND_INITIALIZER;
	struct timespec soon;
	pthread_mutex_t m;
	pthread_t thread;

	make_mutex(&m, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	cond = &c;
	mutex = &m;
	woken = 0;
	CHECK_IS(pthread_mutex_lock(&m) + pthread_mutex_lock(&m), 0);
	soon = in_ms(CLOCK_MONOTONIC, 5);
	CHECK_IS(pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
	thread = start(signal_until_gone, NULL);
	CHECK_IS(pthread_cond_wait(&c, &m), 0);
	woken = 1;
	join(thread);
	CHECK_IS(pthread_mutex_unlock(&m) + pthread_mutex_unlock(&m), 0);
	CHECK_IS(pthread_mutex_unlock(&m), EPERM);
	CHECK_IS(pthread_mutex_destroy(&m), 0);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5;

	while (rounds-- > 0) {
		errors();
		all_kinds();
		held_twice();
	}
	return 0;
}
