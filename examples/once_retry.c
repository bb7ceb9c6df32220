/* SPDX-License-Identifier: MIT */
/*
 * once_retry.c - critical initialisation that fails at first.
 *
 * Go's rule is "done, whatever happened": the service goes on without its store, and nobody is told. With fsy_once_try the caller
 * whose attempt failed gets the error, and the next one tries again: one at a time, however many ask.
 * Notice: no lock, no flag and no error variable of our own; and that a request costs one load once the store is there.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

enum { WORKERS = 4, OUTAGE = 3 };

static int attempts;                    /* written by one run at a time */
static const char *store;
static fsy_atomic_i32 refused, served;

static int
connect_to_store(void *arg)
{
	(void)arg;
	if (++attempts <= OUTAGE)
		return FSY_EAGAIN;      /* not up yet */
	store = "store";
	return 0;
}

static void
connect_like_go(void *arg)
{
	connect_to_store(arg);          /* where would the error go? */
}

static fsy_once_t once = FSY_ONCE_INIT;

/* Each request either has the store or says why not; a refused client comes again. */
static void *
worker(void *arg)
{
	while (fsy_once_try(&once, connect_to_store, arg) != 0)
		fsy_atomic_i32_add(&refused, 1);
	if (store != NULL)
		fsy_atomic_i32_add(&served, 1);
	return NULL;
}

int
main(void)
{
	static fsy_once_t go;
	pthread_t threads[WORKERS];

	fsy_once_do(&go, connect_like_go, NULL);
	fsy_once_do(&go, connect_like_go, NULL);
	printf("do:  done %s, attempts %d, store %s\n", fsy_once_done(&go) ? "yes" : "no", attempts, store ? store : "missing");

	attempts = 0;
	for (int i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, worker, NULL) != 0)
			return 1;
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	printf("try: done %s, attempts %d, store %s\n", fsy_once_done(&once) ? "yes" : "no", attempts, store ? store : "missing");
	printf("%d requests refused with \"%s\", %d served\n", fsy_atomic_i32_load(&refused), fsy_strerror(FSY_EAGAIN),
	       fsy_atomic_i32_load(&served));
	return 0;
}
