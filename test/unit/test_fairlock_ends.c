/* SPDX-License-Identifier: MIT */
/* Whoever does not finish: threads that end with a fair rwlock, destructors that still unlock, scopes that are left. */
#include "test/support/child.h"
#include "test/support/fairlocks.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static fsy_fair_rwlock_t shared;

static int
begin(void **state)
{
	(void)state;
	fair_begin(&shared, READERS_PLAINLY);
	return 0;
}

static void *
rlock_and_end(void *arg)
{
	W_CHECK(fsy_fair_rwlock_rlock(&shared) == 0);
	return arg;
}

static void *
lock_and_return(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	return arg;
}

static void *
lock_and_exit(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	pthread_exit(arg);
}

/* Compiled without -fexceptions no cleanup runs: it is the thread's end that poisons. */
static void *
guard_and_exit(void *arg)
{
	FSY_FAIR_WRITE_GUARD(guard, &shared);

	W_CHECK(guard.error == 0);
	pthread_exit(arg);
}

static void *
lock_and_be_cancelled(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	pthread_cancel(pthread_self());
	pthread_testcancel();
	return arg;
}

static void
test_r3_reader_dies(void **state)
{
	(void)state;
	for (enum readers_mode mode = READERS_COUNTED; mode < READERS_MODES; mode++) {
		fair_begin(&shared, mode);
		worker_join(worker_start(rlock_and_end, &shared));
		assert_false(fsy_fair_rwlock_is_poisoned(&shared));
		assert_int_equal(fair_from_elsewhere(&shared, false), 0);
		assert_int_equal(fair_from_elsewhere(&shared, true), FSY_EBUSY); /* its hold is still there, for anybody to give back */
		fsy_fair_rwlock_runlock(&shared);
		assert_int_equal(fair_from_elsewhere(&shared, true), 0);
		assert_fair_at_rest(&shared);
	}
	workers_assert();
}

static void
test_r3_writer_dies(void **state)
{
	static void *(*const ways[])(void *) = { lock_and_return, lock_and_exit, guard_and_exit, lock_and_be_cancelled };

	(void)state;
	for (int i = 0; i < 4; i++) {
		worker_join(worker_start(ways[i], NULL));
		assert_true(fsy_fair_rwlock_is_poisoned(&shared));
		assert_int_equal(fsy_fair_rwlock_rlock(&shared), FSY_EPOISONED);
		fsy_fair_rwlock_runlock(&shared);
		assert_int_equal(fsy_fair_rwlock_lock_until(&shared, fsy_after_ms(TEST_PATIENCE_MS)), FSY_EPOISONED);
		fsy_fair_rwlock_clear_poison(&shared);
		fsy_fair_rwlock_unlock(&shared);
		assert_fair_at_rest(&shared);
	}
	workers_assert();
}

/* Many sleep behind a writer that dies, with strict turns: the readers among them all get in at once, each knows, and one writer after the
 * other comes after. */
enum { SLEEPERS = 40 };
static fsy_atomic_u32 told, inside;
static struct gate readers_inside = GATE("all sleeping readers are inside");

static void *
be_told_as_reader(void *arg)
{
	W_CHECK(fsy_fair_rwlock_rlock(&shared) == FSY_EPOISONED);
	gate_meet(&readers_inside, SLEEPERS);
	fsy_atomic_u32_add(&told, 1);
	fsy_fair_rwlock_runlock(&shared);
	return arg;
}

static void *
be_told_as_writer(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock(&shared) == FSY_EPOISONED);
	W_CHECK(fsy_atomic_u32_add(&inside, 1) == 0);
	W_CHECK(fsy_atomic_u32_load(&told) >= SLEEPERS);
	fsy_atomic_u32_add(&told, 1);
	fsy_atomic_u32_add(&inside, 0u - 1u);
	fsy_fair_rwlock_unlock(&shared);
	return arg;
}

static struct gate locked = GATE("the writer has the lock"), die = GATE("the writer may die");

static void *
lock_and_die_later(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	gate_meet(&locked, 2);
	gate_pass(&die);
	return arg;
}

static void
test_r3_writer_dies_with_a_crowd_behind_it(void **state)
{
	int64_t tenure = fair_set_tenure(0);
	pthread_t writer = worker_start(lock_and_die_later, NULL), threads[2 * SLEEPERS];

	(void)state;
	gate_meet(&locked, 2);
	for (int i = 0; i < SLEEPERS; i++) {
		threads[i] = worker_start(be_told_as_reader, NULL);
		threads[SLEEPERS + i] = worker_start(be_told_as_writer, NULL);
	}
	wait_until_parked(&shared, 2 * SLEEPERS);
	gate_open(&die);
	worker_join(writer);
	for (int i = 0; i < 2 * SLEEPERS; i++)
		worker_join(threads[i]);
	workers_assert();
	fair_set_tenure(tenure);
	assert_int_equal(fsy_atomic_u32_load(&told), 2 * SLEEPERS);
	fsy_fair_rwlock_clear_poison(&shared);
	assert_fair_at_rest(&shared);
}

/* A destructor of the program's that unlocks, in whichever round it runs: that is no end with the lock. */
static pthread_key_t key;
static int rounds, last_round;

static void
unlock_in_destructor(void *arg)
{
	if (++rounds < last_round) {
		W_CHECK(pthread_setspecific(key, arg) == 0);
		return;
	}
	fsy_fair_rwlock_unlock(arg);
}

static void *
lock_for_destructor(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	W_CHECK(pthread_setspecific(key, &shared) == 0);
	return arg;
}

static void
test_destructors_may_still_unlock(void **state)
{
	const int rounds_there_are = PTHREAD_DESTRUCTOR_ITERATIONS - THREAD_SANITIZED;   /* which forgets a thread before the last */

	(void)state;
	for (last_round = 1; last_round <= rounds_there_are; last_round++) {
		bool late = last_round == rounds_there_are;      /* whose turn comes first there is the system's choice */

		begin(state);
		rounds = 0;
		assert_int_equal(pthread_key_create(&key, unlock_in_destructor), 0);
		worker_join(worker_start(lock_for_destructor, NULL));
		pthread_key_delete(key);
		workers_assert();
		assert_int_equal(rounds, last_round);
		if (late)
			fsy_fair_rwlock_clear_poison(&shared);
		assert_fair_at_rest(&shared);
	}
}

/* As many as are looked after, given back in an odd order, or left behind. */
enum { ROOM = 16 };
static fsy_fair_rwlock_t many[ROOM + 1];

static void *
lock_many(void *arg)
{
	const unsigned int *left = arg;

	for (int i = 0; i <= ROOM; i++)
		W_CHECK(fsy_fair_rwlock_lock(&many[i]) == 0);
	fsy_fair_rwlock_unlock(&many[ROOM]);             /* which has no place among them */
	for (int i = 0; i < ROOM; i++)
		if (!(*left >> i & 1))
			fsy_fair_rwlock_unlock(&many[i]);
	return NULL;
}

static void
test_no_more_and_no_fewer(void **state)
{
	static const unsigned int lefts[] = { 0, 1, 0x8000, 0xa5a5, 0xffff };

	(void)state;
	for (int k = 0; k < 5; k++) {
		unsigned int left = lefts[k];

		worker_join(worker_start(lock_many, &left));
		for (int i = 0; i <= ROOM; i++) {
			assert_int_equal(fsy_fair_rwlock_is_poisoned(&many[i]), left >> i & 1);
			fsy_fair_rwlock_clear_poison(&many[i]);
			assert_fair_at_rest(&many[i]);
		}
	}
	workers_assert();
}

static int
leave(int when)
{
	FSY_FAIR_WRITE_GUARD(guard, &shared);

	assert_int_equal(guard.error, 0);
	assert_int_equal(fair_from_elsewhere(&shared, false), FSY_EBUSY);
	if (when == 0)
		return 10;
	fsy_fair_write_guard_commit(&guard);
	return 20;
}

static void
test_commit_or_poison(void **state)
{
	(void)state;
	assert_int_equal(leave(1), 20);
	assert_int_equal(fair_from_elsewhere(&shared, true), 0);
	assert_int_equal(leave(0), 10);
	assert_int_equal(fair_from_elsewhere(&shared, true), FSY_EPOISONED);
	{
		FSY_FAIR_WRITE_GUARD(guard, &shared);

		assert_int_equal(guard.error, FSY_EPOISONED);
		fsy_fair_write_guard_commit(&guard);
	}
	assert_int_equal(fair_from_elsewhere(&shared, false), FSY_EPOISONED);    /* committing is not clearing */
	fsy_fair_rwlock_clear_poison(&shared);
	assert_fair_at_rest(&shared);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r3_reader_dies, begin),
		cmocka_unit_test_setup(test_r3_writer_dies, begin),
		cmocka_unit_test_setup(test_r3_writer_dies_with_a_crowd_behind_it, begin),
		cmocka_unit_test_setup(test_destructors_may_still_unlock, begin),
		cmocka_unit_test_setup(test_no_more_and_no_fewer, begin),
		cmocka_unit_test_setup(test_commit_or_poison, begin),
	};

	watchdog("ends at a fair rwlock", 200);
	return cmocka_run_group_tests_name("ends at a fair rwlock", tests, NULL, NULL);
}
