/* SPDX-License-Identifier: MIT */
/*
 * name: forks while others wait for conditions, read and write; the child goes on with all of it
 * item: 9
 * short: 25
 * long: 2000
 */
#include <sys/wait.h>
#include "check.h"

enum { WAITERS = 4, READERS = 2 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t busy = PTHREAD_RWLOCK_INITIALIZER, quiet = PTHREAD_RWLOCK_INITIALIZER;
static int over, turn;
static _Atomic unsigned long done;

static void *
wait_on(void *arg)
{
	(void)arg;
	CHECK_IS(pthread_mutex_lock(&mutex), 0);
	while (!over) {
		CHECK_IS(pthread_cond_wait(&cond, &mutex), 0);
		done++;
	}
	CHECK_IS(pthread_mutex_unlock(&mutex), 0);
	return NULL;
}

static void *
read_on(void *arg)
{
	unsigned int n = 0;

	(void)arg;
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		CHECK_IS(n++ % 8 ? pthread_rwlock_rdlock(&busy) : pthread_rwlock_wrlock(&busy), 0);
		CHECK_IS(pthread_rwlock_unlock(&busy), 0);
		CHECK_IS(pthread_cond_signal(&cond), 0);
		if (n % 64 == 0)
			nap_us(50);
	}
	return NULL;
}

static void *
answer(void *arg)
{
	(void)arg;
	for (int i = 0; i < 50; i++) {
		CHECK_IS(pthread_mutex_lock(&mutex), 0);
		while (turn != 1)
			CHECK_IS(pthread_cond_wait(&cond, &mutex), 0);
		turn = 0;
		CHECK_IS(pthread_cond_broadcast(&cond), 0);
		CHECK_IS(pthread_mutex_unlock(&mutex), 0);
		CHECK_IS(i % 2 ? pthread_rwlock_rdlock(&quiet) : pthread_rwlock_wrlock(&quiet), 0);
		CHECK_IS(pthread_rwlock_unlock(&quiet), 0);
	}
	return NULL;
}

/* Those who waited in the parent do not exist here, and nobody waits for them. */
static void
in_child(void)
{
	pthread_t thread;

	CHECK_IS(pthread_mutex_unlock(&mutex), 0);
	CHECK_IS(pthread_rwlock_unlock(&quiet), 0);
	if (preloaded()) {              /* glibc 2.36 takes the child's unlock for a reader's: its thread has another id */
		CHECK_IS(pthread_rwlock_unlock(&busy), 0);
		CHECK_IS(pthread_rwlock_trywrlock(&busy), 0);
		CHECK_IS(pthread_rwlock_unlock(&busy), 0);
		CHECK_IS(pthread_rwlock_rdlock(&busy) + pthread_rwlock_unlock(&busy), 0);
		CHECK_IS(pthread_cond_signal(&cond), 0);
	} else {
		CHECK_IS(pthread_cond_init(&cond, NULL), 0);    /* glibc's counts waiters that are gone */
	}
	thread = start(answer, NULL);
	for (int i = 0; i < 50; i++) {
		CHECK_IS(pthread_mutex_lock(&mutex), 0);
		turn = 1;
		CHECK_IS(pthread_cond_signal(&cond), 0);
		while (turn != 0)
			CHECK_IS(pthread_cond_wait(&cond, &mutex), 0);
		CHECK_IS(pthread_mutex_unlock(&mutex), 0);
		CHECK_IS(i % 3 ? pthread_rwlock_rdlock(&quiet) : pthread_rwlock_wrlock(&quiet), 0);
		CHECK_IS(pthread_rwlock_unlock(&quiet), 0);
	}
	join(thread);
	CHECK_IS(pthread_cond_destroy(&cond), 0);
	CHECK_IS(pthread_rwlock_destroy(&quiet), 0);
	_exit(0);
}

int
main(int argc, char **argv)
{
	int forks = argc > 1 ? atoi(argv[1]) : 40, status;
	pthread_t thread[WAITERS + READERS];

	for (int i = 0; i < 100; i++)
		CHECK_IS(pthread_rwlock_rdlock(&quiet) + pthread_rwlock_unlock(&quiet), 0);
	for (int i = 0; i < WAITERS + READERS; i++)
		thread[i] = start(i < WAITERS ? wait_on : read_on, NULL);
	for (int i = 0; i < forks; i++) {
		unsigned long before = done;
		pid_t child;

		CHECK_IS(pthread_rwlock_wrlock(&busy), 0);
		CHECK_IS(pthread_rwlock_rdlock(&quiet), 0);
		CHECK_IS(pthread_mutex_lock(&mutex), 0);
		child = fork();
		CHECK(child >= 0);
		if (child == 0)
			in_child();
		CHECK_IS(pthread_mutex_unlock(&mutex), 0);
		CHECK_IS(pthread_rwlock_unlock(&quiet), 0);
		CHECK_IS(pthread_rwlock_unlock(&busy), 0);
		CHECK(waitpid(child, &status, 0) == child);
		CHECK_IS(status, 0);
		while (done == before)
			sched_yield();
	}
	CHECK_IS(pthread_mutex_lock(&mutex), 0);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	CHECK_IS(pthread_cond_broadcast(&cond), 0);
	CHECK_IS(pthread_mutex_unlock(&mutex), 0);
	for (int i = 0; i < WAITERS + READERS; i++)
		join(thread[i]);
	return 0;
}
