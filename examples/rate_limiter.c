/* SPDX-License-Identifier: MIT */
/*
 * rate_limiter.c - an in-memory rate limiter: its store under one mutex, under a reader-writer mutex, in shards with a mutex each.
 * Most requests look a client up and count (atomically: readers do so together), one in 1,000 also sets a limit. What is admitted does
 * not depend on the lock; how long a request takes does, and goes to standard error, because no two runs are alike.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, REQUESTS = 50000, ALL = THREADS * REQUESTS, CLIENTS = 1000, LIMIT = 150, SHARDS = 16 };

static struct client { fsy_atomic_i64 requests; int64_t limit; } clients[CLIENTS];
static struct shard { fsy_mutex_t mutex; } __attribute__((aligned(128))) shards[SHARDS];
static fsy_mutex_t mutex = FSY_MUTEX_INIT;
static fsy_rwmutex_t rwmutex = FSY_RWMUTEX_INIT;
static fsy_atomic_i64 admitted, started;
static int64_t took[ALL];

static void one_lock(int n) { (void)n; fsy_mutex_lock(&mutex); }
static void one_unlock(int n) { (void)n; fsy_mutex_unlock(&mutex); }
static void rw_rlock(int n) { (void)n; fsy_rwmutex_rlock(&rwmutex); }
static void rw_runlock(int n) { (void)n; fsy_rwmutex_runlock(&rwmutex); }
static void rw_lock(int n) { (void)n; fsy_rwmutex_lock(&rwmutex); }
static void rw_unlock(int n) { (void)n; fsy_rwmutex_unlock(&rwmutex); }
static void shard_lock(int n) { fsy_mutex_lock(&shards[n % SHARDS].mutex); }
static void shard_unlock(int n) { fsy_mutex_unlock(&shards[n % SHARDS].mutex); }

static struct store { const char *name; void (*look)(int), (*looked)(int), (*change)(int), (*changed)(int); } stores[] = {
	{ "mutex", one_lock, one_unlock, one_lock, one_unlock },
	{ "rwmutex", rw_rlock, rw_runlock, rw_lock, rw_unlock },
	{ "sharded", shard_lock, shard_unlock, shard_lock, shard_unlock },
};

static void *
serve(void *store_)
{
	struct store *store = store_;
	int64_t *mine = took + fsy_atomic_i64_add(&started, 1) * REQUESTS;
	for (int i = 0; i < REQUESTS; i++) {
		int n = i * 7 % CLIENTS, other = i / 1000 * 37 % CLIENTS;
		int64_t start = fsy_now();

		if (i % 1000 == 500) {
			store->change(other);
			clients[other].limit = LIMIT;
			store->changed(other);
		}
		store->look(n);
		if (fsy_atomic_i64_add(&clients[n].requests, 1) < clients[n].limit)
			fsy_atomic_i64_add(&admitted, 1);
		store->looked(n);
		mine[i] = fsy_now() - start;
	}
	return NULL;
}

static int ascending(const void *a, const void *b) { return (*(int64_t *)a > *(int64_t *)b) - (*(int64_t *)a < *(int64_t *)b); }

int
main(void)
{
	for (struct store *store = stores; store < stores + 3; store++) {
		pthread_t threads[THREADS];
		for (int i = 0; i < CLIENTS; i++)
			clients[i] = (struct client){ { 0 }, LIMIT };
		fsy_atomic_i64_store(&started, 0);
		for (int i = 0; i < THREADS; i++)
			pthread_create(&threads[i], NULL, serve, store);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		printf("%s: %ld of %d requests admitted\n", store->name, fsy_atomic_i64_swap(&admitted, 0), ALL);
		qsort(took, ALL, sizeof *took, ascending);
		fprintf(stderr, "%s: p50 %ld, p99 %ld, p99.9 %ld ns\n", store->name, took[ALL / 2], took[ALL / 100 * 99], took[ALL / 1000 * 999]);
	}
	return 0;
}
