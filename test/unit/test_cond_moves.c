/* SPDX-License-Identifier: MIT */
/* Where a condition variable's waiters go when they are told: which mutex, and how many of them run. */
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/cond.h>
#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CROWD = 12 };
static fsy_mutex_t first, second;
static fsy_cond_t cond;
static struct gate inside = GATE("inside"), leave = GATE("leave");
static int returned;                             /* guarded by first */

static void
assert_all_at_rest(void)
{
	workers_assert();
	assert_int_equal(fsy_atomic_u32_load(&cond.word_), 0);
	assert_at_rest(&first);
	assert_at_rest(&second);
}

static void *
wait_with_first_then_second(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&first);
	fsy_cond_wait(&cond, &first);
	fsy_mutex_unlock(&first);
	fsy_mutex_lock(&second);
	fsy_cond_wait(&cond, &second);
	fsy_mutex_unlock(&second);
	return NULL;
}

/* What its last wait was for is forgotten: a signal looks at the mutex of this one, though that of the last one is held. */
static void
each_wait_names_its_own_mutex(void **state)
{
	pthread_t thread = worker_start(wait_with_first_then_second, NULL);

	(void)state;
	wait_until_parked(&cond, 1);
	fsy_mutex_lock(&first);
	fsy_cond_signal(&cond);
	fsy_mutex_unlock(&first);
	wait_until_parked(&cond, 1);
	fsy_mutex_lock(&first);
	fsy_mutex_lock(&second);
	fsy_cond_signal(&cond);
	assert_int_equal(parked_on(&first), 0);
	fsy_mutex_unlock(&second);
	worker_join(thread);
	fsy_mutex_unlock(&first);
	assert_all_at_rest();
}

static void *
wait_once(void *c)
{
	fsy_mutex_lock(&first);
	fsy_cond_wait((fsy_cond_t *)c, &first);
	fsy_mutex_unlock(&first);
	return NULL;
}

/* One that waits alone is woken from its own bucket if its mutex looks free: that of the mutex, which is taken here, it does not need. */
static void
lone_signal_visits_one_bucket(void **state)
{
	static fsy_cond_t many[64];
	fsy_cond_t *c = many;
	pthread_t thread;

	(void)state;
	while (fsyi_lot_bucket(&fsyi_lot, &c->word_) == fsyi_lot_bucket(&fsyi_lot, &first.word_))
		c++;
	thread = worker_start(wait_once, c);
	wait_until_parked(c, 1);
	fsy_mutex_lock(&first);                  /* it has unlocked it when this returns */
	fsy_mutex_unlock(&first);
	watchdog("a signal that waits for the mutex's bucket", 60);
	fsyi_bucket_lock(fsyi_lot_bucket(&fsyi_lot, &first.word_));
	fsy_cond_signal(c);
	fsyi_bucket_unlock(fsyi_lot_bucket(&fsyi_lot, &first.word_));
	watchdog("cond-moves", 200);
	worker_join(thread);
	assert_int_equal(fsy_atomic_u32_load(&c->word_), 0);
	assert_all_at_rest();
}

/* The first one back keeps the mutex until it is told to leave. */
static void *
wait_and_keep(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&first);
	fsy_cond_wait(&cond, &first);
	if (returned++ == 0) {
		gate_open(&inside);
		gate_pass(&leave);
	}
	fsy_mutex_unlock(&first);
	return NULL;
}

/* By one who does not hold the mutex: the eldest runs, and the others wait for it in their sleep. */
static void
broadcast_to_a_free_mutex_wakes_one(void **state)
{
	pthread_t threads[CROWD];
	fsy_stats_t before, told;

	(void)state;
	for (int i = 0; i < CROWD; i++) {
		threads[i] = worker_start(wait_and_keep, NULL);
		wait_until_parked(&cond, (unsigned)i + 1);
	}
	fsy_mutex_lock(&first);                  /* whoever is queued has unlocked it when this returns */
	fsy_mutex_unlock(&first);
	fsy_stats_get(NULL, &before);
	fsy_cond_broadcast(&cond);
	gate_pass(&inside);
	fsy_stats_get(NULL, &told);
	assert_true(told.wakes - before.wakes <= 1);
	assert_int_equal(parked_on(&first), CROWD - 1);
	gate_open(&leave);
	for (int i = 0; i < CROWD; i++)
		worker_join(threads[i]);
	assert_int_equal(returned, CROWD);
	assert_all_at_rest();
}

/* Those who answer a broadcast and wait for the next one leave their CPUs to each other; nobody is left behind. */
static void *
answer(void *arg)
{
	int rounds = *(int *)arg;

	fsy_mutex_lock(&second);
	for (int round = 1; round <= rounds; round++) {
		while (returned < round)
			fsy_cond_wait(&cond, &second);
		fsy_mutex_unlock(&second);
		fsy_mutex_lock(&second);
	}
	fsy_mutex_unlock(&second);
	return NULL;
}

static void
rounds_of_broadcasts(void **state)
{
	static int rounds = 300;
	pthread_t threads[CROWD];

	(void)state;
	returned = 0;
	for (int i = 0; i < CROWD; i++)
		threads[i] = worker_start(answer, &rounds);
	for (int round = 1; round <= rounds; round++) {
		fsy_mutex_lock(&second);
		returned = round;
		fsy_cond_broadcast(&cond);
		fsy_mutex_unlock(&second);
	}
	for (int i = 0; i < CROWD; i++)
		worker_join(threads[i]);
	assert_all_at_rest();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wait_names_its_own_mutex),
		cmocka_unit_test(lone_signal_visits_one_bucket),
		cmocka_unit_test(broadcast_to_a_free_mutex_wakes_one),
		cmocka_unit_test(rounds_of_broadcasts),
	};

	watchdog("cond-moves", 200);
	return cmocka_run_group_tests_name("cond-moves", tests, NULL, NULL);
}
