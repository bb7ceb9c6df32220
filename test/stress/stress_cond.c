/* SPDX-License-Identifier: MIT */
/*
 * Condition variables under fire: a bounded buffer loses and doubles nothing, signals reach exactly as many as they are for while
 * deadlines pass, a herd goes round by broadcasts, and objects go away as soon as they may.
 */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/cond.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SLOTS = 3, PRODUCERS = 3, CONSUMERS = 3, MOST = 16 };

static struct buffer {
	fsy_mutex_t mutex;
	fsy_cond_t filled, emptied;
	uint64_t slots[SLOTS];
	int count;
	uint64_t put_sum, got_sum;
	int producing;
} buffer;

static uint64_t seeds[MOST];
static fsy_atomic_u32 stop;

static void
tell(fsy_cond_t *cond, fsy_mutex_t *mutex, uint64_t random)
{
	if (random % 2 == 0)
		fsy_mutex_unlock(mutex);
	if (random % 8 < 2)
		fsy_cond_broadcast(cond);
	else
		fsy_cond_signal(cond);
	if (random % 2 != 0)
		fsy_mutex_unlock(mutex);
}

static void *
produce(void *arg)
{
	for (;;) {
		uint64_t item = test_random(arg) >> 8;

		fsy_mutex_lock(&buffer.mutex);
		while (buffer.count == SLOTS)
			fsy_cond_wait(&buffer.emptied, &buffer.mutex);
		if (fsy_atomic_u32_load(&stop)) {
			buffer.producing--;
			fsy_cond_broadcast(&buffer.filled);
			fsy_cond_broadcast(&buffer.emptied);
			fsy_mutex_unlock(&buffer.mutex);
			return NULL;
		}
		buffer.slots[buffer.count++] = item;
		buffer.put_sum += item;
		tell(&buffer.filled, &buffer.mutex, item);
	}
}

static bool
nothing_to_get(void *arg)
{
	(void)arg;
	return buffer.count == 0 && buffer.producing > 0;
}

static void *
consume(void *arg)
{
	for (;;) {
		uint64_t random = test_random(arg);

		fsy_mutex_lock(&buffer.mutex);
		if (random % 4 != 0)
			fsy_cond_wait_while(&buffer.filled, &buffer.mutex, nothing_to_get, NULL);
		else if (fsy_cond_wait_while_until(&buffer.filled, &buffer.mutex, nothing_to_get, NULL,
						   fsy_after_ns((int64_t)(random >> 8) % 60000)) != 0) {
			fsy_mutex_unlock(&buffer.mutex);
			continue;
		}
		if (buffer.count == 0) {
			fsy_mutex_unlock(&buffer.mutex);
			return NULL;
		}
		buffer.got_sum += buffer.slots[--buffer.count];
		tell(&buffer.emptied, &buffer.mutex, random);
	}
}

static void
test_bounded_buffer(void **state)
{
	pthread_t threads[PRODUCERS + CONSUMERS];
	uint64_t seed = test_seed();
	fsy_deadline_t end = stress_until(2500, 3);

	(void)state;
	memset(&buffer, 0, sizeof(buffer));
	fsy_atomic_u32_store(&stop, 0);
	buffer.producing = PRODUCERS;
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
		seeds[i] = test_random(&seed);
		threads[i] = worker_start(i < PRODUCERS ? produce : consume, &seeds[i]);
	}
	while (fsy_now() < end)
		sched_yield();
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
		worker_join(threads[i]);
	workers_assert();
	assert_true(buffer.put_sum == buffer.got_sum && buffer.put_sum > 0 && buffer.count == 0);
	assert_true(fsy_atomic_u32_load(&buffer.filled.word_) == 0 && fsy_atomic_u32_load(&buffer.emptied.word_) == 0);
	assert_at_rest(&buffer.mutex);
}

/*
 * One baton goes round: whoever is told has it, and signals the next. It is in flight at most once, so that a wait that ends without a
 * signal shows; and a signal is sent only while somebody waits who has no deadline, so that one that is lost stops everything.
 */
static struct {
	fsy_mutex_t mutex;
	fsy_cond_t cond;
	bool in_flight, on_table, over;
	int patient, running;
	uint64_t told, timed_out;
} baton;

static void
hand_on(void)
{
	baton.in_flight = baton.patient > 0;
	baton.on_table = !baton.in_flight;
	if (baton.in_flight)
		fsy_cond_signal(&baton.cond);
}

static void *
run_with_baton(void *arg)
{
	fsy_mutex_lock(&baton.mutex);
	while (!baton.over) {
		uint64_t random = test_random(arg);
		bool patient = random % 2 == 0;
		int error;

		if (baton.on_table)
			hand_on();
		baton.patient += patient;
		error = fsy_cond_wait_until(&baton.cond, &baton.mutex,
					    patient ? FSY_FOREVER : fsy_after_ns((int64_t)(random >> 8) % 50000));
		baton.patient -= patient;
		if (error != 0) {
			baton.timed_out++;
		} else if (!baton.over) {
			W_CHECK(baton.in_flight);
			baton.told++;
			hand_on();
		}
		if (random % 16 == 0) {                  /* leave the mutex to others, and come back */
			fsy_mutex_unlock(&baton.mutex);
			fsy_mutex_lock(&baton.mutex);
		}
	}
	baton.running--;
	fsy_mutex_unlock(&baton.mutex);
	return NULL;
}

static void
g13_no_signal_lost_or_doubled(void **state)
{
	enum { RUNNERS = 6 };
	pthread_t threads[RUNNERS];
	uint64_t seed = test_seed();
	fsy_deadline_t end = stress_until(2500, 3);

	(void)state;
	memset(&baton, 0, sizeof(baton));
	baton.on_table = true;
	baton.running = RUNNERS;
	for (int i = 0; i < RUNNERS; i++) {
		seeds[i] = test_random(&seed);
		threads[i] = worker_start(run_with_baton, &seeds[i]);
	}
	for (;;) {
		fsy_mutex_lock(&baton.mutex);
		baton.over = fsy_now() >= end && baton.told >= 20 && baton.timed_out > 0;
		if (baton.over)
			break;
		fsy_mutex_unlock(&baton.mutex);
		sched_yield();
	}
	fsy_cond_broadcast(&baton.cond);
	fsy_mutex_unlock(&baton.mutex);
	for (int i = 0; i < RUNNERS; i++)
		worker_join(threads[i]);
	workers_assert();
	assert_int_equal(baton.running, 0);
	assert_int_equal(fsy_atomic_u32_load(&baton.cond.word_), 0);
	assert_at_rest(&baton.mutex);
}

/* A herd that is told all at once; the last of all, the teller included, frees what they met at. */
struct meeting {
	fsy_mutex_t mutex;
	fsy_cond_t begin;
	int present, left;
	bool begun;
};

static void
take_leave(struct meeting *meeting)
{
	bool last = ++meeting->left == MOST + 1;

	fsy_mutex_unlock(&meeting->mutex);
	if (last) {
		memset(meeting, 0xA5, sizeof(*meeting));
		free(meeting);
	}
}

static void *
attend(void *arg)
{
	struct meeting *meeting = arg;

	fsy_mutex_lock(&meeting->mutex);
	meeting->present++;
	while (!meeting->begun)
		W_CHECK(fsy_cond_wait_until(&meeting->begin, &meeting->mutex, fsy_after_ms(60000)) == 0);
	take_leave(meeting);
	return NULL;
}

static void
i1_last_one_frees(void **state)
{
	fsy_deadline_t end = stress_until(2500, 3);
	pthread_t threads[MOST];
	int rounds = 0;

	(void)state;
	do {
		struct meeting *meeting = calloc(1, sizeof(*meeting));
		int present = 0;

		for (int i = 0; i < MOST; i++)
			threads[i] = worker_start(attend, meeting);
		while (present < MOST * (rounds % 3) / 2 && present < MOST) {
			fsy_mutex_lock(&meeting->mutex);
			present = meeting->present;
			fsy_mutex_unlock(&meeting->mutex);
			sched_yield();
		}
		fsy_mutex_lock(&meeting->mutex);
		meeting->begun = true;
		fsy_cond_broadcast(&meeting->begin);
		take_leave(meeting);
		for (int i = 0; i < MOST; i++)
			worker_join(threads[i]);
	} while (++rounds < 3 || fsy_now() < end);
	workers_assert();
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded_buffer),
		cmocka_unit_test(g13_no_signal_lost_or_doubled),
		cmocka_unit_test(i1_last_one_frees),
	};

	watchdog("conditions under stress", 200);
	return cmocka_run_group_tests_name("conditions under stress", tests, NULL, NULL);
}
