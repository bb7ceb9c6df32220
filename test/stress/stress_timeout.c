/* SPDX-License-Identifier: MIT */
/*
 * Deadlines that pass in the very moment of a wake-up or a hand-over: nobody gets the lock twice or not at all, no wake-up
 * is lost with a thread that left, and at rest nothing remains of those who came in vain.
 */
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TIMED = 6, MOST = 8, AT_LEAST = 50 };

static fsy_mutex_t mutex;
static uint64_t sum;
static fsy_atomic_u32 stop;
static struct gate together = GATE("stress_timeout");

static struct worker {
	pthread_t thread;
	uint64_t random, locked, timed_out;
	int64_t span;                                    /* longest deadline */
} workers[MOST];

static void
leave(uint64_t random)
{
	if (random % 3 == 0)
		fsy_mutex_unlock_fair(&mutex);
	else
		fsy_mutex_unlock(&mutex);
}

static void *
try_for_a_moment(void *arg)
{
	struct worker *self = arg;

	gate_meet(&together, MOST);
	for (int i = 0; i < AT_LEAST || !fsy_atomic_u32_load_rlx(&stop); i++) {
		uint64_t random = test_random(&self->random);
		fsy_deadline_t until = fsy_after_ns((int64_t)(random % (uint64_t)self->span));
		int result = fsy_mutex_lock_until(&mutex, until);

		if (result == 0) {
			sum++;
			self->locked++;
			leave(random >> 32);
		} else {
			W_CHECK(result == FSY_ETIMEDOUT && fsy_now() >= until);
			self->timed_out++;
		}
	}
	return NULL;
}

/* Holds the lock about as long as the others' deadlines, so that unlocks and deadlines meet. */
static void *
hold_it_for_a_moment(void *arg)
{
	struct worker *self = arg;

	gate_meet(&together, MOST);
	for (int i = 0; i < AT_LEAST || !fsy_atomic_u32_load_rlx(&stop); i++) {
		uint64_t random = test_random(&self->random);
		int64_t until;

		fsy_mutex_lock(&mutex);
		until = fsy_now() + (int64_t)(random % (uint64_t)self->span);
		while (fsy_now() < until)
			;
		sum++;
		self->locked++;
		leave(random >> 32);
		if (random % 4 == 0)
			sched_yield();
	}
	return NULL;
}

static uint64_t total_locked, total_timed_out;

static void
race(int64_t span, uint64_t *seed)
{
	uint64_t locked = 0, timed_out = 0;
	fsy_deadline_t end;

	memset(workers, 0, sizeof(workers));
	memset(&mutex, 0, sizeof(mutex));
	sum = 0;
	fsy_atomic_u32_store(&stop, 0);
	end = stress_until(2500, 5);
	for (int i = 0; i < MOST; i++) {
		workers[i].random = test_random(seed);
		workers[i].span = span;
		workers[i].thread = worker_start(i < TIMED ? try_for_a_moment : hold_it_for_a_moment, &workers[i]);
	}
	while (fsy_now() < end)
		sched_yield();
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < MOST; i++) {
		worker_join(workers[i].thread);
		locked += workers[i].locked;
		timed_out += workers[i].timed_out;
	}
	workers_assert();
	assert_int_equal(sum, locked);
	assert_at_rest(&mutex);
	total_locked += locked;
	total_timed_out += timed_out;
}

static void
test_deadlines_race_unlocks(void **state)
{
	static const int64_t spans[] = { 500, 5000, 30000, 100000, 400000 };
	uint64_t seed = test_seed();

	(void)state;
	for (int i = 0; i < 5; i++)
		race(spans[i], &seed);
	assert_true(total_locked > 0 && total_timed_out > 0);
}

/* One waiter whose deadline is when the lock is handed to it: it has the lock or it has not, and both sides agree. */
static struct gate round_begins = GATE("round begins"), round_ends = GATE("round ends");
static fsy_deadline_t deadline;
static int outcome;

static void *
wait_until_then(void *arg)
{
	(void)arg;
	for (;;) {
		gate_meet(&round_begins, 2);
		if (fsy_atomic_u32_load(&stop))
			return NULL;
		outcome = fsy_mutex_lock_until(&mutex, deadline);
		if (outcome == 0)
			fsy_mutex_unlock(&mutex);
		gate_meet(&round_ends, 2);
	}
}

static void
test_hand_over_at_the_deadline(void **state)
{
	uint64_t seed = test_seed();
	fsy_deadline_t end = stress_until(1500, 1), limit = fsy_after_ms(TEST_PATIENCE_MS / 2);
	int64_t offset = 0;
	pthread_t thread;
	int got = 0, missed = 0;

	(void)state;
	fsy_atomic_u32_store(&stop, 0);
	memset(&mutex, 0, sizeof(mutex));
	thread = worker_start(wait_until_then, NULL);
	while (fsy_now() < end || ((got == 0 || missed == 0) && fsy_now() < limit)) {
		fsy_mutex_lock(&mutex);
		deadline = fsy_after_ns(60000 + (int64_t)(test_random(&seed) % 60000));
		gate_meet(&round_begins, 2);
		while (fsy_now() < deadline + offset)
			;
		if (test_random(&seed) % 4 == 0)
			fsy_mutex_unlock(&mutex);
		else
			fsy_mutex_unlock_fair(&mutex);
		gate_meet(&round_ends, 2);
		assert_at_rest(&mutex);
		/* Steer for the moment at which one outcome turns into the other. */
		got += outcome == 0;
		missed += outcome != 0;
		offset += outcome == 0 ? 1000 : -1000;
	}
	fsy_atomic_u32_store(&stop, 1);
	gate_meet(&round_begins, 2);
	worker_join(thread);
	assert_true(got > 0 && missed > 0);
	assert_at_rest(&mutex);
}

/* All leave at once, with nobody to unlock for them: the queue empties by itself. */
static void *
leave_in_vain(void *arg)
{
	struct worker *self = arg;

	for (int i = 0; i < 50; i++) {
		gate_meet(&together, MOST);
		W_CHECK(fsy_mutex_lock_until(&mutex, self->span + (int64_t)(test_random(&self->random) % 200000)) == FSY_ETIMEDOUT);
		gate_meet(&together, MOST);
		if (self == workers) {
			int64_t next = fsy_after_ns(200000);

			for (int k = 0; k < MOST; k++)
				workers[k].span = next;
			W_CHECK(parked_on(&mutex) == 0);
			W_CHECK(fsy_atomic_u32_load(&mutex.word_) == FSY_LW_LOCKED_);
			W_CHECK(fsyi_lot_is_idle(&fsyi_lot));
		}
	}
	return NULL;
}

static void
test_all_leave(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	memset(&mutex, 0, sizeof(mutex));
	memset(workers, 0, sizeof(workers));
	fsy_mutex_lock(&mutex);
	for (int i = 0; i < MOST; i++) {
		workers[i].random = test_random(&seed);
		workers[i].span = fsy_after_ns(300000);
	}
	for (int i = 0; i < MOST; i++)
		workers[i].thread = worker_start(leave_in_vain, &workers[i]);
	for (int i = 0; i < MOST; i++)
		worker_join(workers[i].thread);
	fsy_mutex_unlock(&mutex);
	workers_assert();
	assert_at_rest(&mutex);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadlines_race_unlocks),
		cmocka_unit_test(test_hand_over_at_the_deadline),
		cmocka_unit_test(test_all_leave),
	};

	watchdog("deadlines under stress", 200);
	return cmocka_run_group_tests_name("deadlines under stress", tests, NULL, NULL);
}
