/* SPDX-License-Identifier: MIT */
/*
 * worker.h - threads under test. cmocka's asserts jump, so only the main thread may use them: a worker records what is
 * wrong with W_CHECK, and the main thread asks with workers_assert() after joining.
 */
#ifndef TEST_WORKER_H
#define TEST_WORKER_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#define W_CHECK(condition) \
	do { \
		if (!(condition)) \
			worker_failed(#condition, __FILE__, __LINE__); \
	} while (0)

void worker_failed(const char *condition, const char *file, int line);

/* Ends the test if a worker recorded a failure since the last call; prints the first few. Main thread only. */
void workers_assert(void);

/* pthread_create and pthread_join that end the program when they fail. */
pthread_t worker_start(void *(*body)(void *), void *arg);
void worker_join(pthread_t thread);

/* The calling thread's kernel id. */
pid_t worker_tid(void);

/* What has not happened by then hangs. A machine that is shared by too many gets nowhere for seconds on end. */
enum { TEST_PATIENCE_MS = 120000 };

/* Returns once that thread of this process sleeps in the kernel: then it has really parked. */
void wait_until_asleep(pid_t tid);

/* For random tests: FASTSYNC_SEED, or a fresh seed; printed, so that a failure can be repeated. */
uint64_t test_seed(void);

/* splitmix64. */
uint64_t test_random(uint64_t *state);

#endif
