/* SPDX-License-Identifier: MIT */
/*
 * name: semaphores: values, errors, signals and posts from their handlers, waiters cancelled by the thousand
 * item: 5 15
 * short: 1000
 * long: 20000
 */
#include "try.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/time.h>

static sem_t sem, back;
static int cleaned, rounds;

static void
try_values(void)
{
	struct timespec past = { 1, 0 }, odd = { 0, 1000000000 }, soon;
	int value = -1;

	TRY_IS(sem_init(&sem, 0, 2), 0);
	TRY_IS(sem_getvalue(&sem, &value), 0);
	TRY_IS(value, 2);
	TRY_IS(sem_wait(&sem), 0);
	TRY_IS(sem_trywait(&sem), 0);
	errno = 0;
	TRY_IS(sem_trywait(&sem), -1);
	TRY_IS(errno, EAGAIN);
	TRY_IS(sem_timedwait(&sem, &past), -1);
	TRY_IS(errno, ETIMEDOUT);
	TRY_IS(sem_timedwait(&sem, &odd), -1);
	TRY_IS(errno, EINVAL);
	TRY_IS(sem_clockwait(&sem, CLOCK_BOOTTIME, &past), -1);
	TRY_IS(errno, EINVAL);
	soon = in_ms(CLOCK_MONOTONIC, 20);
	TRY_IS(sem_clockwait(&sem, CLOCK_MONOTONIC, &soon), -1);
	TRY_IS(errno, ETIMEDOUT);
	soon = in_ms(CLOCK_REALTIME, 20);
	TRY_IS(sem_timedwait(&sem, &soon), -1);
	TRY_IS(errno, ETIMEDOUT);
	TRY_IS(sem_post(&sem), 0);
	TRY_IS(sem_timedwait(&sem, &past), 0);
	TRY_IS(sem_destroy(&sem), 0);
	TRY_IS(sem_init(&sem, 0, SEM_VALUE_MAX), 0);
	TRY_IS(sem_post(&sem), -1);
	TRY_IS(errno, EOVERFLOW);
	TRY_IS(sem_init(&sem, 0, (unsigned int)SEM_VALUE_MAX + 1), -1);
	TRY_IS(errno, EINVAL);
}

static void
try_named(void)
{
	char name[64];
	sem_t *named;

	snprintf(name, sizeof(name), "/fastsync-test-%ld", (long)getpid());
	named = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	if (named == SEM_FAILED)
		return;                 /* no place for them here */
	sem_unlink(name);
	TRY_IS(sem_wait(named), 0);
	TRY_IS(sem_trywait(named), -1);
	TRY_IS(sem_post(named), 0);
	TRY_IS(sem_wait(named), 0);
	TRY_IS(sem_close(named), 0);
}

static void *
echo(void *arg)
{
	for (int i = 0; i < rounds * 10; i++) {
		TRY_IS(sem_wait(&sem), 0);
		TRY_IS(sem_post(&back), 0);
	}
	return arg;
}

static void
try_ping_pong(void)
{
	pthread_t thread;

	sem_init(&sem, 0, 0);
	sem_init(&back, 0, 0);
	thread = start(echo, NULL);
	for (int i = 0; i < rounds * 10; i++) {
		TRY_IS(sem_post(&sem), 0);
		TRY_IS(sem_wait(&back), 0);
	}
	pthread_join(thread, NULL);
}

static volatile sig_atomic_t posts;

static void
post(int signal)
{
	(void)signal;
	posts++;
	sem_post(&sem);
}

/* Each tick posts, whatever this thread is at: also in the middle of a post or a wait of its own. */
static void
try_handler(void)
{
	struct sigaction action = { .sa_handler = post, .sa_flags = SA_RESTART };
	struct itimerval tick = { { 0, 200 }, { 0, 200 } }, off = { 0 };
	long taken = 0;
	int value;

	sem_init(&sem, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	while (taken < rounds) {
		TRY_IS(sem_wait(&sem), 0);
		taken++;
		TRY_IS(sem_post(&sem), 0);
		while (sem_wait(&sem) != 0)
			TRY_IS(errno, EINTR);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	TRY_IS(sem_getvalue(&sem, &value), 0);
	TRY_IS(value, posts - taken);
}

static void
interrupt(int signal)
{
	(void)signal;
}

static void *
wait_interrupted(void *arg)
{
	errno = 0;
	TRY_IS(sem_wait(&sem), -1);
	TRY_IS(errno, EINTR);
	__atomic_store_n((int *)arg, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void
try_interruption(void)
{
	struct sigaction action = { .sa_handler = interrupt };
	int done = 0;
	pthread_t thread;

	sem_init(&sem, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	thread = start(wait_interrupted, &done);
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
	pthread_join(thread, NULL);
}

static void
clean(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&cleaned, 1, __ATOMIC_RELAXED);
}

/* Says by its result whether it got one. */
static void *
wait_cancelled(void *arg)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 1000000);
	int got = 0;

	pthread_cleanup_push(clean, NULL);
	switch ((long)arg % 3) {
	case 0:
		got = sem_wait(&sem) == 0;
		break;
	case 1:
		got = sem_timedwait(&sem, &t) == 0;
		break;
	default:
		t = in_ms(CLOCK_MONOTONIC, 1000000);
		got = sem_clockwait(&sem, CLOCK_MONOTONIC, &t) == 0;
	}
	pthread_cleanup_pop(0);
	return (void *)(long)got;
}

/* One post and one cancellation for two waiters: whoever is cancelled swallows no post. (libc's own do: a wake that has reached a waiter which
 * is then cancelled is lost with it. Without us this would wait for ever.) Whether it was cancelled says its handler,
 * not the join: glibc writes PTHREAD_CANCELED over what a thread has returned, if its signal comes late. */
static void
try_cancellation(void)
{
	int value;

	for (long i = 0; i < rounds; i++) {
		pthread_t victim, other;
		void *others;
		int before = cleaned;

		sem_init(&sem, 0, 0);
		victim = start(wait_cancelled, (void *)i);
		other = start(wait_cancelled, (void *)(i + 1));
		if (i % 2)
			sched_yield();
		TRY_IS(sem_post(&sem), 0);
		pthread_cancel(victim);
		pthread_join(victim, NULL);
		if (cleaned == before)          /* it had the post */
			TRY_IS(sem_post(&sem), 0);
		else
			TRY_IS(cleaned, before + 1);
		pthread_join(other, &others);
		TRY(others == (void *)1);
		TRY_IS(sem_getvalue(&sem, &value), 0);
		TRY_IS(value, 0);
	}
	TRY(cleaned > 0);
}

static void *
cancel_all(void *arg)
{
	if (getenv("LD_PRELOAD") != NULL)
		try_cancellation();
	pthread_cancel(pthread_self());         /* a cancellation point also where it need not wait */
	sem_init(&sem, 0, 1);
	sem_wait(&sem);
	TRY(!"reached");
	return arg;
}

int
main(int argc, char **argv)
{
	void *result;

	rounds = argc > 1 ? atoi(argv[1]) : 100;
	try_values();
	try_named();
	try_ping_pong();
	try_handler();
	try_interruption();
	pthread_join(start(cancel_all, NULL), &result);
	TRY(result == PTHREAD_CANCELED);
	return errors != 0;
}
