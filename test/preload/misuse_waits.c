/* SPDX-License-Identifier: MIT */
/* misuse_waits.c - cases of misuse.c that wait: odd times, numbers and signals. */
#include "misuse.h"

#include <limits.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static int ready;

static int
timed(void *m)
{
	struct timespec invalid = { 0, 1000000000 }, negative = { 0, -1 }, past = { -1, 0 };

	told("held: nsec 1e9", pthread_mutex_timedlock(m, &invalid));
	told("nsec -1", pthread_mutex_timedlock(m, &negative));
	told("sec -1", pthread_mutex_timedlock(m, &past));
	return 0;
}

void
waits_times(int kind)
{
	struct timespec invalid = { 0, 1000000000 };
	pthread_mutex_t m;

	make(&m, kind, false);
	told("free: nsec 1e9", pthread_mutex_timedlock(&m, &invalid));
	elsewhere(timed, &m);
	told("condition: nsec 1e9", pthread_cond_timedwait(&cond, &m, &invalid));
	told("rwlock: nsec 1e9", pthread_rwlock_timedwrlock(&rwlock, &invalid));
	told("again", pthread_rwlock_timedwrlock(&rwlock, &invalid));
	sem_init(&sem, 0, 1);
	told("semaphore: nsec 1e9", of_call(sem_timedwait(&sem, &invalid)));
	told("again", of_call(sem_timedwait(&sem, &invalid)));
}

void
waits_clocks(int arg)
{
	struct timespec t = { 1, 0 };
	pthread_condattr_t attr;

	(void)arg;
	told("mutex", pthread_mutex_clocklock(&mutex, CLOCK_BOOTTIME, &t));
	told("trylock", pthread_mutex_trylock(&mutex));
	told("rwlock", pthread_rwlock_clockwrlock(&rwlock, CLOCK_BOOTTIME, &t));
	told("condition", pthread_cond_clockwait(&cond, &mutex, CLOCK_BOOTTIME, &t));
	sem_init(&sem, 0, 0);
	told("semaphore", of_call(sem_clockwait(&sem, CLOCK_BOOTTIME, &t)));
	pthread_condattr_init(&attr);
	told("attribute", pthread_condattr_setclock(&attr, CLOCK_BOOTTIME));
	told("attribute", pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID));
}

void
waits_cond_unheld(int kind)
{
	struct timespec past = { 1, 0 };
	pthread_mutex_t m;

	make(&m, kind, false);
	told("timedwait", pthread_cond_timedwait(&cond, &m, &past));
	told("unlock", pthread_mutex_unlock(&m));
}

static void
on_signal(int number)
{
	(void)number;
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
}

static void
handle(bool restart)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0 };

	sigaction(SIGUSR1, &action, NULL);
}

static void *
wait_sem(void *arg)
{
	i_am_here();
	told("wait", of_call(sem_wait(&sem)));
	return arg;
}

void
waits_interrupted(int restart)
{
	pthread_t thread;

	handle(restart);
	sem_init(&sem, 0, 0);
	pthread_create(&thread, NULL, wait_sem, NULL);
	until_it_sleeps();
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
}

static void *
wait_mutex(void *arg)
{
	i_am_here();
	told("lock", pthread_mutex_lock(&mutex));
	return arg;
}

void
waits_interrupted_mutex(int arg)
{
	pthread_t thread;

	(void)arg;
	handle(false);
	pthread_mutex_lock(&mutex);
	pthread_create(&thread, NULL, wait_mutex, NULL);
	until_it_sleeps();
	pthread_kill(thread, SIGUSR1);
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		usleep(1000);
	until_it_sleeps();
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
}

void
waits_sem_limits(int arg)
{
	sem_t sem;

	(void)arg;
	told("init", of_call(sem_init(&sem, 0, (unsigned)SEM_VALUE_MAX + 1)));
	sem_init(&sem, 0, SEM_VALUE_MAX);
	told("post", of_call(sem_post(&sem)));
	told("wait", of_call(sem_wait(&sem)));
	told("post", of_call(sem_post(&sem)));
	sem_init(&sem, 0, 0);
	told("trywait", of_call(sem_trywait(&sem)));
	told("destroy", of_call(sem_destroy(&sem)));
}

void
waits_barrier_limits(int arg)
{
	pthread_barrier_t b;

	(void)arg;
	told("init 0", pthread_barrier_init(&b, NULL, 0));
	told("init UINT_MAX", pthread_barrier_init(&b, NULL, UINT_MAX));
	told("init 1", pthread_barrier_init(&b, NULL, 1));
	told("wait", pthread_barrier_wait(&b));
	told("destroy", pthread_barrier_destroy(&b));
}
