/* SPDX-License-Identifier: MIT */
/* R1 in numbers: an owner that dies with many locks, a thousand sleepers behind an owner that dies; owners that die as fast as they can. */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <fastsync/stats.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static fsy_poison_mutex_t shared;
static struct gate holds = GATE("holds the lock"), parked = GATE("somebody is parked");

static void
take(fsy_poison_mutex_t *m)
{
	W_CHECK(fsy_poison_mutex_lock(m) == 0);
}

/* A few of many, chosen at random, are still held at the end; those poison, and no other. */
enum { MANY = 5000 };
static fsy_poison_mutex_t many[MANY];
static bool kept[MANY];

static void *
die_with_some(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	for (int i = 0; i < MANY; i++)
		take(&many[i]);
	for (int i = 0; i < MANY; i++) {
		kept[i] = test_random(&random) % 100 == 0;
		if (!kept[i])
			fsy_poison_mutex_unlock(&many[i]);
	}
	return NULL;
}

static void
test_dies_with_any_number(void **state)
{
	uint64_t seed = test_seed();
	int left = 0;

	(void)state;
	worker_join(worker_start(die_with_some, &seed));
	workers_assert();
	for (int i = 0; i < MANY; i++) {
		left += kept[i];
		assert_int_equal(fsy_poison_mutex_trylock(&many[i]), kept[i] ? FSY_EPOISONED : 0);
		fsy_poison_mutex_unlock(&many[i]);
	}
	assert_in_range(left, 1, MANY - 1);
}

/* 1,000 asleep behind an owner that dies: the next is woken, and nobody else. */
enum { CROWD = 1000, FEWER = 250, LATE_COUNTS = 8 };
static fsy_atomic_u32 served;
static struct gate go_on = GATE("the first of the crowd has been looked at");

static void *
be_one_of_the_crowd(void *arg)
{
	W_CHECK(fsy_poison_mutex_lock(arg) == FSY_EPOISONED);
	if (fsy_atomic_u32_add(&served, 1) == 0) {
		gate_meet(&holds, 2);
		gate_meet(&go_on, 2);
	}
	fsy_poison_mutex_unlock(arg);
	return NULL;
}

static void *
die_before_a_crowd(void *arg)
{
	take(arg);
	gate_meet(&holds, 2);
	gate_meet(&parked, 2);
	return NULL;
}

static void
test_r1_death_wakes_exactly_the_next(void **state)
{
	static pthread_t crowd[CROWD];
	unsigned int count = SANITIZED ? FEWER : CROWD;
	pthread_t dying = worker_start(die_before_a_crowd, &shared);
	fsy_stats_t before, after;
	pthread_attr_t small;

	(void)state;
	gate_meet(&holds, 2);
	fsy_atomic_u32_store(&served, 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 * 1024);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(pthread_create(&crowd[i], &small, be_one_of_the_crowd, &shared), 0);
	pthread_attr_destroy(&small);
	wait_until_sleeping(&shared, count);
	assert_int_equal(fsy_stats_watch(&shared), 0);
	assert_int_equal(fsy_stats_get(&shared, &before), 0);
	gate_meet(&parked, 2);
	worker_join(dying);
	gate_meet(&holds, 2);                            /* the next one has it */
	assert_int_equal(fsy_stats_get(&shared, &after), 0);
	fsy_stats_unwatch(&shared);
	assert_int_equal(fsy_atomic_u32_load(&served), 1);
	assert_int_equal(parked_on(&shared), count - 1);
	/* Two threads that changed places on their way to sleep may count their wakes late, after both are seen to be parked. That nobody but the
	 * next is woken is checked step by step in test/sim/sim_poison.c; here, that it is not the crowd. */
	assert_in_range(after.wakes - before.wakes, 1, LATE_COUNTS);
	gate_meet(&go_on, 2);
	for (unsigned int i = 0; i < count; i++)
		worker_join(crowd[i]);
	workers_assert();
	assert_int_equal(fsy_atomic_u32_load(&served), count);
	fsy_poison_mutex_clear_poison(&shared);
	assert_int_equal(fsy_poison_mutex_lock(&shared), 0);
	fsy_poison_mutex_unlock(&shared);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

/* Owners die as fast as they can, sleepers come and go: whoever gets the lock after one that died knows, nobody is forgotten. */
static fsy_atomic_u32 deaths;
static bool dirty;               /* guarded by shared: its last owner died */

static void *
live_dangerously(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg;

	for (int i = 0; i < 20; i++) {
		uint64_t draw = test_random(&random);
		int error = draw % 4 == 0 ? fsy_poison_mutex_lock_until(&shared, fsy_after_ns((int64_t)(draw >> 16) % 200000)) :
					    fsy_poison_mutex_lock(&shared);

		if (error == FSY_ETIMEDOUT)
			continue;
		W_CHECK(error == (dirty ? FSY_EPOISONED : 0));
		dirty = false;
		fsy_poison_mutex_clear_poison(&shared);
		if (draw >> 8 & 1)
			sched_yield();
		if ((draw >> 9) % 8 == 0) {
			dirty = true;
			fsy_atomic_u32_add(&deaths, 1);
			return NULL;
		}
		fsy_poison_mutex_unlock(&shared);
	}
	return NULL;
}

static void *
raise_the_dying(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg;

	for (int i = stress_count(120); i > 0; i--)
		worker_join(worker_start(live_dangerously, (void *)(uintptr_t)test_random(&random)));
	return NULL;
}

static void
test_many_die(void **state)
{
	pthread_t threads[8];
	uint64_t seed = test_seed();
	int error;

	(void)state;
	dirty = false;
	fsy_atomic_u32_store(&deaths, 0);
	for (int i = 0; i < 8; i++)
		threads[i] = worker_start(raise_the_dying, (void *)(uintptr_t)test_random(&seed));
	for (int i = 0; i < 8; i++)
		worker_join(threads[i]);
	workers_assert();
	error = fsy_poison_mutex_lock(&shared);
	assert_int_equal(error, dirty ? FSY_EPOISONED : 0);
	fsy_poison_mutex_clear_poison(&shared);
	fsy_poison_mutex_unlock(&shared);
	assert_true(fsy_atomic_u32_load(&deaths) > 0);
	assert_int_equal(fsy_atomic_u32_load(&shared.word_), 0);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dies_with_any_number),
		cmocka_unit_test(test_r1_death_wakes_exactly_the_next),
		cmocka_unit_test(test_many_die),
	};

	watchdog("poison mutex, crowds", 200);
	return cmocka_run_group_tests_name("poison mutex, crowds", tests, NULL, NULL);
}
