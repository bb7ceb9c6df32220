/* SPDX-License-Identifier: MIT */
/*
 * name: C11's mutexes and call_once, alone and mixed with pthread's on the same object
 * item: 14
 * short: all
 */
#include "try.h"

#include <threads.h>

enum { THREADS = 4, ROUNDS = 20000 };

static mtx_t mutex;
static once_flag flag = ONCE_FLAG_INIT;
static long counter;
static int runs;

static void
run(void)
{
	runs++;
}

static int
work(void *arg)
{
	pthread_mutex_t *same = (pthread_mutex_t *)(void *)&mutex;

	for (int i = 0; i < ROUNDS; i++) {
		if ((i + (long)arg) % 2) {
			TRY_IS(mtx_lock(&mutex), thrd_success);
			counter++;
			TRY_IS(pthread_mutex_unlock(same), 0);
		} else {
			TRY_IS(pthread_mutex_lock(same), 0);
			counter++;
			TRY_IS(mtx_unlock(&mutex), thrd_success);
		}
	}
	call_once(&flag, run);
	TRY_IS(runs, 1);
	return 0;
}

static int
try_held(void *m)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 20), odd = { 0, -1 };

	TRY_IS(mtx_trylock(m), thrd_busy);
	TRY_IS(mtx_timedlock(m, &t), thrd_timedout);
	TRY_IS(mtx_timedlock(m, &odd), thrd_error);
	return 0;
}

int
main(void)
{
	static const int types[] = { mtx_plain, mtx_timed, mtx_plain | mtx_recursive, mtx_timed | mtx_recursive };
	struct timespec t = in_ms(CLOCK_REALTIME, 1000);
	thrd_t thread[THREADS];

	for (int i = 0; i < 4; i++) {
		TRY_IS(mtx_init(&mutex, types[i]), thrd_success);
		TRY_IS(mtx_lock(&mutex), thrd_success);
		if (types[i] & mtx_recursive) {
			TRY_IS(mtx_trylock(&mutex), thrd_success);
			TRY_IS(mtx_timedlock(&mutex, &t), thrd_success);
			TRY_IS(mtx_unlock(&mutex), thrd_success);
			TRY_IS(mtx_unlock(&mutex), thrd_success);
		}
		thrd_create(&thread[0], try_held, &mutex);
		thrd_join(thread[0], NULL);
		TRY_IS(mtx_unlock(&mutex), thrd_success);
		mtx_destroy(&mutex);
	}
	TRY_IS(mtx_init(&mutex, mtx_plain), thrd_success);
	for (long i = 0; i < THREADS; i++)
		thrd_create(&thread[i], work, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thrd_join(thread[i], NULL);
	TRY_IS(counter, THREADS * ROUNDS);
	mtx_destroy(&mutex);
	return errors != 0;
}
