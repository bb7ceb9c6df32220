/* SPDX-License-Identifier: MIT */
/*
 * name: threads come and go, a hundred thousand of them, each of which waits for a lock: there is no table of them that fills
 * item: 10
 * short: 2000
 * long: 100000
 */
#include "resident.h"
#include "try.h"

enum { ALIVE = 50 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *
work(void *arg)
{
	for (int i = 0; i < 3; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1000;
	long before = 0;
	pthread_t thread[ALIVE];

	for (int done = 0; done < threads; done += ALIVE) {
		pthread_mutex_lock(&mutex);             /* so that they all wait */
		for (int i = 0; i < ALIVE; i++)
			thread[i] = start(work, NULL);
		pthread_mutex_unlock(&mutex);
		for (int i = 0; i < ALIVE; i++)
			pthread_join(thread[i], NULL);
		if (done == 10 * ALIVE)
			before = resident_kb();
	}
	TRY_IS(counter, 3 * threads);
	TRY(resident_kb() - before < 4096);             /* their records are used again */
	return errors != 0;
}
