/* SPDX-License-Identifier: MIT */
/* misuse_ends.c - cases of misuse.c where a wait is cut short: cancellation, destroy, fork. */
#include "misuse.h"

#include <sys/wait.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t sem;
static int cleaned;

static int try_mutex(void *m) { return pthread_mutex_trylock(m); }

static void
clean(void *arg)
{
	(void)arg;
	told("in the handler trylock elsewhere", elsewhere(try_mutex, &mutex));
	pthread_mutex_unlock(&mutex);
	cleaned++;
}

static void *
wait_cond(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(clean, NULL);
	i_am_here();
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(0);
	return arg;
}

static void
cancel(pthread_t thread)
{
	void *result;

	until_it_sleeps();
	pthread_cancel(thread);
	pthread_join(thread, &result);
	told(result == PTHREAD_CANCELED ? "cancelled" : "not cancelled", 0);
}

void
waits_cancelled(int arg)
{
	pthread_t thread;

	(void)arg;
	pthread_create(&thread, NULL, wait_cond, NULL);
	cancel(thread);
	dprintf(1, "; %d handler", cleaned);
	told("trylock", pthread_mutex_trylock(&mutex));
}

static void *
wait_sem(void *arg)
{
	i_am_here();
	sem_wait(&sem);
	return arg;
}

void
waits_cancelled_sem(int arg)
{
	pthread_t thread;

	(void)arg;
	sem_init(&sem, 0, 0);
	pthread_create(&thread, NULL, wait_sem, NULL);
	cancel(thread);
	told("post", of_call(sem_post(&sem)));
	told("trywait", of_call(sem_trywait(&sem)));
	told("trywait", of_call(sem_trywait(&sem)));
}

static void *
wait_uncancelled(void *what)
{
	long which = (long)what;

	i_am_here();
	told("answer", which == 0 ? pthread_mutex_lock(&mutex) : which == 1 ? pthread_rwlock_rdlock(&rwlock) : pthread_barrier_wait(&barrier) > 0);
	pthread_testcancel();
	return NULL;
}

void
waits_not_cancelled(int what)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_mutex_lock(&mutex);
	pthread_rwlock_wrlock(&rwlock);
	pthread_create(&thread, NULL, wait_uncancelled, (void *)(long)what);
	until_it_sleeps();
	pthread_cancel(thread);
	pthread_mutex_unlock(&mutex);
	pthread_rwlock_unlock(&rwlock);
	if (what == 2)
		pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
}

void
waits_cond_destroy(int arg)
{
	pthread_t thread;

	(void)arg;
	pthread_create(&thread, NULL, wait_cond, NULL);
	until_it_sleeps();
	told("destroy", pthread_cond_destroy(&cond));
}

static void *
wait_barrier(void *arg)
{
	i_am_here();
	pthread_barrier_wait(&barrier);
	return arg;
}

void
waits_barrier_destroy(int arg)
{
	pthread_t thread;

	(void)arg;
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, wait_barrier, NULL);
	until_it_sleeps();
	told("destroy", pthread_barrier_destroy(&barrier));
}

static void once_again(void);

static void
once_first(void)
{
	pthread_once(&once, once_first);
}

static void
once_again(void)
{
	told("runs again", 0);
}

void
waits_once_recursive(int arg)
{
	(void)arg;
	told("once", pthread_once(&once, once_first));
}

static void
once_long(void)
{
	i_am_here();
	for (;;)
		pause();
}

static void *
call_once_long(void *arg)
{
	pthread_once(&once, once_long);
	return arg;
}

void
waits_once_cancelled(int arg)
{
	pthread_t thread;

	(void)arg;
	pthread_create(&thread, NULL, call_once_long, NULL);
	cancel(thread);
	told("once", pthread_once(&once, once_again));
}

static void
once_forks(void)
{
	pid_t child = fork();

	if (child == 0) {
		told("in the child once", pthread_once(&once, once_again));
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

void
waits_once_forked(int arg)
{
	(void)arg;
	told("once", pthread_once(&once, once_forks));
	told("once", pthread_once(&once, once_again));
}
