/* SPDX-License-Identifier: MIT */
/*
 * Programs for run-time checkers, which see this file and not the library: "good" does nothing wrong, "race" forgets a lock, "order"
 * takes two locks both ways round, "foreign" unlocks in another thread than it locked.
 */
#include <fastsync.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 300, THREADS = 4 };

static fsy_mutex_t mutex, other;
static fsy_poison_mutex_t poison;
static fsy_rwmutex_t rw;
static fsy_cond_t cond;
static long by_mutex, by_poison, by_rw, by_cond, by_nothing;

static void
use_mutexes(int i)
{
	if (i % 3 == 0 && fsy_mutex_lock_until(&mutex, fsy_after_ns(1000 * i)) != 0)
		return;
	if (i % 3 == 1 && !fsy_mutex_trylock(&mutex))
		return;
	if (i % 3 == 2)
		fsy_mutex_lock(&mutex);
	by_mutex++;
	if (i % 2)
		fsy_mutex_unlock(&mutex);
	else
		fsy_mutex_unlock_fair(&mutex);
}

static void
use_poison(int i)
{
	FSY_POISON_GUARD(guard, &poison);

	by_poison += guard.error;
	by_poison = by_poison + i > 0;
	fsy_poison_guard_commit(&guard);
}

static void
use_rw(int i)
{
	if (i % 4 == 0) {
		FSY_WLOCK_SCOPE(&rw);
		by_rw++;
	} else if (fsy_rwmutex_tryrlock(&rw)) {
		if (by_rw < 0)
			puts("negative");
		fsy_rwmutex_runlock(&rw);
	}
}

static void *
good(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		use_mutexes(i);
		use_poison(i);
		use_rw(i);
	}
	FSY_LOCK_SCOPE(&other);
	by_cond++;
	fsy_cond_broadcast(&cond);
	while (by_cond < THREADS)
		fsy_cond_wait(&cond, &other);
	return NULL;
}

static void *
race(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		use_mutexes(i);
		by_nothing++;
	}
	return NULL;
}

static void *
order(void *unused)
{
	(void)unused;
	fsy_mutex_lock(&mutex);
	fsy_mutex_lock(&other);
	fsy_mutex_unlock(&other);
	fsy_mutex_unlock(&mutex);
	return NULL;
}

static void *
reversed(void *unused)
{
	(void)unused;
	fsy_mutex_lock(&other);
	fsy_mutex_lock(&mutex);
	fsy_mutex_unlock(&mutex);
	fsy_mutex_unlock(&other);
	return NULL;
}

static void *
unlock_it(void *unused)
{
	by_mutex++;
	fsy_mutex_unlock(&mutex);
	return unused;
}

static void
run(void *(*body)(void *), int threads)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, body, NULL) != 0)
			return;
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "good";

	if (strcmp(what, "good") == 0)
		run(good, THREADS);
	else if (strcmp(what, "race") == 0)
		run(race, 2);
	else if (strcmp(what, "order") == 0) {
		run(order, 1);
		run(reversed, 1);
	} else {
		fsy_mutex_lock(&mutex);
		run(unlock_it, 1);
		fsy_mutex_lock(&mutex);
		by_mutex++;
		fsy_mutex_unlock(&mutex);
	}
	puts("done");
	return 0;
}
