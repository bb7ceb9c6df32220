/* SPDX-License-Identifier: MIT */
/*
 * counter.c - a thousand threads add one to a counter a thousand times each, and no addition is lost.
 *
 * The counter checks for overflow before it adds, as code that guards real money would; the check and the
 * addition belong to one critical section, which is what a mutex gives and an atomic add does not.
 * Notice: the mutex needs no initialisation call and no destruction, and 8 bytes.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 1000
#define INCREMENTS 1000

struct counter {
	fsy_mutex_t lock;
	int64_t value;
};

static struct counter counter; /* zero-filled memory is an unlocked mutex */

/* Adds one; false, and nothing changed, if the counter is full. */
static bool
counter_increment(struct counter *c)
{
	bool fits;

	fsy_mutex_lock(&c->lock);
	fits = c->value < INT64_MAX;
	if (fits)
		c->value++;
	fsy_mutex_unlock(&c->lock);
	return fits;
}

static void *
worker(void *arg)
{
	(void)arg;
	for (int i = 0; i < INCREMENTS; i++)
		if (!counter_increment(&counter))
			return &counter;
	return NULL;
}

int
main(void)
{
	static pthread_t threads[THREADS];
	int64_t began = fsy_now();
	bool overflow = false;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, NULL) != 0) {
			fprintf(stderr, "counter: cannot start thread %d\n", i);
			return 1;
		}
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		overflow = overflow || failed != NULL;
	}
	fprintf(stderr, "%.1f ms\n", (double)(fsy_now() - began) / 1e6);
	printf("final    %lld\nexpected %lld\noverflow %s\n", (long long)counter.value,
	       (long long)THREADS * INCREMENTS, overflow ? "yes" : "no");
	return overflow || counter.value != (int64_t)THREADS * INCREMENTS;
}
