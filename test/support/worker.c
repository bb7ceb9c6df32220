/* SPDX-License-Identifier: MIT */
/* worker.c - see worker.h. */
#include "worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned int failures;

void
worker_failed(const char *condition, const char *file, int line)
{
	pthread_mutex_lock(&mutex);
	if (failures++ < 5)
		fprintf(stderr, "%s:%d: a worker found this false: %s\n", file, line, condition);
	pthread_mutex_unlock(&mutex);
}

void
workers_assert(void)
{
	unsigned int count;

	pthread_mutex_lock(&mutex);
	count = failures;
	failures = 0;
	pthread_mutex_unlock(&mutex);
	if (count != 0)
		fail_msg("%u failures in worker threads", count);
}

pthread_t
worker_start(void *(*body)(void *), void *arg)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, body, arg);

	if (error != 0) {
		fprintf(stderr, "pthread_create: %s\n", strerror(error));
		abort();
	}
	return thread;
}

void
worker_join(pthread_t thread)
{
	if (pthread_join(thread, NULL) != 0)
		abort();
}

pid_t
worker_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

void
wait_until_asleep(pid_t tid)
{
	time_t limit = time(NULL) + TEST_PATIENCE_MS / 1000;
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	for (;;) {
		FILE *file = fopen(path, "r");
		const char *state = NULL;

		if (file != NULL) {
			if (fgets(line, sizeof(line), file) != NULL)
				state = strrchr(line, ')');
			fclose(file);
		}
		if (state != NULL && state[1] == ' ' && state[2] == 'S')
			return;
		if (time(NULL) > limit) {
			fprintf(stderr, "thread %d does not fall asleep\n", (int)tid);
			abort();
		}
		sched_yield();
	}
}

uint64_t
test_seed(void)
{
	const char *given = getenv("FASTSYNC_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)now.tv_sec * 1000000007 + (uint64_t)now.tv_nsec;
	printf("FASTSYNC_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

uint64_t
test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}
