/* SPDX-License-Identifier: MIT */
/* Waiting for a condition under a poison mutex: what the wait says of the lock, and of those who told and died. */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/cond.h>
#include <fastsync/poison.h>
#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The exported functions by their symbols: in this program the names themselves are the inline functions. */
extern int twin_while(fsy_cond_t *, fsy_poison_mutex_t *, bool (*)(void *), void *) __asm__("fsy_cond_wait_poison_while");
extern int twin_while_until(fsy_cond_t *, fsy_poison_mutex_t *, bool (*)(void *), void *, fsy_deadline_t)
	__asm__("fsy_cond_wait_poison_while_until");

enum { CROWD = 6 };
static fsy_poison_mutex_t mutex;
static fsy_cond_t cond;
static int told, poisoned;                       /* guarded by mutex */
static bool busy;
static fsy_atomic_i32 tids[CROWD];

static int
afresh(void **state)
{
	(void)state;
	memset(&mutex, 0, sizeof(mutex));
	memset(&cond, 0, sizeof(cond));
	told = poisoned = 0;
	busy = true;
	for (int i = 0; i < CROWD; i++)
		fsy_atomic_i32_store(&tids[i], 0);
	return 0;
}

static void
assert_all_at_rest(void)
{
	workers_assert();
	assert_int_equal(fsy_atomic_u32_load(&cond.word_), 0);
	assert_int_equal(fsy_atomic_u32_load(&mutex.word_), 0);
	assert_int_equal(fsy_atomic_u32_load(&mutex.owner_), 0);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

static bool
is_busy(void *arg)
{
	(void)arg;
	return busy;
}

static void *
wait_once(void *arg)
{
	int error;

	fsy_atomic_i32_store((fsy_atomic_i32 *)arg, worker_tid());
	W_CHECK(fsy_poison_mutex_lock(&mutex) == 0);
	error = fsy_cond_wait_poison(&cond, &mutex);
	W_CHECK(error == 0 || error == FSY_EPOISONED);
	W_CHECK(fsy_poison_mutex_trylock(&mutex) == FSY_EBUSY);
	poisoned += error == FSY_EPOISONED;
	told++;
	fsy_poison_mutex_unlock(&mutex);         /* aborts unless the lock is its own again */
	return NULL;
}

static void
crowd_waits(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++) {
		threads[i] = worker_start(wait_once, &tids[i]);
		wait_until_parked(&cond, (unsigned)i + 1);
	}
	for (int i = 0; i < count; i++)
		wait_until_asleep((pid_t)fsy_atomic_i32_load(&tids[i]));
}

static void
test_signals_and_broadcasts(void **state)
{
	pthread_t threads[CROWD];

	(void)state;
	crowd_waits(threads, CROWD);
	assert_int_equal(fsy_poison_mutex_lock(&mutex), 0);
	fsy_cond_signal(&cond);
	assert_int_equal(parked_on(&cond), CROWD - 1);
	fsy_poison_mutex_unlock(&mutex);
	worker_join(threads[0]);
	fsy_cond_broadcast(&cond);
	for (int i = 1; i < CROWD; i++)
		worker_join(threads[i]);
	assert_int_equal(told, CROWD);
	assert_int_equal(poisoned, 0);
	assert_all_at_rest();
}

/* The teller owns the lock, and is known to: nobody need be woken before it unlocks. */
static void
broadcast_by_the_owner_wakes_nobody(void **state)
{
	pthread_t threads[CROWD];
	fsy_stats_t before, after;

	(void)state;
	crowd_waits(threads, CROWD);
	assert_int_equal(fsy_poison_mutex_lock(&mutex), 0);
	fsy_stats_get(NULL, &before);
	fsy_cond_broadcast(&cond);
	fsy_stats_get(NULL, &after);
	assert_true(after.wakes == before.wakes && after.membarriers == before.membarriers);
	assert_int_equal(parked_on(&mutex), CROWD);
	fsy_poison_mutex_unlock(&mutex);
	for (int i = 0; i < CROWD; i++)
		worker_join(threads[i]);
	assert_int_equal(told, CROWD);
	assert_all_at_rest();
}

static void *
tell_and_die(void *arg)
{
	W_CHECK(fsy_poison_mutex_lock(&mutex) == 0);
	if (arg != NULL)
		fsy_cond_broadcast(&cond);
	else
		fsy_cond_signal(&cond);
	return NULL;
}

/* It told them, and died with the lock: the lock goes from one to the next, and each is told of that too. */
static void
r1_teller_dies(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		pthread_t threads[CROWD];
		int count = all ? CROWD : 1;

		afresh(NULL);
		crowd_waits(threads, count);
		worker_join(worker_start(tell_and_die, all ? &told : NULL));
		for (int i = 0; i < count; i++)
			worker_join(threads[i]);
		assert_int_equal(told, count);
		assert_int_equal(poisoned, count);
		assert_true(fsy_poison_mutex_is_poisoned(&mutex));
		fsy_poison_mutex_clear_poison(&mutex);
		assert_all_at_rest();
	}
}

static void
test_deadlines(void **state)
{
	(void)state;
	assert_int_equal(fsy_poison_mutex_lock(&mutex), 0);
	assert_int_equal(fsy_cond_wait_poison_until(&cond, &mutex, 0), FSY_ETIMEDOUT);
	assert_int_equal(fsy_cond_wait_poison_until(&cond, &mutex, fsy_after_ms(2)), FSY_ETIMEDOUT);
	assert_int_equal(twin_while_until(&cond, &mutex, is_busy, NULL, fsy_after_ms(2)), FSY_ETIMEDOUT);
	fsy_poison_mutex_poison(&mutex);         /* of the two the worse */
	assert_int_equal(fsy_cond_wait_poison_until(&cond, &mutex, fsy_after_ms(2)), FSY_EPOISONED);
	fsy_poison_mutex_clear_poison(&mutex);
	fsy_poison_mutex_unlock(&mutex);
	assert_all_at_rest();
}

/* R5: nothing to wait for, so that there is nothing to say, of the time or of the lock. */
static void
r5_false_at_once(void **state)
{
	(void)state;
	busy = false;
	assert_int_equal(fsy_poison_mutex_lock(&mutex), 0);
	assert_int_equal(fsy_cond_wait_poison_while_until(&cond, &mutex, is_busy, NULL, 0), 0);
	assert_int_equal(twin_while(&cond, &mutex, is_busy, NULL), 0);
	fsy_poison_mutex_poison(&mutex);
	assert_int_equal(fsy_cond_wait_poison_while(&cond, &mutex, is_busy, NULL), 0);
	fsy_poison_mutex_clear_poison(&mutex);
	fsy_poison_mutex_unlock(&mutex);
	assert_all_at_rest();
}

static int
wait_without(void *arg)
{
	return fsy_cond_wait_poison(&cond, arg);
}

static void
test_only_the_owner_may_wait(void **state)
{
	struct child child = child_fork(wait_without, &mutex);

	(void)state;
	child_assert_aborted(&child, "fastsync: wait with a poison mutex that the caller does not own");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_signals_and_broadcasts, afresh),
		cmocka_unit_test_setup(broadcast_by_the_owner_wakes_nobody, afresh),
		cmocka_unit_test_setup(r1_teller_dies, afresh),
		cmocka_unit_test_setup(test_deadlines, afresh),
		cmocka_unit_test_setup(r5_false_at_once, afresh),
		cmocka_unit_test_setup(test_only_the_owner_may_wait, afresh),
	};

	watchdog("cond poison", 200);
	return cmocka_run_group_tests_name("cond poison", tests, NULL, NULL);
}
