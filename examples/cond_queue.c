/* SPDX-License-Identifier: MIT */
/*
 * cond_queue.c - a bounded queue between threads, and what to do when nothing comes.
 *
 * Two workers take jobs from a queue of four places; the main thread puts thirty in, and then says that there will be no more. Each
 * side waits for what the other does: for a job, or for a place.
 * Notice: waits stand in a loop (wait_while is one); signals are given with the mutex held, and cost no useless wake-up; the end is a
 * broadcast, since it concerns everybody; a deadline is a point in time, and says "nothing came" rather than failing.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

enum { PLACES = 4, JOBS = 30, WORKERS = 2 };

static struct queue {
	fsy_mutex_t lock;
	fsy_cond_t filled, emptied;
	int jobs[PLACES], count;
	bool closed;
} queue;                        /* zero-filled memory is ready for use */

static bool
nothing_to_do(void *arg)
{
	(void)arg;
	return queue.count == 0 && !queue.closed;
}

static void *
worker(void *arg)
{
	for (;;) {
		fsy_mutex_lock(&queue.lock);
		fsy_cond_wait_while(&queue.filled, &queue.lock, nothing_to_do, NULL);
		if (queue.count == 0) {
			fsy_mutex_unlock(&queue.lock);
			return NULL;
		}
		*(int *)arg += queue.jobs[--queue.count];
		fsy_cond_signal(&queue.emptied);
		fsy_mutex_unlock(&queue.lock);
	}
}

int
main(void)
{
	pthread_t threads[WORKERS];
	int sums[WORKERS] = { 0 }, total = 0, error;

	fsy_mutex_lock(&queue.lock);
	error = fsy_cond_wait_while_until(&queue.filled, &queue.lock, nothing_to_do, NULL, fsy_after_ms(10));
	fsy_mutex_unlock(&queue.lock);
	printf("before anybody works: %s\n", fsy_strerror(error));

	for (int i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, worker, &sums[i]) != 0)
			return 1;
	for (int job = 1; job <= JOBS; job++) {
		fsy_mutex_lock(&queue.lock);
		while (queue.count == PLACES)
			fsy_cond_wait(&queue.emptied, &queue.lock);
		queue.jobs[queue.count++] = job;
		fsy_cond_signal(&queue.filled);
		fsy_mutex_unlock(&queue.lock);
	}
	fsy_mutex_lock(&queue.lock);
	queue.closed = true;
	fsy_cond_broadcast(&queue.filled);
	fsy_mutex_unlock(&queue.lock);

	for (int i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		total += sums[i];
	}
	printf("sum of %d jobs: %d\n", JOBS, total);
	return total != JOBS * (JOBS + 1) / 2;
}
