/* SPDX-License-Identifier: MIT */
/*
 * R1, R2: threads that end while they hold a poison mutex, in every way a thread can end; what their last destructors may still
 * do; and those whose end nobody notices. This file is compiled without -fexceptions, so that no cleanup of a scope
 * runs: it is the end of the thread that poisons. test/language has the other case.
 */
#include "lib/sync/owner.h"
#include "lib/sys/thread.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static fsy_poison_mutex_t shared;

static int
fresh(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	return 0;
}

static void
take(fsy_poison_mutex_t *m)
{
	W_CHECK(fsy_poison_mutex_lock(m) == 0);
}

/* The next locker gets it, and knows; then it is cleared, and all is as before. */
static void
assert_inherited(fsy_poison_mutex_t *m)
{
	assert_int_equal(fsy_poison_mutex_lock(m), FSY_EPOISONED);
	assert_int_equal(fsy_poison_mutex_trylock(m), FSY_EBUSY);
	fsy_poison_mutex_unlock(m);
	assert_int_equal(fsy_poison_mutex_trylock(m), FSY_EPOISONED);
	fsy_poison_mutex_clear_poison(m);
	fsy_poison_mutex_unlock(m);
	assert_int_equal(fsy_poison_mutex_lock(m), 0);
	fsy_poison_mutex_unlock(m);
	assert_int_equal(fsy_atomic_u32_load(&m->word_), 0);
	assert_int_equal(fsy_atomic_u32_load(&m->owner_), 0);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

static void *
return_holding(void *arg)
{
	take(arg);
	return NULL;
}

static void *
exit_holding(void *arg)
{
	take(arg);
	pthread_exit(NULL);
}

static void *
exit_holding_a_guard(void *arg)
{
	FSY_POISON_GUARD(guard, arg);

	W_CHECK(guard.error == 0);
	pthread_exit(NULL);
}

static struct gate holds = GATE("holds the lock");

static void *
be_cancelled_holding(void *arg)
{
	FSY_POISON_GUARD(guard, arg);

	W_CHECK(guard.error == 0);
	gate_meet(&holds, 2);
	while (pause() < 0)
		;
	return NULL;
}

static void
test_r1_thread_dies_holding(void **state)
{
	void *(*const ends[])(void *) = { return_holding, exit_holding, exit_holding_a_guard, be_cancelled_holding };

	(void)state;
	for (int i = 0; i < 4; i++) {
		pthread_t thread = worker_start(ends[i], &shared);

		if (ends[i] == be_cancelled_holding) {
			gate_meet(&holds, 2);
			pthread_cancel(thread);
		}
		worker_join(thread);
		workers_assert();
		assert_inherited(&shared);
	}
}

/* By each way in. */
static void
test_r1_every_way_inherits(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		worker_join(worker_start(return_holding, &shared));
		assert_int_equal(i == 0 ? fsy_poison_mutex_trylock(&shared) :
				 i == 1 ? fsy_poison_mutex_lock_until(&shared, 0) :
				 i == 2 ? fsy_poison_mutex_lock_until(&shared, fsy_after_ms(60000)) : fsy_poison_mutex_lock(&shared),
				 FSY_EPOISONED);
		fsy_poison_mutex_clear_poison(&shared);
		fsy_poison_mutex_unlock(&shared);
	}
	workers_assert();
}

/* A plain lock and unlock in what runs while the thread unwinds; and before that. */
static void
lock_in_cleanup(void *arg)
{
	take(arg);
	fsy_poison_mutex_unlock(arg);
}

static void *
unwind(void *arg)
{
	pthread_cleanup_push(lock_in_cleanup, arg);
	pthread_exit(NULL);
	pthread_cleanup_pop(0);
}

static void
commit_in_cleanup(void *arg)
{
	FSY_POISON_GUARD(guard, arg);

	W_CHECK(guard.error == 0);
	fsy_poison_guard_commit(&guard);
}

static void *
unwind_guarded(void *arg)
{
	pthread_cleanup_push(commit_in_cleanup, arg);
	pthread_exit(NULL);
	pthread_cleanup_pop(0);
}

static void
test_r2_lock_inside_a_cleanup(void **state)
{
	(void)state;
	worker_join(worker_start(unwind, &shared));
	worker_join(worker_start(unwind_guarded, &shared));
	workers_assert();
	assert_int_equal(fsy_poison_mutex_lock(&shared), 0);
	fsy_poison_mutex_unlock(&shared);
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

/* Its destructors come in rounds, and any of them may unlock what it holds. */
static pthread_key_t late_key;
static __thread int rounds_left;
static __thread fsy_poison_mutex_t *to_unlock;

static void
unlock_late(void *value)
{
	if (--rounds_left > 0)
		pthread_setspecific(late_key, value);
	else
		fsy_poison_mutex_unlock(to_unlock);
}

static void *
unlock_in_a_destructor(void *arg)
{
	rounds_left = *(int *)arg;
	to_unlock = &shared;
	pthread_setspecific(late_key, arg);
	take(&shared);
	return NULL;
}

static void
test_destructors_may_unlock(void **state)
{
	(void)state;
	assert_int_equal(pthread_key_create(&late_key, unlock_late), 0);
	for (int round = 1; round <= PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
		worker_join(worker_start(unlock_in_a_destructor, &round));
		workers_assert();
		assert_int_equal(fsy_poison_mutex_trylock(&shared), 0);
		fsy_poison_mutex_unlock(&shared);
	}
	pthread_key_delete(late_key);
}

/* The same with somebody asleep: until the last round it waits, and gets the lock unpoisoned. In the last the library's own
 * destructor may come first, so that both answers are right there; but the waiter is served, and nothing breaks. */
static fsy_atomic_u32 answer;

static void *
wait_for_it(void *arg)
{
	fsy_atomic_u32_store(&answer, (uint32_t)fsy_poison_mutex_lock(arg));
	fsy_poison_mutex_clear_poison(arg);
	fsy_poison_mutex_unlock(arg);
	return NULL;
}

static struct gate parked = GATE("somebody is parked");

static void *
unlock_in_a_destructor_later(void *arg)
{
	unlock_in_a_destructor(arg);
	gate_meet(&holds, 2);
	gate_meet(&parked, 2);
	return NULL;
}

static void
test_destructors_unlock_for_a_sleeper(void **state)
{
	pthread_t dying, waiting;

	(void)state;
	assert_int_equal(pthread_key_create(&late_key, unlock_late), 0);
	for (int round = 1; round <= PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
		dying = worker_start(unlock_in_a_destructor_later, &round);
		gate_meet(&holds, 2);
		waiting = worker_start(wait_for_it, &shared);
		wait_until_parked(&shared, 1);
		gate_meet(&parked, 2);
		worker_join(dying);
		worker_join(waiting);
		workers_assert();
		if (round < PTHREAD_DESTRUCTOR_ITERATIONS || fsy_atomic_u32_load(&answer) != FSY_EPOISONED)
			assert_int_equal(fsy_atomic_u32_load(&answer), 0);
		assert_int_equal(fsy_poison_mutex_trylock(&shared), 0);
		fsy_poison_mutex_unlock(&shared);
	}
	pthread_key_delete(late_key);
}

/* 1,000 asleep behind an owner that dies: the next is woken, and nobody else. */
enum { CROWD = 1000, FEWER = 250 };
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
	wait_until_parked(&shared, count);
	assert_int_equal(fsy_stats_watch(&shared), 0);
	assert_int_equal(fsy_stats_get(&shared, &before), 0);
	gate_meet(&parked, 2);
	worker_join(dying);
	gate_meet(&holds, 2);                            /* the next one has it */
	assert_int_equal(fsy_stats_get(&shared, &after), 0);
	fsy_stats_unwatch(&shared);
	assert_int_equal(fsy_atomic_u32_load(&served), 1);
	assert_int_equal(parked_on(&shared), count - 1);
	assert_int_equal(after.wakes - before.wakes, 1);
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
		cmocka_unit_test_setup(test_r1_thread_dies_holding, fresh),
		cmocka_unit_test_setup(test_r1_every_way_inherits, fresh),
		cmocka_unit_test_setup(test_r2_lock_inside_a_cleanup, fresh),
		cmocka_unit_test_setup(test_dies_with_any_number, fresh),
		cmocka_unit_test_setup(test_destructors_may_unlock, fresh),
		cmocka_unit_test_setup(test_destructors_unlock_for_a_sleeper, fresh),
		cmocka_unit_test_setup(test_r1_death_wakes_exactly_the_next, fresh),
		cmocka_unit_test_setup(test_many_die, fresh),
	};

	watchdog("poison mutex at the ends", 200);
	return cmocka_run_group_tests_name("poison mutex at the ends", tests, NULL, NULL);
}
