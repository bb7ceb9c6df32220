/* SPDX-License-Identifier: MIT */
/* The condition variable's contract, one promise at a time. */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/cond.h>
#include <fastsync/stats.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CROWD = 12 };
static fsy_mutex_t mutex;
static fsy_cond_t cond;
static int returned, order[CROWD];               /* guarded by mutex */
static pthread_t threads[CROWD];
static int numbers[CROWD];

static int
afresh(void **state)
{
	(void)state;
	memset(&mutex, 0, sizeof(mutex));
	memset(&cond, 0, sizeof(cond));
	returned = 0;
	return 0;
}

static void
assert_all_at_rest(void)
{
	workers_assert();
	assert_int_equal(fsy_atomic_u32_load(&cond.word_), 0);
	assert_at_rest(&mutex);
}

static void *
wait_once(void *arg)
{
	fsy_mutex_lock(&mutex);
	fsy_cond_wait(&cond, &mutex);
	order[returned++] = *(int *)arg;
	fsy_mutex_unlock(&mutex);
	return NULL;
}

/* They wait one after the other, so that who is the eldest is known. */
static void
crowd_waits(int count)
{
	for (int i = 0; i < count; i++) {
		numbers[i] = i;
		threads[i] = worker_start(wait_once, &numbers[i]);
		wait_until_parked(&cond, (unsigned)i + 1);
	}
	fsy_mutex_lock(&mutex);                  /* whoever is queued has unlocked it when this returns */
	fsy_mutex_unlock(&mutex);
}

static int
count_returned(void)
{
	int count;

	fsy_mutex_lock(&mutex);
	count = returned;
	fsy_mutex_unlock(&mutex);
	return count;
}

static void
test_zero_is_nobody(void **state)
{
	fsy_cond_t initialised = FSY_COND_INIT;

	(void)state;
	fsy_cond_signal(&initialised);
	fsy_cond_broadcast(&cond);
	fsy_cond_signal_slow_(&cond);
	fsy_cond_broadcast_slow_(&cond);
	fsy_cond_destroy(&initialised);
	fsy_cond_destroy(&cond);
	assert_all_at_rest();
}

/* A signal that finds nobody is over; the wait that comes after it has to wait. */
static void
test_signal_is_not_kept(void **state)
{
	fsy_deadline_t deadline = fsy_after_ms(3);

	(void)state;
	fsy_mutex_lock(&mutex);
	fsy_cond_signal(&cond);
	fsy_cond_broadcast(&cond);
	errno = 77;
	assert_int_equal(fsy_cond_wait_until(&cond, &mutex, deadline), FSY_ETIMEDOUT);
	assert_int_equal(errno, 77);
	assert_true(fsy_now() >= deadline);
	assert_false(fsy_mutex_trylock(&mutex));         /* it is ours again */
	fsy_mutex_unlock(&mutex);
	assert_all_at_rest();
}

static void
g13_one_by_one(void **state)
{
	bool holding = *state != NULL;

	crowd_waits(CROWD);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(count_returned(), i);
		assert_int_equal(parked_on(&cond), CROWD - i);
		if (holding)
			fsy_mutex_lock(&mutex);
		fsy_cond_signal(&cond);
		assert_int_equal(parked_on(&cond), CROWD - i - 1);
		if (holding)
			fsy_mutex_unlock(&mutex);
		worker_join(threads[i]);                 /* the eldest, or this hangs */
		assert_int_equal(order[i], i);
	}
	assert_int_equal(count_returned(), CROWD);
	assert_all_at_rest();
}

/* Some signals in a row, with the mutex held: as many wake, and they are the eldest; the rest sleep on. */
static void
g13_n_signals_wake_n(void **state)
{
	enum { SOME = 5 };
	unsigned int who = 0;

	(void)state;
	crowd_waits(CROWD);
	fsy_mutex_lock(&mutex);
	for (int i = 0; i < SOME; i++)
		fsy_cond_signal(&cond);
	fsy_mutex_unlock(&mutex);
	for (int i = 0; i < SOME; i++)
		worker_join(threads[i]);
	assert_int_equal(count_returned(), SOME);
	assert_int_equal(parked_on(&cond), CROWD - SOME);
	for (int i = 0; i < SOME; i++)
		who |= 1u << order[i];
	assert_int_equal(who, (1 << SOME) - 1);
	fsy_cond_broadcast(&cond);
	for (int i = SOME; i < CROWD; i++)
		worker_join(threads[i]);
	assert_int_equal(count_returned(), CROWD);
	assert_all_at_rest();
}

/* The shape of glibc's BZ 25847: somebody waits after the signal, while the one it was for has not run yet. */
static void
bz25847(void **state)
{
	(void)state;
	crowd_waits(1);
	fsy_mutex_lock(&mutex);
	fsy_cond_signal(&cond);
	assert_int_equal(fsy_cond_wait_until(&cond, &mutex, fsy_after_ms(20)), FSY_ETIMEDOUT);
	fsy_mutex_unlock(&mutex);
	worker_join(threads[0]);
	assert_all_at_rest();
}

/* No herd: those who are told stand in the mutex's queue, and one unlock wakes one of them. */
static void
broadcast_wakes_one_per_unlock(void **state)
{
	fsy_stats_t before, told, after;

	(void)state;
	crowd_waits(CROWD);
	fsy_mutex_lock(&mutex);
	fsy_stats_get(NULL, &before);
	fsy_cond_broadcast(&cond);
	fsy_stats_get(NULL, &told);
	assert_true(told.wakes - before.wakes <= 1);
	assert_int_equal(parked_on(&cond), 0);
	assert_true(parked_on(&mutex) >= CROWD - 1);
	assert_int_equal(returned, 0);
	fsy_mutex_unlock(&mutex);
	for (int i = 0; i < CROWD; i++)
		worker_join(threads[i]);
	fsy_stats_get(NULL, &after);
	assert_true(after.wakes - before.wakes <= CROWD + 2);   /* one by the broadcast, our unlock, and each of theirs */
	assert_int_equal(count_returned(), CROWD);
	assert_all_at_rest();
}

/* Who waits when the broadcast is over waits for the next one. */
static void
broadcast_is_for_those_who_wait(void **state)
{
	(void)state;
	crowd_waits(3);
	fsy_mutex_lock(&mutex);
	fsy_cond_broadcast(&cond);
	assert_int_equal(fsy_cond_wait_until(&cond, &mutex, fsy_after_ms(5)), FSY_ETIMEDOUT);
	fsy_mutex_unlock(&mutex);
	for (int i = 0; i < 3; i++)
		worker_join(threads[i]);
	assert_all_at_rest();
}

/* A waiter that left by its deadline is passed over. */
static void
test_timed_out_gets_no_signal(void **state)
{
	(void)state;
	fsy_mutex_lock(&mutex);
	assert_int_equal(fsy_cond_wait_until(&cond, &mutex, 0), FSY_ETIMEDOUT);
	assert_int_equal(fsy_cond_wait_until(&cond, &mutex, fsy_after_ns(10000)), FSY_ETIMEDOUT);
	assert_int_equal(fsy_atomic_u32_load(&cond.word_), 0);
	fsy_mutex_unlock(&mutex);
	crowd_waits(1);
	fsy_cond_signal(&cond);
	worker_join(threads[0]);
	assert_all_at_rest();
}

/* Told in time, however long the mutex takes: the deadline has no say any more. */
struct timed {
	fsy_atomic_u32 over;
	int result;
};

static void *
wait_with_deadline(void *arg)
{
	struct timed *timed = arg;

	fsy_mutex_lock(&mutex);
	timed->result = fsy_cond_wait_until(&cond, &mutex, fsy_after_ms(200));
	fsy_mutex_unlock(&mutex);
	fsy_atomic_u32_store(&timed->over, 1);
	return NULL;
}

static void
i7_told_before_the_deadline(void **state)
{
	struct timed timed = { { 0 }, FSY_ETIMEDOUT };

	(void)state;
	for (int tries = 0; timed.result != 0 && tries < 50; tries++) {  /* a busy machine may let the deadline pass before we signal */
		pthread_t thread;

		fsy_atomic_u32_store(&timed.over, 0);
		thread = worker_start(wait_with_deadline, &timed);
		while (parked_on(&cond) == 0 && !fsy_atomic_u32_load(&timed.over))
			sched_yield();
		fsy_mutex_lock(&mutex);
		if (parked_on(&cond) == 1) {
			fsy_deadline_t late = fsy_after_ms(250);

			fsy_cond_signal(&cond);
			while (fsy_now() < late)
				sched_yield();
		}
		fsy_mutex_unlock(&mutex);
		worker_join(thread);
	}
	assert_int_equal(timed.result, 0);
	assert_all_at_rest();
}

int
main(void)
{
	static int holding = 1;
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_zero_is_nobody, afresh),
		cmocka_unit_test_setup(test_signal_is_not_kept, afresh),
		cmocka_unit_test_setup(g13_one_by_one, afresh),
		{ "g13_one_by_one (mutex held)", g13_one_by_one, afresh, NULL, &holding },
		cmocka_unit_test_setup(g13_n_signals_wake_n, afresh),
		cmocka_unit_test_setup(bz25847, afresh),
		cmocka_unit_test_setup(broadcast_wakes_one_per_unlock, afresh),
		cmocka_unit_test_setup(broadcast_is_for_those_who_wait, afresh),
		cmocka_unit_test_setup(test_timed_out_gets_no_signal, afresh),
		cmocka_unit_test_setup(i7_told_before_the_deadline, afresh),
	};

	watchdog("cond", 200);
	return cmocka_run_group_tests_name("cond", tests, NULL, NULL);
}
