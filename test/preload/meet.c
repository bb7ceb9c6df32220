/* SPDX-License-Identifier: MIT */
/*
 * name: barriers and spin locks
 * short: 2000
 * long: 50000
 */
#include "try.h"

#include <limits.h>

enum { THREADS = 6 };

static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static int arrived, leaders, rounds;
static long counter;

static void *
work(void *arg)
{
	for (int i = 1; i <= rounds; i++) {
		int result;

		__atomic_add_fetch(&arrived, 1, __ATOMIC_RELAXED);
		result = pthread_barrier_wait(&barrier);
		TRY(__atomic_load_n(&arrived, __ATOMIC_RELAXED) >= i * THREADS);
		if (result == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_add_fetch(&leaders, 1, __ATOMIC_RELAXED);
		else
			TRY_IS(result, 0);
		for (int j = 0; j < 5; j++) {
			TRY_IS(pthread_spin_lock(&spin), 0);
			counter++;
			TRY_IS(pthread_spin_unlock(&spin), 0);
		}
		pthread_barrier_wait(&barrier);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	pthread_t thread[THREADS];

	rounds = argc > 1 ? atoi(argv[1]) : 100;
	TRY_IS(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
	TRY_IS(pthread_barrier_init(&barrier, NULL, UINT_MAX), EINVAL);
	TRY_IS(pthread_barrier_init(&barrier, NULL, 1), 0);
	TRY_IS(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
	TRY_IS(pthread_barrier_destroy(&barrier), 0);
	memset((void *)&spin, 0x5a, sizeof(spin));
	TRY_IS(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), 0);
	TRY_IS(pthread_spin_trylock(&spin), 0);
	TRY_IS(pthread_spin_trylock(&spin), EBUSY);
	TRY_IS(pthread_spin_unlock(&spin), 0);
	TRY_IS(pthread_barrier_init(&barrier, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++)
		thread[i] = start(work, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	TRY_IS(leaders, rounds);
	TRY_IS(counter, (long)THREADS * 5 * rounds);
	TRY_IS(pthread_barrier_destroy(&barrier), 0);
	TRY_IS(pthread_spin_destroy(&spin), 0);
	return errors != 0;
}
