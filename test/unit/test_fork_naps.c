/* SPDX-License-Identifier: MIT */
/*
 * Those who wait in a forked child cannot rely on all that they find in a word, and look again by themselves: ever less often, so that a crowd of
 * them leaves the child its CPUs. Counted in sleeps, not in time: each may have slept once more whenever its wait has doubled.
 */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/rwmutex.h>
#include <fastsync/stats.h>
#include <fastsync/waitgroup.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { EACH = 3, NAPS = 7, FIRST_NAP_MS = 10 };

static fsy_mutex_t mutex;
static fsy_rwmutex_t rw;
static fsy_waitgroup_t group;

static void *
wait_for_mutex(void *arg)
{
	fsy_mutex_lock(&mutex);
	fsy_mutex_unlock(&mutex);
	return arg;
}

static void *
wait_to_read(void *arg)
{
	fsy_rwmutex_rlock(&rw);
	fsy_rwmutex_runlock(&rw);
	return arg;
}

static void *
wait_for_group(void *arg)
{
	fsy_waitgroup_wait(&group);
	return arg;
}

/* How often one may have slept that began that long ago: one more than its naps, and one that was cut short. */
static uint64_t
most_sleeps(int64_t ms)
{
	uint64_t sleeps = 2;

	for (int64_t nap = FIRST_NAP_MS; ms >= nap; ms -= nap, nap *= 2)
		sleeps++;
	return sleeps;
}

/* Sleeps of one kind of waiters, which came at start. */
static void
crowd(const void *object, void *(*body)(void *arg), pthread_t *threads)
{
	fsy_deadline_t start = fsy_now();
	fsy_stats_t stats = { 0 };
	uint64_t most;

	CHILD_CHECK(fsy_stats_watch(object) == 0);
	for (int i = 0; i < EACH; i++)
		threads[i] = worker_start(body, NULL);
	while (stats.parks < EACH * NAPS) {
		CHILD_CHECK(fsy_now() < start + (int64_t)TEST_PATIENCE_MS * 1000000);
		sched_yield();
		CHILD_CHECK(fsy_stats_get(object, &stats) == 0);
	}
	most = EACH * most_sleeps((fsy_now() - start) / 1000000);
	if (stats.parks > most) {
		fprintf(stderr, "%llu sleeps of %d threads, and not %llu\n", (unsigned long long)stats.parks, EACH, (unsigned long long)most);
		CHILD_CHECK(false);
	}
	fsy_stats_unwatch(object);
}

static int
in_child(void *arg)
{
	pthread_t threads[3 * EACH];

	(void)arg;
	crowd(&mutex, wait_for_mutex, threads);
	crowd((const char *)&rw + 1, wait_to_read, threads + EACH);
	crowd(&group, wait_for_group, threads + 2 * EACH);
	fsy_mutex_unlock(&mutex);
	fsy_rwmutex_unlock(&rw);
	fsy_waitgroup_done(&group);
	for (int i = 0; i < 3 * EACH; i++)
		worker_join(threads[i]);
	return 0;
}

static void
test_naps_grow(void **state)
{
	struct child child;

	(void)state;
	fsy_mutex_lock(&mutex);
	fsy_rwmutex_lock(&rw);
	fsy_waitgroup_add(&group, 1);
	child = child_fork(in_child, NULL);
	child_assert_clean(&child);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_naps_grow) };

	if (THREAD_SANITIZED) {
		puts("skip fork_naps: ThreadSanitizer starts no threads in a child");
		return 0;
	}
	watchdog("naps in a child", 200);
	return cmocka_run_group_tests_name("naps in a child", tests, NULL, NULL);
}
