/* SPDX-License-Identifier: MIT */
/* check.h - what the programs of this directory share. They know nothing of the library. */
#ifndef PRELOAD_CHECK_H
#define PRELOAD_CHECK_H

#include "clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends the program: a lock in the wrong state is nothing to go on with. */
#define CHECK(condition)                                                                          \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);           \
			_exit(1);                                                                 \
		}                                                                                 \
	} while (0)

#define CHECK_IS(expression, value)                                                               \
	do {                                                                                      \
		int is_ = (expression);                                                           \
		if (is_ != (value)) {                                                             \
			fprintf(stderr, "%s:%d: %s is %d, not %s\n", __FILE__, __LINE__, #expression, is_, #value); \
			_exit(1);                                                                 \
		}                                                                                 \
	} while (0)

static inline void
nap_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

/* Until the thread of that kernel id sleeps (state S in its stat file): it is in its wait, or as good as. */
static inline void
wait_asleep(int tid)
{
	char path[64], text[512];

	for (;;) {
		char *end = NULL;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
		f = fopen(path, "r");
		CHECK(f != NULL);
		if (fgets(text, sizeof(text), f) != NULL)
			end = strrchr(text, ')');
		fclose(f);
		if (end != NULL && end[1] == ' ' && end[2] == 'S')
			return;
		nap_us(200);
	}
}

static inline pthread_t
start(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	CHECK_IS(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

static inline void *
join(pthread_t thread)
{
	void *result;

	CHECK_IS(pthread_join(thread, &result), 0);
	return result;
}

static inline void
rwlock_of_kind(pthread_rwlock_t *lock, int kind)
{
	pthread_rwlockattr_t attribute;

	pthread_rwlockattr_init(&attribute);
	CHECK_IS(pthread_rwlockattr_setkind_np(&attribute, kind), 0);
	CHECK_IS(pthread_rwlock_init(lock, &attribute), 0);
	pthread_rwlockattr_destroy(&attribute);
}

static inline bool
preloaded(void)
{
	const char *list = getenv("LD_PRELOAD");

	return list != NULL && strstr(list, "libfastsync-preload") != NULL;
}

static inline uint32_t
draw(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* FASTSYNC_SEED, or another each time; printed, for failures to be repeated. */
static inline uint32_t
seed_of_run(void)
{
	const char *text = getenv("FASTSYNC_SEED");
	uint32_t seed = text != NULL ? (uint32_t)strtoul(text, NULL, 0) : (uint32_t)time(NULL) ^ (uint32_t)getpid() << 16;

	seed = seed ? seed : 1;
	fprintf(stderr, "FASTSYNC_SEED=%u\n", seed);
	return seed;
}

#endif
