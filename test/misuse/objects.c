/* SPDX-License-Identifier: MIT */
/* objects.c - objects that are not there, not initialised, copied, full, or badly placed. */
#include "misuse.h"
#include "lib/sync/readers.h"
#include "lib/sync/readers_line.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/barrier.h>
#include <fastsync/error.h>
#include <fastsync/poison.h>
#include <fastsync/rwmutex.h>
#include <fastsync/waitgroup.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void *volatile nothing;

static int
null_mutex(void *arg)
{
	(void)arg;
	fsy_mutex_lock(nothing);
	return 1;
}

static int
null_rwmutex(void *arg)
{
	(void)arg;
	fsy_rwmutex_rlock(nothing);
	return 1;
}

static int
null_poison(void *arg)
{
	(void)arg;
	return fsy_poison_mutex_lock(nothing);
}

static int
null_waitgroup(void *arg)
{
	(void)arg;
	fsy_waitgroup_done(nothing);
	return 1;
}

/* A copy of a held lock is a held lock of its own; who sleeps, sleeps on the original. */
static fsy_mutex_t original = FSY_MUTEX_INIT;

static int
copied(void *arg)
{
	fsy_mutex_t copy;
	pthread_t thread;

	(void)arg;
	fsy_mutex_lock(&original);
	thread = worker_start(lock_and_unlock, &original);
	wait_until_parked(&original, 1);
	memcpy((void *)&copy, (const void *)&original, sizeof(copy));
	fsy_mutex_unlock(&copy);
	CHILD_CHECK(fsy_mutex_trylock(&copy) && !fsy_mutex_trylock(&original));
	fsy_mutex_unlock(&original);
	worker_join(thread);
	CHILD_CHECK(at_rest(&original));
	return 0;
}

static int
relock_mutex(void *arg)
{
	fsy_mutex_t mutex = FSY_MUTEX_INIT;

	(void)arg;
	fsy_mutex_lock(&mutex);
	CHILD_CHECK(!fsy_mutex_trylock(&mutex) && fsy_mutex_lock_until(&mutex, fsy_after_ms(2)) == FSY_ETIMEDOUT);
	fsy_mutex_unlock(&mutex);
	CHILD_CHECK(at_rest(&mutex));
	return 0;
}

static int
relock_rwmutex(void *arg)
{
	fsy_rwmutex_t rw = FSY_RWMUTEX_INIT;

	(void)arg;
	fsy_rwmutex_lock(&rw);
	CHILD_CHECK(!fsy_rwmutex_trylock(&rw) && !fsy_rwmutex_tryrlock(&rw));
	CHILD_CHECK(fsy_rwmutex_lock_until(&rw, fsy_after_ms(2)) == FSY_ETIMEDOUT && fsy_rwmutex_rlock_until(&rw, fsy_after_ms(2)) == FSY_ETIMEDOUT);
	fsy_rwmutex_unlock(&rw);
	fsy_rwmutex_rlock(&rw);
	CHILD_CHECK(fsy_rwmutex_lock_until(&rw, fsy_after_ms(2)) == FSY_ETIMEDOUT);
	fsy_rwmutex_runlock(&rw);
	CHILD_CHECK(fsy_rwmutex_trylock(&rw));
	return 0;
}

/* One hold is left, and four threads want one. */
static void *
rlock_it(void *arg)
{
	fsy_rwmutex_rlock(arg);
	return NULL;
}

static int
too_many_racing(void *arg)
{
	static fsy_rwmutex_t rw = FSY_RWMUTEX_INIT;
	pthread_t threads[4];

	(void)arg;
	fsy_atomic_u32_store(&rw.readers_, READERS_COUNT - READERS_ONE);
	for (int i = 0; i < 4; i++)
		threads[i] = worker_start(rlock_it, &rw);
	for (int i = 0; i < 4; i++)
		worker_join(threads[i]);
	return 1;
}

static int
barrier_of_none_and_of_all(void *arg)
{
	fsy_barrier_t barrier;
	bool leader = false;

	(void)arg;
	fsy_barrier_init(&barrier, 0);
	CHILD_CHECK(fsy_barrier_wait(&barrier));
	fsy_barrier_init(&barrier, UINT32_MAX);
	CHILD_CHECK(fsy_barrier_wait_until(&barrier, fsy_after_ms(2), &leader) == FSY_ETIMEDOUT && !leader);
	return 0;
}

/* Where two cache lines meet. */
static void *
count_up(void *arg)
{
	long *counter = (long *)((char *)arg + 68);

	for (int i = 0; i < 5000; i++) {
		fsy_mutex_lock((fsy_mutex_t *)((char *)arg + 60));
		(*counter)++;
		fsy_mutex_unlock((fsy_mutex_t *)((char *)arg + 60));
	}
	return NULL;
}

static int
across_lines(void *arg)
{
	static char bytes[128] __attribute__((aligned(64)));
	pthread_t threads[3];
	long counter;

	(void)arg;
	for (int i = 0; i < 3; i++)
		threads[i] = worker_start(count_up, bytes);
	for (int i = 0; i < 3; i++)
		worker_join(threads[i]);
	memcpy(&counter, bytes + 68, sizeof(counter));
	CHILD_CHECK(counter == 15000 && _Alignof(fsy_mutex_t) == 4);
	return 0;
}

const struct misuse misuse_objects[] = {
	{ "1 lock of NULL, mutex", null_mutex, NULL, SIGSEGV },
	{ "1 lock of NULL, rwmutex", null_rwmutex, NULL, SIGSEGV },
	{ "1 lock of NULL, poison mutex", null_poison, NULL, SIGSEGV },
	{ "1 done of NULL", null_waitgroup, NULL, SIGSEGV },
	{ "2 garbage for an object", misuse_garbage, NULL, 0 },
	{ "3 copy of a held lock", copied, NULL, 0 },
	{ "7 relock by the holder, mutex", relock_mutex, NULL, 0 },
	{ "7 relock by the holder, rwmutex", relock_rwmutex, NULL, 0 },
	{ "9 too many readers, racing", too_many_racing, "fastsync: too many readers of rwmutex 0x*[0-9a-f]\n*", 0 },
	{ "12 barrier of none and of all", barrier_of_none_and_of_all, NULL, 0 },
	{ "42 lock across cache lines", across_lines, NULL, 0 },
	{ NULL, NULL, NULL, 0 },
};
