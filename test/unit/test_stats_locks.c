/* SPDX-License-Identifier: MIT */
/* Counters of real locks: one thread sleeps for each, and what they say of it. */
#include "lib/sys/topology.h"
#include "test/support/worker.h"

#include <fastsync/fairlock.h>
#include <fastsync/mutex.h>
#include <fastsync/rwmutex.h>
#include <fastsync/stats.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static fsy_stats_t
get(const void *what)
{
	fsy_stats_t stats;

	assert_int_equal(fsy_stats_get(what, &stats), 0);
	return stats;
}

static fsy_mutex_t lock = FSY_MUTEX_INIT;
static fsy_atomic_u32 waiter;

static void *
wait_on_node_1(void *arg)
{
	(void)arg;
	W_CHECK(fsy_thread_set_node(1) == 0);
	fsy_atomic_u32_store(&waiter, (uint32_t)worker_tid());
	fsy_mutex_lock(&lock);
	fsy_mutex_unlock(&lock);
	return NULL;
}

/* The real lock reports: one thread slept for it. */
static void
test_a_lock_reports(void **state)
{
	fsy_stats_t stats;
	pthread_t thread;
	char why[100];

	(void)state;
	assert_int_equal(fsyi_topology_from_spec("2", why, sizeof(why)), 0);
	fsy_stats_reset();
	assert_int_equal(fsy_stats_watch(&lock), 0);
	fsy_mutex_lock(&lock);
	fsy_mutex_unlock(&lock);
	assert_int_equal(get(&lock).contended, 0);       /* the uncontended path counts nothing */
	fsy_mutex_lock(&lock);
	thread = worker_start(wait_on_node_1, NULL);
	do {
		sched_yield();
		stats = get(&lock);
	} while (stats.parks == 0);
	fsy_mutex_unlock(&lock);
	worker_join(thread);
	stats = get(&lock);
	assert_int_equal(stats.contended, 1);
	assert_true(stats.parks >= 1 && stats.wakes >= 1 && stats.longest_wait_ns > 0);
	assert_int_equal(get(NULL).contended, 1);
	fsy_stats_unwatch(&lock);
	workers_assert();
}

/* Locks that do not know their last owner say nothing of where it was. */
static fsy_fair_rwlock_t fair = FSY_FAIR_RWLOCK_INIT;
static fsy_rwmutex_t rw = FSY_RWMUTEX_INIT;

static void *
write_fair(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock(&fair) == 0);
	fsy_fair_rwlock_unlock(&fair);
	return arg;
}

static void *
read_fair(void *arg)
{
	W_CHECK(fsy_fair_rwlock_rlock(&fair) == 0);
	fsy_fair_rwlock_runlock(&fair);
	return arg;
}

static void *
read_rw(void *arg)
{
	fsy_rwmutex_rlock(&rw);
	fsy_rwmutex_runlock(&rw);
	return arg;
}

static void
test_unknown_owners(void **state)
{
	void *(*const bodies[])(void *) = { write_fair, read_fair, read_rw };

	(void)state;
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		fsy_stats_t stats;

		fsy_stats_reset();
		assert_int_equal(fsy_fair_rwlock_lock(&fair), 0);
		fsy_rwmutex_lock(&rw);
		thread = worker_start(bodies[i], NULL);
		while (get(NULL).parks == 0)
			sched_yield();
		fsy_rwmutex_unlock(&rw);
		fsy_fair_rwlock_unlock(&fair);
		worker_join(thread);
		stats = get(NULL);
		assert_int_equal(stats.contended, 1);
		assert_true(stats.handovers_local == 0 && stats.handovers_remote == 0);
	}
	workers_assert();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lock_reports),
		cmocka_unit_test(test_unknown_owners),
	};

	return cmocka_run_group_tests_name("stats of locks", tests, NULL, NULL);
}
