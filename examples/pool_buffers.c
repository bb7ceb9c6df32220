/* SPDX-License-Identifier: MIT */
/*
 * pool_buffers.c - four threads render replies into 1 KB buffers from a pool.
 *
 * Notice: a buffer is made only when none is idle, so thousands of replies need a handful of buffers; max_bytes bounds what an idle
 * service keeps; a buffer comes back as it was left, so whoever gets one starts by clearing what matters.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

#define THREADS 4
#define REPLIES 10000
#define BUFFER  1024

static fsy_pool_t *buffers;
static fsy_atomic_u64 written;

static bool
reply(int number)
{
	char *buffer = fsy_pool_get(buffers);

	if (buffer == NULL)
		return false;                    /* no memory: nothing is lost, the caller may try later */
	fsy_atomic_u64_add_rlx(&written, (uint64_t)snprintf(buffer, BUFFER, "reply %05d\n", number));
	fsy_pool_put(buffers, buffer);
	return true;
}

static void *
serve(void *arg)
{
	for (int i = 0; i < REPLIES; i++)
		if (!reply(i))
			return &written;
	return arg;
}

int
main(void)
{
	pthread_t threads[THREADS];
	fsy_pool_stats_t stats;
	bool failed = false;

	buffers = fsy_pool_new(&(fsy_pool_config_t){ .object_size = BUFFER, .max_bytes = 64 * BUFFER });
	if (buffers == NULL)
		return 1;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, serve, NULL) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		failed = failed || result != NULL;
	}
	fsy_pool_stats(buffers, &stats);
	printf("replies  %d\nwritten  %llu bytes\nbuffers  %s\nidle     %s\n", THREADS * REPLIES, (unsigned long long)fsy_atomic_u64_load(&written),
	       stats.created <= 16 * THREADS ? "a handful, used again" : "too many", stats.idle == stats.created ? "all of them" : "not all");
	printf("trimmed  %s\n", fsy_pool_trim(buffers) == stats.idle ? "all of them" : "not all");
	fsy_pool_free(buffers);
	return failed;
}
