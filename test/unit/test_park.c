/* SPDX-License-Identifier: MIT */
/* Parking one thread: every way into sleep and out of it, and the races between them made to happen. */
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/sleeper.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int key, other_key;
static struct sleeper one, two;

static void
assert_idle(void)
{
	assert_true(fsyi_lot_is_idle(&sleeper_lot));
	workers_assert();
}

static void
test_tokens_arrive(void **state)
{
	(void)state;
	sleeper_start_parked(&one, &key, &sleeper_op, 1);
	assert_false(fsyi_unpark_one(&sleeper_lot, &other_key, FSYI_TOKEN_NORMAL));
	assert_true(fsyi_unpark_one(&sleeper_lot, &key, FSYI_TOKEN_NORMAL));
	assert_int_equal(sleeper_join(&one), FSYI_UNPARKED_NORMAL);
	sleeper_start_parked(&one, &key, &sleeper_op, 1);
	assert_true(fsyi_unpark_one(&sleeper_lot, &key, FSYI_TOKEN_HANDOFF));
	assert_int_equal(sleeper_join(&one), FSYI_UNPARKED_HANDOFF);
	assert_false(fsyi_unpark_one(&sleeper_lot, &key, FSYI_TOKEN_HANDOFF));
	assert_idle();
}

static void
remember(const struct fsyi_thread *thread, void *arg)
{
	*(const struct fsyi_thread **)arg = thread;
}

static void
test_a_sleeper_can_be_seen(void **state)
{
	const struct fsyi_thread *seen = NULL;
	int64_t before = fsy_now();

	(void)state;
	sleeper_start_parked(&one, &key, &sleeper_op, 1);
	fsyi_park_each(&sleeper_lot, remember, &seen);
	assert_ptr_equal(seen, fsy_atomic_ptr_load(&one.record));
	assert_int_equal(seen->kind, SLEEPER_KIND);
	assert_true(seen->since >= before && seen->since <= fsy_now());
	assert_int_equal(parked_on(&key), 0);            /* another lot */
	assert_int_equal(fsyi_unpark_all(&sleeper_lot, &key, FSYI_TOKEN_NORMAL), 1);
	sleeper_join(&one);
	assert_idle();
}

/* The caller's functions: what they are shown, and what their answers do. */
static int validated, queued_calls, left_calls, left_remaining;
static bool answer_validate, answer_confirm;

static bool
say_validate(struct fsyi_scene *scene, void *arg)
{
	struct sleeper *sleeper = arg;

	validated++;
	W_CHECK(scene->key == sleeper->key && scene->bucket == fsyi_lot_bucket(&sleeper_lot, scene->key));
	W_CHECK(fsy_atomic_u32_load(&scene->bucket->lock) != 0);
	W_CHECK(scene->wake == NULL && (fsy_now() - scene->now) < 60000000000);
	W_CHECK((scene->queue != NULL) == (fsyi_queue_find(scene->bucket, scene->key) != NULL));
	return answer_validate;
}

static void
note_queued(struct fsyi_scene *scene, void *arg)
{
	struct sleeper *sleeper = arg;

	queued_calls++;
	W_CHECK(scene->queue != NULL && fsyi_thread_self()->queue == scene->queue);
	W_CHECK(scene->queue->all.head->prev == fsy_atomic_ptr_load(&sleeper->record));
}

static bool
say_confirm(void *arg)
{
	(void)arg;
	return answer_confirm;
}

static void
note_left(struct fsyi_scene *scene, void *arg)
{
	(void)arg;
	left_calls++;
	left_remaining = scene->queue != NULL ? (int)scene->queue->count : 0;
	W_CHECK(fsyi_thread_self()->queue == NULL);
}

static const struct fsyi_park_op chatty_op = { say_validate, note_queued, say_confirm, note_left, false };

static void
test_decisions(void **state)
{
	(void)state;
	validated = queued_calls = left_calls = 0;
	answer_validate = false;
	sleeper_start(&one, &key, &chatty_op, FSY_FOREVER);
	assert_int_equal(sleeper_join(&one), FSYI_PARK_INVALID);
	assert_true(validated == 1 && queued_calls == 0 && left_calls == 0);
	answer_validate = true;
	answer_confirm = false;
	sleeper_start(&one, &key, &chatty_op, FSY_FOREVER);
	assert_int_equal(sleeper_join(&one), FSYI_PARK_INVALID);
	assert_true(validated == 2 && queued_calls == 1 && left_calls == 1 && left_remaining == 0);
	sleeper_start_parked(&two, &key, &sleeper_op, 1);
	sleeper_start(&one, &key, &chatty_op, FSY_FOREVER);
	assert_int_equal(sleeper_join(&one), FSYI_PARK_INVALID);
	assert_true(left_calls == 2 && left_remaining == 1);
	answer_confirm = true;
	sleeper_start_parked(&one, &key, &chatty_op, 2);
	assert_int_equal(fsyi_unpark_all(&sleeper_lot, &key, FSYI_TOKEN_NORMAL), 2);
	assert_int_equal(sleeper_join(&one), FSYI_UNPARKED_NORMAL);
	assert_int_equal(sleeper_join(&two), FSYI_UNPARKED_NORMAL);
	assert_true(queued_calls == 3 && left_calls == 2);               /* left is not for those who were woken */
	assert_idle();
}

static void
test_deadlines(void **state)
{
	(void)state;
	answer_validate = answer_confirm = true;
	left_calls = 0;
	for (int ms = -5; ms <= 15; ms += 10) {
		fsy_deadline_t deadline = fsy_now() + ms * 1000000;

		sleeper_start(&one, &key, &chatty_op, deadline);
		assert_int_equal(sleeper_join(&one), FSYI_PARK_TIMEDOUT);
		assert_true(fsy_now() >= deadline);
	}
	assert_int_equal(left_calls, 3);
	sleeper_start_parked(&one, &key, &sleeper_op, 1);
	sleeper_start(&two, &key, &chatty_op, fsy_after_ms(5));
	assert_int_equal(sleeper_join(&two), FSYI_PARK_TIMEDOUT);
	assert_int_equal(left_remaining, 1);
	assert_int_equal(parked_in(&sleeper_lot, &key), 1);              /* the other one sleeps on */
	assert_true(fsyi_unpark_one(&sleeper_lot, &key, FSYI_TOKEN_NORMAL));
	sleeper_join(&one);
	assert_idle();
}

/* A wake that reached a thread before it gave up is accepted: by a deadline, and by a confirm that said no. */
static bool met_asleep;

static void
wake_while_it_gives_up(struct fsyi_scene *scene, void *arg)
{
	fsy_deadline_t limit = fsy_after_ms(TEST_PATIENCE_MS);

	met_asleep = scene->queue != NULL;
	if (!met_asleep)
		return;
	/* The bucket lock's 2 says that somebody waits for it: the sleeper, whose deadline has passed. */
	while (fsy_atomic_u32_load(&scene->bucket->lock) != 2 && fsy_now() < limit)
		sched_yield();
	fsyi_scene_wake(scene, scene->queue->all.head, *(enum fsyi_token *)arg);
	W_CHECK(scene->queue == NULL && scene->wake == fsy_atomic_ptr_load(&one.record));
}

static void
test_late_wake_beats_the_deadline(void **state)
{
	enum fsyi_token tokens[] = { FSYI_TOKEN_NORMAL, FSYI_TOKEN_HANDOFF };

	(void)state;
	answer_validate = answer_confirm = true;
	left_calls = 0;
	for (int i = 0; i < 2; i++) {
		/* Should this machine be so slow that the sleeper is gone before it is met, again. */
		for (int64_t ms = 50;; ms *= 2) {
			sleeper_start(&one, &key, &chatty_op, fsy_after_ms(ms));
			while (parked_in(&sleeper_lot, &key) == 0 && fsy_now() < one.deadline)
				sched_yield();
			fsyi_visit(&sleeper_lot, &key, wake_while_it_gives_up, &tokens[i]);
			sleeper_join(&one);
			if (met_asleep)
				break;
			assert_int_equal(one.result, FSYI_PARK_TIMEDOUT);
			left_calls = 0;
		}
		assert_int_equal(one.result, i == 0 ? FSYI_UNPARKED_NORMAL : FSYI_UNPARKED_HANDOFF);
		assert_true(fsy_now() >= one.deadline);
	}
	assert_int_equal(left_calls, 0);
	assert_idle();
}

static struct gate confirming = GATE("confirm"), woken = GATE("woken while confirming");

static bool
confirm_too_late(void *arg)
{
	(void)arg;
	gate_meet(&confirming, 2);
	gate_meet(&woken, 2);
	return answer_confirm;
}

static void
test_late_wake_beats_confirm(void **state)
{
	static const struct fsyi_park_op op = { sleeper_validate, NULL, confirm_too_late, note_left, false };

	(void)state;
	left_calls = 0;
	for (int i = 0; i < 4; i++) {
		answer_confirm = i % 2 == 0;
		sleeper_start(&one, &key, &op, i < 2 ? 0 : FSY_FOREVER);         /* with and without a deadline long past */
		gate_meet(&confirming, 2);
		assert_true(fsyi_unpark_one(&sleeper_lot, &key, FSYI_TOKEN_HANDOFF));
		gate_meet(&woken, 2);
		assert_int_equal(sleeper_join(&one), FSYI_UNPARKED_HANDOFF);
	}
	assert_int_equal(left_calls, 0);
	assert_idle();
}

/* A token belongs to one sleep: the next one starts without. */
static void *
sleep_thrice(void *arg)
{
	struct sleeper *sleeper = arg;

	W_CHECK(fsyi_park(&sleeper_lot, &key, 1, &sleeper_op, sleeper, FSY_FOREVER) == FSYI_UNPARKED_HANDOFF);
	W_CHECK(fsyi_park(&sleeper_lot, &key, 1, &sleeper_op, sleeper, fsy_after_ms(3)) == FSYI_PARK_TIMEDOUT);
	sleeper->key = &other_key;
	W_CHECK(fsyi_park(&sleeper_lot, &other_key, 1, &sleeper_op, sleeper, FSY_FOREVER) == FSYI_UNPARKED_NORMAL);
	return NULL;
}

static void
test_token_is_for_one_sleep(void **state)
{
	(void)state;
	one.key = &key;
	one.thread = worker_start(sleep_thrice, &one);
	sleeper_await(&key, 1);
	assert_true(fsyi_unpark_one(&sleeper_lot, &key, FSYI_TOKEN_HANDOFF));
	sleeper_await(&other_key, 1);
	assert_true(fsyi_unpark_one(&sleeper_lot, &other_key, FSYI_TOKEN_NORMAL));
	worker_join(one.thread);
	assert_idle();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_arrive),
		cmocka_unit_test(test_a_sleeper_can_be_seen),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_late_wake_beats_the_deadline),
		cmocka_unit_test(test_late_wake_beats_confirm),
		cmocka_unit_test(test_token_is_for_one_sleep),
	};

	watchdog("park", 200);
	return cmocka_run_group_tests_name("park", tests, NULL, NULL);
}
