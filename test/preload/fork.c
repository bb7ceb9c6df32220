/* SPDX-License-Identifier: MIT */
/*
 * name: forks while eight threads hammer; the child uses every lock, and what it held it can unlock
 * item: 9
 * short: 25
 * long: 500
 */
#include "try.h"

#include <semaphore.h>
#include <spawn.h>

enum { THREADS = 8, MUTEXES = 4 };

static pthread_mutex_t mutex[MUTEXES] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP,
					  PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP };
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t quiet = PTHREAD_MUTEX_INITIALIZER;
static sem_t sem;
static long counter[MUTEXES];
static int over;
extern char **environ;

static void *
hammer(void *arg)
{
	unsigned int random = (unsigned int)(long)arg * 2654435761u | 1;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		unsigned int which = (random ^= random << 13, random ^= random >> 17, random ^= random << 5) % MUTEXES;

		pthread_mutex_lock(&mutex[which]);
		counter[which]++;
		pthread_mutex_unlock(&mutex[which]);
		sem_post(&sem);
		sem_wait(&sem);
	}
	return arg;
}

static void *
use(void *arg)
{
	for (int i = 0; i < 200; i++)
		for (int j = 0; j < MUTEXES; j++) {
			TRY_IS(pthread_mutex_lock(&mutex[j]), 0);
			counter[j]++;
			TRY_IS(pthread_mutex_unlock(&mutex[j]), 0);
		}
	return arg;
}

/* All that are held are this thread's, with others queued on them whom the child does not have. */
static void
in_child(void)
{
	pthread_t thread[2];

	errors = 0;
	for (int i = 0; i < MUTEXES; i++)
		TRY_IS(pthread_mutex_unlock(&mutex[i]), 0);
	TRY_IS(pthread_mutex_lock(&quiet), 0);
	TRY_IS(pthread_mutex_unlock(&quiet), 0);
	/* As under libc, whose owners have other ids here. */
	TRY_IS(pthread_mutex_unlock(&recursive), EPERM);
	TRY_IS(pthread_mutex_unlock(&checking), EPERM);
	TRY_IS(pthread_mutex_trylock(&recursive), EBUSY);
	for (int i = 0; i < 2; i++)
		thread[i] = start(use, NULL);
	use(NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	sem_init(&sem, 0, 1);
	TRY_IS(sem_wait(&sem), 0);
	_exit(errors != 0);
}

static void
round_of(int number)
{
	static char *const arguments[] = { "true", NULL };
	pid_t child;

	for (int i = 0; i < MUTEXES; i++)
		TRY_IS(pthread_mutex_lock(&mutex[i]), 0);
	TRY_IS(pthread_mutex_lock(&recursive), 0);
	TRY_IS(pthread_mutex_lock(&checking), 0);
	child = number % 2 ? fork() : _Fork();
	if (child == 0)
		in_child();
	TRY_IS(pthread_mutex_unlock(&recursive), 0);
	TRY_IS(pthread_mutex_unlock(&checking), 0);
	for (int i = 0; i < MUTEXES; i++)
		TRY_IS(pthread_mutex_unlock(&mutex[i]), 0);
	TRY_IS(ended_well(child), 1);
	if (number % 8 == 0) {
		TRY_IS(posix_spawnp(&child, "true", NULL, NULL, arguments, environ), 0);
		TRY_IS(ended_well(child), 1);
	}
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 10;
	pthread_t thread[THREADS];

	sem_init(&sem, 0, 1);
	for (long i = 0; i < THREADS; i++)
		thread[i] = start(hammer, (void *)(i + 1));
	for (int i = 0; i < rounds && errors == 0; i++)
		round_of(i);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return errors != 0;
}
