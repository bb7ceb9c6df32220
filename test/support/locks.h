/* SPDX-License-Identifier: MIT */
/*
 * locks.h - what tests of locks share: who is parked, what a lock looks like at rest, how long a stress test may take,
 * and what happens to one that hangs. Main thread only where cmocka's asserts are used.
 */
#ifndef TEST_LOCKS_H
#define TEST_LOCKS_H

#include "worker.h"

#include "lib/park/park.h"

#include <fastsync/mutex.h>

/* Threads parked on key in the library's own lot, and returning once there are that many; aborts after two minutes. */
unsigned int parked_on(const void *key);
void wait_until_parked(const void *key, unsigned int count);

/* The same, once they all sleep as well. Who is parked may find the lock free before that, and come first after all. */
void wait_until_sleeping(const void *key, unsigned int count);

/* The same in another lot. */
unsigned int parked_in(struct fsyi_lot *lot, const void *key);

/* Asserts: the lock's word is all zero, and nobody waits for anything in the library's lot. */
void assert_at_rest(const fsy_mutex_t *mutex);
bool at_rest(const fsy_mutex_t *mutex);

/* How long waiters look before they sleep, in ns; returns what it was. TEST_PATIENCE_NS: until they have seen it, on however slow a machine. */
#define TEST_PATIENCE_NS (INT64_C(1000000) * TEST_PATIENCE_MS)
int64_t set_spin(int64_t ns);

/* For worker_start: takes the mutex once. */
void *lock_and_unlock(void *mutex);

/* The end of one of share equal parts of a test: FASTSYNC_STRESS_MS milliseconds from now, or standard_ms, over share. */
fsy_deadline_t stress_until(int standard_ms, int share);

/* Until end each of so many threads starts one life after the other, as a thread of its own that is given a random number. Asserts of workers. */
enum { STRESS_LIVES = 32 };
void stress_lives(void *(*life)(void *random), int count, uint64_t *seed, fsy_deadline_t end);

/* A number of threads or rounds that a sanitizer's slowness leaves room for: count, or under one a quarter of it. */
int stress_count(int count);

/* Whoever still runs after that many seconds says what hangs, and aborts. Replaces the last watchdog; 0 ends it. */
void watchdog(const char *what, unsigned int seconds);

#endif
