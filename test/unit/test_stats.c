/* SPDX-License-Identifier: MIT */
/* Counters: nothing is lost when threads end, resets start from zero, watched locks are told apart. */
#include "lib/diag/hook.h"
#include "lib/sys/thread.h"
#include "test/support/gate.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int object, other;

static fsy_stats_t
get(const void *what)
{
	fsy_stats_t stats;

	memset(&stats, 0xee, sizeof(stats));
	assert_int_equal(fsy_stats_get(what, &stats), 0);
	return stats;
}

static void
assert_all(const fsy_stats_t *stats, uint64_t contended, uint64_t remote, uint64_t parks, uint64_t wakes, uint64_t barriers, uint64_t longest)
{
	assert_int_equal(stats->contended, contended);
	assert_int_equal(stats->handovers_remote, remote);
	assert_int_equal(stats->handovers_local, contended - remote);
	assert_int_equal(stats->parks, parks);
	assert_int_equal(stats->wakes, wakes);
	assert_int_equal(stats->membarriers, barriers);
	assert_int_equal(stats->longest_wait_ns, longest);
}

static void
count_owner(int64_t wait_ns, bool remote)
{
	fsyi_count_contended(&object, wait_ns);
	fsyi_count_handover(&object, remote);
}

static void *
report_some(void *arg)
{
	(void)arg;
	W_CHECK(fsyi_thread_self() != NULL);
	count_owner(100, false);
	count_owner(900, true);
	count_owner(500, false);
	fsyi_count_park(&object);
	fsyi_count_park(&object);
	fsyi_count_wake(&object);
	fsyi_count_membarrier(&object);
	return NULL;
}

static void
test_counters_outlive_their_threads(void **state)
{
	fsy_stats_t stats;

	(void)state;
	fsy_stats_reset();
	for (int i = 0; i < 3; i++)
		worker_join(worker_start(report_some, NULL));
	stats = get(NULL);
	assert_all(&stats, 9, 3, 6, 3, 3, 900);
	workers_assert();
}

static void
test_reset(void **state)
{
	fsy_stats_t stats;

	(void)state;
	report_some(NULL);
	fsy_stats_reset();
	stats = get(NULL);
	assert_all(&stats, 0, 0, 0, 0, 0, 0);
	count_owner(50, false);        /* shorter than before the reset, longest since */
	stats = get(NULL);
	assert_all(&stats, 1, 0, 0, 0, 0, 50);
	count_owner(-5, false);        /* a clock that seems to run backwards */
	stats = get(NULL);
	assert_all(&stats, 2, 0, 0, 0, 0, 50);
	fsy_stats_reset();
}

static void
test_watched_objects(void **state)
{
	fsy_stats_t stats;

	(void)state;
	fsy_stats_reset();
	assert_int_equal(fsy_stats_get(&object, &stats), FSY_EINVAL);
	assert_int_equal(fsy_stats_watch(NULL), FSY_EINVAL);
	assert_int_equal(fsy_stats_watch(&object), 0);
	report_some(NULL);
	fsyi_count_park(&other);
	stats = get(&object);
	assert_all(&stats, 3, 1, 2, 1, 1, 900);
	assert_int_equal(fsy_stats_watch(&object), 0);   /* again: nothing changes */
	stats = get(&object);
	assert_all(&stats, 3, 1, 2, 1, 1, 900);
	stats = get(NULL);
	assert_all(&stats, 3, 1, 3, 1, 1, 900);
	fsy_stats_reset();
	stats = get(&object);
	assert_all(&stats, 0, 0, 0, 0, 0, 0);
	fsyi_count_wake(&object);
	fsy_stats_unwatch(&object);
	fsy_stats_unwatch(&object);
	fsy_stats_unwatch(NULL);
	assert_int_equal(fsy_stats_get(&object, &stats), FSY_EINVAL);
	assert_int_equal(fsy_stats_watch(&object), 0);   /* anew: from zero */
	stats = get(&object);
	assert_all(&stats, 0, 0, 0, 0, 0, 0);
	fsy_stats_unwatch(&object);
}

static void
test_watches_are_limited(void **state)
{
	static int objects[65];
	fsy_stats_t stats;

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_int_equal(fsy_stats_watch(&objects[i]), 0);
	assert_int_equal(fsy_stats_watch(&objects[64]), FSY_EAGAIN);
	fsyi_count_park(&objects[63]);
	stats = get(&objects[63]);
	assert_int_equal(stats.parks, 1);
	fsy_stats_unwatch(&objects[10]);
	assert_int_equal(fsy_stats_watch(&objects[64]), 0);
	for (int i = 0; i < 65; i++)
		fsy_stats_unwatch(&objects[i]);
	assert_int_equal(fsy_stats_get(&objects[64], &stats), FSY_EINVAL);
}

enum { THREADS = 4, EVENTS = 50000 };

static struct gate together = GATE("reporters start together");

/* Thread 0 has no record: the watched object is counted all the same. */
static void *
report_many(void *arg)
{
	int me = *(int *)arg;

	if (me != 0)
		fsyi_thread_self();
	gate_meet(&together, THREADS);
	for (int i = 0; i < EVENTS; i++)
		count_owner(me * EVENTS + i, me % 2 == 0);
	return NULL;
}

static void
test_nothing_is_lost_between_threads(void **state)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	fsy_stats_t stats;

	(void)state;
	fsy_stats_reset();
	assert_int_equal(fsy_stats_watch(&object), 0);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		threads[i] = worker_start(report_many, &numbers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		worker_join(threads[i]);
	stats = get(&object);
	assert_all(&stats, (uint64_t)THREADS * EVENTS, 2 * EVENTS, 0, 0, 0, THREADS * EVENTS - 1);
	stats = get(NULL);
	assert_all(&stats, (uint64_t)(THREADS - 1) * EVENTS, EVENTS, 0, 0, 0, THREADS * EVENTS - 1);
	fsy_stats_unwatch(&object);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters_outlive_their_threads),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_watched_objects),
		cmocka_unit_test(test_watches_are_limited),
		cmocka_unit_test(test_nothing_is_lost_between_threads),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
