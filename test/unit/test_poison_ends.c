/* SPDX-License-Identifier: MIT */
/*
 * R1, R2: threads that end while they hold a poison mutex, in every way a thread can end; what their last destructors may still
 * do; and those whose end nobody notices. This file is compiled without -fexceptions, so that no cleanup of a scope
 * runs: it is the end of the thread that poisons. test/language has the other case.
 */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
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

/* ThreadSanitizer has taken its own leave of a thread before the last round is over. */
enum { ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - THREAD_SANITIZED };

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
	for (int round = 1; round <= ROUNDS; round++) {
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
	for (int round = 1; round <= ROUNDS; round++) {
		dying = worker_start(unlock_in_a_destructor_later, &round);
		gate_meet(&holds, 2);
		waiting = worker_start(wait_for_it, &shared);
		wait_until_parked(&shared, 1);
		gate_meet(&parked, 2);
		worker_join(dying);
		worker_join(waiting);
		workers_assert();
		if (round < ROUNDS || fsy_atomic_u32_load(&answer) != FSY_EPOISONED)
			assert_int_equal(fsy_atomic_u32_load(&answer), 0);
		assert_int_equal(fsy_poison_mutex_trylock(&shared), 0);
		fsy_poison_mutex_unlock(&shared);
	}
	pthread_key_delete(late_key);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r1_thread_dies_holding, fresh),
		cmocka_unit_test_setup(test_r1_every_way_inherits, fresh),
		cmocka_unit_test_setup(test_r2_lock_inside_a_cleanup, fresh),
		cmocka_unit_test_setup(test_destructors_may_unlock, fresh),
		cmocka_unit_test_setup(test_destructors_unlock_for_a_sleeper, fresh),
	};

	watchdog("poison mutex at the ends", 200);
	return cmocka_run_group_tests_name("poison mutex at the ends", tests, NULL, NULL);
}
