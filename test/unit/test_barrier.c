/* SPDX-License-Identifier: MIT */
/* The barrier: who leads and when they leave (R6), deadlines, threads that can stand in no queue, forks. */
#include "lib/park/wait.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/barrier.h>
#include <fastsync/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 8 };
static fsy_barrier_t barrier;
static uint32_t parties, generations;
static fsy_atomic_u32 leaders, arrived[2], returned;

static struct party {
	pthread_t thread;
	fsy_deadline_t deadline;
	bool no_record, leader;
	int error;
} party[MOST];

static int
begin(void **state)
{
	(void)state;
	memset(party, 0, sizeof(party));
	fsy_atomic_u32_store(&leaders, 0);
	fsy_atomic_u32_store(&returned, 0);
	return 0;
}

static int
at_rest_again(void **state)
{
	(void)state;
	workers_assert();
	return barrier.unlisted_ == 0 && fsyi_lot_is_idle(&fsyi_lot) ? 0 : 1;
}

/* In every other generation the one counter is filled and the other emptied, so that skipping one shows at once. */
static void *
come_often(void *arg)
{
	struct party *self = arg;

	for (uint32_t i = 0; i < generations; i++) {
		fsy_atomic_u32_add(&arrived[i % 2], 1);
		if (fsy_barrier_wait(&barrier)) {
			W_CHECK(fsy_atomic_u32_load(&arrived[i % 2]) == parties);
			fsy_atomic_u32_store(&arrived[(i + 1) % 2], 0);
			fsy_atomic_u32_add(&leaders, 1);
			self->leader = true;
		}
		W_CHECK(fsy_atomic_u32_load(&arrived[i % 2]) == parties);
		fsy_barrier_wait(&barrier);
	}
	return NULL;
}

static void
many_generations(uint32_t n, uint32_t count)
{
	parties = n;
	generations = count;
	fsy_barrier_init(&barrier, n);
	fsy_atomic_u32_store(&arrived[0], 0);
	fsy_atomic_u32_store(&arrived[1], 0);
	fsy_atomic_u32_store(&leaders, 0);
	for (uint32_t i = 0; i < n; i++)
		party[i].thread = worker_start(come_often, &party[i]);
	for (uint32_t i = 0; i < n; i++)
		worker_join(party[i].thread);
	workers_assert();
	assert_int_equal(fsy_atomic_u32_load(&leaders), count);
}

static void
test_r6_one_leader_per_generation(void **state)
{
	(void)state;
	many_generations(2, (uint32_t)stress_count(100000));
	many_generations(3, (uint32_t)stress_count(50000));
	many_generations(MOST, (uint32_t)stress_count(10000));
}

static void
test_alone(void **state)
{
	fsy_barrier_t zero = { 0, 0, 0, { 0 } }, one = FSY_BARRIER_INIT(1), none;
	bool leader = false;

	(void)state;
	fsy_barrier_init(&none, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(fsy_barrier_wait(&zero));
		assert_true(fsy_barrier_wait(&one));
		assert_true(fsy_barrier_wait(&none));
		assert_int_equal(fsy_barrier_wait_until(&zero, 0, &leader), 0);
		assert_true(leader);
		assert_int_equal(fsy_barrier_wait_until(&zero, fsy_after_ms(1), NULL), 0);
	}
}

static void *
come_once(void *arg)
{
	struct party *self = arg;
	struct fsyi_thread *record = fsyi_thread_self();
	struct fsyi_waitq *spare = record->spare;

	if (self->no_record)
		record->spare = NULL;                    /* what fsyi_park takes for having none */
	self->error = fsy_barrier_wait_until(&barrier, self->deadline, &self->leader);
	if (self->no_record)
		record->spare = spare;
	fsy_atomic_u32_add(&returned, 1);
	return NULL;
}

static void
start(struct party *self, fsy_deadline_t deadline)
{
	self->deadline = deadline;
	self->leader = false;
	self->thread = worker_start(come_once, self);
}

static void
test_the_last_to_come_leads(void **state)
{
	(void)state;
	fsy_barrier_init(&barrier, 4);
	for (unsigned int i = 0; i < 3; i++) {
		start(&party[i], FSY_FOREVER);
		wait_until_parked(&barrier, i + 1);
	}
	assert_int_equal(fsy_atomic_u32_load(&returned), 0);
	assert_true(fsy_barrier_wait(&barrier));
	for (int i = 0; i < 3; i++) {
		worker_join(party[i].thread);
		assert_true(party[i].error == 0 && !party[i].leader);
	}
}

/* Who withdraws has not come: it takes as many again. */
static void
test_a_deadline_withdraws(void **state)
{
	fsy_deadline_t deadline = fsy_after_ms(20);
	bool leader = true;

	(void)state;
	fsy_barrier_init(&barrier, 3);
	assert_int_equal(fsy_barrier_wait_until(&barrier, deadline, &leader), FSY_ETIMEDOUT);
	assert_true(fsy_now() >= deadline && !leader);
	assert_int_equal(fsy_barrier_wait_until(&barrier, 0, NULL), FSY_ETIMEDOUT);
	start(&party[0], FSY_FOREVER);
	wait_until_parked(&barrier, 1);
	assert_int_equal(fsy_barrier_wait_until(&barrier, fsy_after_ms(5), NULL), FSY_ETIMEDOUT);
	assert_int_equal(fsy_barrier_wait_until(&barrier, 0, NULL), FSY_ETIMEDOUT);
	assert_int_equal(parked_on(&barrier), 1);
	start(&party[1], fsy_after_ms(600000));
	wait_until_parked(&barrier, 2);
	assert_int_equal(fsy_barrier_wait_until(&barrier, 0, &leader), 0);
	assert_true(leader);
	for (int i = 0; i < 2; i++) {
		worker_join(party[i].thread);
		assert_true(party[i].error == 0 && !party[i].leader);
	}
}

static uint32_t
unlisted(void)
{
	struct fsyi_bucket *bucket = fsyi_lot_bucket(&fsyi_lot, &barrier);
	uint32_t count;

	fsyi_bucket_lock(bucket);
	count = barrier.unlisted_;
	fsyi_bucket_unlock(bucket);
	return count;
}

static void
wait_until_unlisted(uint32_t count)
{
	while (unlisted() != count)
		fsyi_word_nap(FSY_FOREVER);
}

static void
test_threads_without_a_record_count(void **state)
{
	(void)state;
	fsy_barrier_init(&barrier, 4);
	party[0].no_record = party[1].no_record = party[3].no_record = true;
	start(&party[0], fsy_after_ms(5));
	worker_join(party[0].thread);
	assert_int_equal(party[0].error, FSY_ETIMEDOUT);
	assert_int_equal(unlisted(), 0);
	start(&party[0], FSY_FOREVER);
	start(&party[1], FSY_FOREVER);
	wait_until_unlisted(2);
	start(&party[2], FSY_FOREVER);
	wait_until_parked(&barrier, 1);
	start(&party[3], FSY_FOREVER);
	for (int i = 0; i < 4; i++) {
		worker_join(party[i].thread);
		assert_int_equal(party[i].error, 0);
		assert_int_equal(party[i].leader, i == 3);
	}
}

/* In the child nobody has come yet. */
static int
in_the_child(void *arg)
{
	(void)arg;
	CHILD_CHECK(fsy_barrier_wait_until(&barrier, 0, NULL) == FSY_ETIMEDOUT);
	for (unsigned int i = 4; i < 6; i++) {
		start(&party[i], FSY_FOREVER);
		wait_until_parked(&barrier, i - 3);
	}
	CHILD_CHECK(fsy_barrier_wait(&barrier));
	for (int i = 4; i < 6; i++) {
		worker_join(party[i].thread);
		CHILD_CHECK(party[i].error == 0 && !party[i].leader);
	}
	CHILD_CHECK(barrier.unlisted_ == 0);
	return 0;
}

static void
test_forked_child(void **state)
{
	struct child child;

	(void)state;
	if (THREAD_SANITIZED) {
		puts("skip forked_child: ThreadSanitizer does not let a forked child make threads");
		skip();
	}
	fsy_barrier_init(&barrier, 3);
	party[0].no_record = true;
	start(&party[0], FSY_FOREVER);
	wait_until_unlisted(1);
	start(&party[1], FSY_FOREVER);
	wait_until_parked(&barrier, 1);
	child = child_fork(in_the_child, NULL);
	child_assert_clean(&child);
	assert_true(fsy_barrier_wait(&barrier));
	for (int i = 0; i < 2; i++)
		worker_join(party[i].thread);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, at_rest_again)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_r6_one_leader_per_generation), TEST(test_alone), TEST(test_the_last_to_come_leads),
		TEST(test_a_deadline_withdraws), TEST(test_threads_without_a_record_count), TEST(test_forked_child),
	};

	watchdog("the barrier", 200);
	return cmocka_run_group_tests_name("barrier", tests, NULL, NULL);
}
