/* SPDX-License-Identifier: MIT */
/*
 * name: threads that fight for mutexes of every kind by every call, and exclude each other
 * short: 8 20000
 * long: 64 200000
 */
#include "try.h"

enum { MUTEXES = 4 };

static pthread_mutex_t mutex[MUTEXES] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
					  PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP };
static long counter[MUTEXES], taken[MUTEXES];
static int rounds;

/* 0: got it. */
static int
take(pthread_mutex_t *m, unsigned int how)
{
	struct timespec t;

	switch (how % 8) {
	case 0:
		return pthread_mutex_trylock(m);
	case 1:
		t = in_ms(CLOCK_REALTIME, how % 3);
		return pthread_mutex_timedlock(m, &t);
	case 2:
		t = in_ms(CLOCK_MONOTONIC, how % 3);
		return pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &t);
	default:
		return pthread_mutex_lock(m);
	}
}

static void *
work(void *arg)
{
	unsigned int random = (unsigned int)(long)arg * 2654435761u | 1;
	long mine[MUTEXES] = { 0 };

	for (int i = 0; i < rounds; i++) {
		unsigned int which = (random ^= random << 13, random ^= random >> 17, random ^= random << 5) % MUTEXES;
		int error = take(&mutex[which], random >> 8);

		if (error != 0) {
			TRY(error == EBUSY || error == ETIMEDOUT);
			continue;
		}
		if (which == 1 && random & 1024) {
			TRY_IS(pthread_mutex_lock(&mutex[1]), 0);
			counter[1]++;
			TRY_IS(pthread_mutex_unlock(&mutex[1]), 0);
			mine[1]++;
		}
		counter[which]++;
		mine[which]++;
		TRY_IS(pthread_mutex_unlock(&mutex[which]), 0);
	}
	for (int i = 0; i < MUTEXES; i++)
		__atomic_add_fetch(&taken[i], mine[i], __ATOMIC_RELAXED);
	return NULL;
}

int
main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 8;
	pthread_t thread[256];

	rounds = argc > 2 ? atoi(argv[2]) : 1000;
	for (long i = 0; i < threads; i++)
		thread[i] = start(work, (void *)(i + 1));
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < MUTEXES; i++)
		TRY_IS(counter[i], taken[i]);
	return errors != 0;
}
