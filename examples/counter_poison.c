/* SPDX-License-Identifier: MIT */
/*
 * counter_poison.c - a counter whose increment can fail in two ways: it is full, or somebody died while counting.
 *
 * A thousand threads add one a thousand times each. Then a thread ends inside its increment, and later increments report that,
 * as with Rust's Mutex, until somebody decides that the value can be trusted again; and a full counter says so.
 * Notice: an increment that reports an error gives the lock back all the same, without poisoning it.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 1000, INCREMENTS = 1000 };

struct counter {
	fsy_poison_mutex_t lock;
	int64_t value;
};

static struct counter counter; /* zero-filled memory is an unlocked, unpoisoned mutex */

/* NULL, or what went wrong. */
static const char *
counter_increment(struct counter *c)
{
	const char *error = NULL;

	if (fsy_poison_mutex_lock(&c->lock) != 0)
		error = "mutex poisoned";
	else if (c->value == INT64_MAX)
		error = "counter overflow";
	else
		c->value++;
	fsy_poison_mutex_unlock(&c->lock);
	return error;
}

static void *
worker(void *arg)
{
	const char *error = NULL;

	for (int i = 0; i < INCREMENTS && error == NULL; i++)
		error = counter_increment(arg);
	return (void *)(uintptr_t)error;
}

static void *
die_counting(void *arg)
{
	return fsy_poison_mutex_lock(&((struct counter *)arg)->lock) == 0 ? NULL : arg;
}

int
main(void)
{
	static pthread_t threads[THREADS];
	int errors = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, &counter) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		errors += failed != NULL;
	}
	printf("final %lld, expected %lld, errors %d\n", (long long)counter.value, 1LL * THREADS * INCREMENTS, errors);
	if (pthread_create(&threads[0], NULL, die_counting, &counter) == 0)
		pthread_join(threads[0], NULL);
	printf("after a death: %s\n", counter_increment(&counter));
	fsy_poison_mutex_clear_poison(&counter.lock);
	if (counter_increment(&counter) == NULL)
		printf("cleared: counts again, value %lld\n", (long long)counter.value);
	counter.value = INT64_MAX;
	printf("when full: %s\n", counter_increment(&counter));
	return 0;
}
