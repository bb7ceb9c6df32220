/* SPDX-License-Identifier: MIT */
/* Who is served when: unlock_fair goes by age, and a lock under fire still reaches everybody. */
#include "lib/sys/tune.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static fsy_mutex_t mutex;

enum { LINE = 12 };
static int served[LINE], served_count;
static int numbers[LINE];
static fsy_atomic_ptr records[LINE];

static void *
stand_in_line(void *arg)
{
	fsy_atomic_ptr_store(&records[*(int *)arg], fsyi_thread_self());
	fsy_mutex_lock(&mutex);
	served[served_count++] = *(int *)arg;
	fsy_mutex_unlock_fair(&mutex);
	return NULL;
}

/* Each comes when the one before it has fallen asleep. */
static void
line_up(pthread_t *threads)
{
	served_count = 0;
	fsy_mutex_lock(&mutex);
	for (int i = 0; i < LINE; i++) {
		numbers[i] = i;
		threads[i] = worker_start(stand_in_line, &numbers[i]);
		wait_until_parked(&mutex, (unsigned)i + 1);
	}
}

static void
assert_served_in_order(pthread_t *threads, const int *order)
{
	fsy_mutex_unlock_fair(&mutex);
	for (int i = 0; i < LINE; i++)
		worker_join(threads[i]);
	assert_int_equal(served_count, LINE);
	for (int i = 0; i < LINE; i++)
		assert_int_equal(served[i], order[i]);
	assert_at_rest(&mutex);
}

/* Where no preference may put anybody before his elders, the order of service is the order of arrival. */
static void
test_unlock_fair_goes_by_age(void **state)
{
	int64_t batch = fsyi_tune.node_batch;
	pthread_t threads[LINE];

	(void)state;
	fsyi_tune.node_batch = 1;
	for (int round = 0; round < 10; round++) {
		line_up(threads);
		assert_served_in_order(threads, numbers);
	}
	fsyi_tune.node_batch = batch;
}

static int queued[LINE], queued_count;

static void
note_place(const struct fsyi_thread *thread, void *arg)
{
	(void)arg;
	for (int i = 0; i < LINE; i++)
		if (fsy_atomic_ptr_load(&records[i]) == thread)
			queued[queued_count++] = i;
}

/* In any case it is the order of the queue. */
static void
test_unlock_fair_goes_by_the_queue(void **state)
{
	pthread_t threads[LINE];

	(void)state;
	for (int round = 0; round < 10; round++) {
		line_up(threads);
		queued_count = 0;
		fsyi_park_each(&fsyi_lot, note_place, NULL);
		assert_int_equal(queued_count, LINE);
		assert_served_in_order(threads, queued);
	}
}

/* What unlock_fair promises against the one that unlocks: in its loop nobody waits while it goes round again. */
static fsy_atomic_u32 stop, turns_of_other;

static void *
take_turns(void *arg)
{
	(void)arg;
	while (!fsy_atomic_u32_load(&stop)) {
		fsy_mutex_lock(&mutex);
		fsy_atomic_u32_add(&turns_of_other, 1);
		fsy_mutex_unlock_fair(&mutex);
	}
	return NULL;
}

static void
test_unlock_fair_alternates(void **state)
{
	int rounds = stress_count(200);
	pthread_t thread;

	(void)state;
	fsy_atomic_u32_store(&stop, 0);
	fsy_mutex_lock(&mutex);
	thread = worker_start(take_turns, NULL);
	for (int i = 0; i < rounds; i++) {
		uint32_t before;

		wait_until_parked(&mutex, 1);
		before = fsy_atomic_u32_load(&turns_of_other);
		fsy_mutex_unlock_fair(&mutex);
		fsy_mutex_lock(&mutex);
		assert_true(fsy_atomic_u32_load(&turns_of_other) > before);
	}
	fsy_atomic_u32_store(&stop, 1);
	fsy_mutex_unlock(&mutex);
	worker_join(thread);
	assert_at_rest(&mutex);
}

/* Barging threads never leave the lock alone; those who stood and waited get it all the same, time and again. */
enum { BARGING = 6, PATIENT = 3 };
static fsy_atomic_u32 times[PATIENT], barged;

static void *
barge(void *arg)
{
	uint64_t *sum = arg;

	while (!fsy_atomic_u32_load_rlx(&stop)) {
		fsy_mutex_lock(&mutex);
		(*sum)++;
		fsy_atomic_u32_add_rlx(&barged, 1);
		fsy_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *
wait_patiently(void *arg)
{
	fsy_atomic_u32 *mine = arg;

	while (!fsy_atomic_u32_load_rlx(&stop)) {
		fsy_mutex_lock(&mutex);
		fsy_atomic_u32_add(mine, 1);
		fsy_mutex_unlock_fair(&mutex);           /* and gets in line again */
	}
	return NULL;
}

static void
test_patient_are_served_among_barging(void **state)
{
	fsy_deadline_t limit = fsy_after_ms(TEST_PATIENCE_MS);
	pthread_t threads[BARGING + PATIENT];
	uint64_t sum = 0;

	(void)state;
	memset(times, 0, sizeof(times));
	fsy_atomic_u32_store(&stop, 0);
	for (int i = 0; i < BARGING; i++)
		threads[i] = worker_start(barge, &sum);
	while (fsy_atomic_u32_load(&barged) < 1000)
		sched_yield();
	for (int i = 0; i < PATIENT; i++)
		threads[BARGING + i] = worker_start(wait_patiently, &times[i]);
	for (int i = 0; i < PATIENT; i++)
		while (fsy_atomic_u32_load(&times[i]) < 100 && fsy_now() < limit)
			sched_yield();
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < BARGING + PATIENT; i++)
		worker_join(threads[i]);
	for (int i = 0; i < PATIENT; i++)
		assert_true(fsy_atomic_u32_load(&times[i]) >= 100);
	assert_int_equal((uint32_t)sum, fsy_atomic_u32_load(&barged));
	assert_at_rest(&mutex);
}

/* One unlock sets off a chain in which each woken thread's unlock wakes the next: nobody is left behind. */
static void *
pass_once(void *arg)
{
	fsy_mutex_lock(&mutex);
	served[served_count++] = *(int *)arg;
	fsy_mutex_unlock(&mutex);
	return NULL;
}

static void
test_plain_unlock_forgets_nobody(void **state)
{
	pthread_t threads[LINE];
	int rounds = stress_count(40), seen;

	(void)state;
	for (int round = 0; round < rounds; round++) {
		served_count = 0;
		fsy_mutex_lock(&mutex);
		for (int i = 0; i < LINE; i++) {
			numbers[i] = i;
			threads[i] = worker_start(pass_once, &numbers[i]);
		}
		wait_until_parked(&mutex, LINE);
		fsy_mutex_unlock(&mutex);
		for (int i = 0; i < LINE; i++)
			worker_join(threads[i]);
		assert_int_equal(served_count, LINE);
		seen = 0;
		for (int i = 0; i < LINE; i++)
			seen |= 1 << served[i];
		assert_int_equal(seen, (1 << LINE) - 1);
		assert_at_rest(&mutex);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlock_fair_goes_by_age),
		cmocka_unit_test(test_unlock_fair_goes_by_the_queue),
		cmocka_unit_test(test_unlock_fair_alternates),
		cmocka_unit_test(test_patient_are_served_among_barging),
		cmocka_unit_test(test_plain_unlock_forgets_nobody),
	};

	watchdog("mutex fairness", 200);
	return cmocka_run_group_tests_name("mutex fairness", tests, NULL, NULL);
}
