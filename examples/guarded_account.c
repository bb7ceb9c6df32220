/* SPDX-License-Identifier: MIT */
/*
 * guarded_account.c - data that says which lock guards it, and functions that say which they need: clang checks both.
 *
 * Compile with clang -Wthread-safety and there is nothing to hear. Take away a line that locks, or define MISTAKE, and
 * the compiler names the variable and the lock. Other compilers read the same text and say nothing.
 * Notice: FSY_LOCK_SCOPE gives the lock back at the end of the scope, through whichever return it is left.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8, TRANSFERS = 20000 };

static fsy_mutex_t lock = FSY_MUTEX_INIT;
static long checking FSY_GUARDED_BY(lock) = 1000000;
static long savings FSY_GUARDED_BY(lock);
static long refused FSY_GUARDED_BY(lock);

/* Callers hold the lock, or do not compile. */
static bool covers(long amount) FSY_REQUIRES(lock);
static bool
covers(long amount)
{
	return checking >= amount;
}

static void
transfer(long amount)
{
	FSY_LOCK_SCOPE(&lock);

	if (!covers(amount)) {
		refused++;
		return;
	}
	checking -= amount;
	savings += amount;
}

#ifdef MISTAKE
static long
peek(void)
{
	return checking + savings; /* warning: reading variable 'checking' requires holding mutex 'lock' */
}
#endif

static void *
worker(void *arg)
{
	(void)arg;
	for (int i = 0; i < TRANSFERS; i++)
		transfer(10);
	return NULL;
}

int
main(void)
{
	pthread_t threads[THREADS];
	int started = 0;

	while (started < THREADS && pthread_create(&threads[started], NULL, worker, NULL) == 0)
		started++;
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);

	FSY_LOCK_SCOPE(&lock);
	printf("checking %ld, savings %ld, refused %ld\n", checking, savings, refused);
	return checking + savings != 1000000;
}
