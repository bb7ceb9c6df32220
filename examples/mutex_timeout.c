/* SPDX-License-Identifier: MIT */
/*
 * mutex_timeout.c - what to do when a lock does not come in time.
 *
 * One thread holds the lock for longer than the other is willing to wait. The other gives up at its deadline,
 * serves its request from what it already has, and asks again later.
 * Notice: the deadline is a point in time, so a caller with several waits ahead computes it once.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

static fsy_mutex_t lock = FSY_MUTEX_INIT;
static int price = 100;         /* guarded by lock */
static int cached_price = 90;   /* the reader's own, possibly stale */

static pthread_barrier_t held;  /* the holder has the lock */
static pthread_barrier_t done;  /* the reader has given up once */

static void *
holder(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&lock);
	pthread_barrier_wait(&held);
	pthread_barrier_wait(&done); /* a slow update: longer than any reader's patience */
	price = 110;
	fsy_mutex_unlock(&lock);
	return NULL;
}

static int
read_price(fsy_deadline_t deadline, const char **from)
{
	int error = fsy_mutex_lock_until(&lock, deadline);

	if (error != 0) {
		*from = fsy_strerror(error);
		return cached_price;
	}
	cached_price = price;
	fsy_mutex_unlock(&lock);
	*from = "fresh";
	return cached_price;
}

int
main(void)
{
	pthread_t thread;
	const char *from;
	int64_t began;
	int shown;

	pthread_barrier_init(&held, NULL, 2);
	pthread_barrier_init(&done, NULL, 2);
	if (pthread_create(&thread, NULL, holder, NULL) != 0)
		return 1;
	pthread_barrier_wait(&held);

	began = fsy_now();
	shown = read_price(fsy_after_ms(20), &from);
	printf("price %d (%s)\n", shown, from);
	fprintf(stderr, "gave up after %.1f ms\n", (double)(fsy_now() - began) / 1e6);
	printf("waited long enough: %s\n", fsy_now() - began >= 20 * 1000000 ? "yes" : "no");

	pthread_barrier_wait(&done);
	shown = read_price(FSY_FOREVER, &from);
	pthread_join(thread, NULL);
	printf("price %d (%s)\n", shown, from);
	return 0;
}
