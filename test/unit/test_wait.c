/* SPDX-License-Identifier: MIT */
/* Waiting on a word: who is woken by what, what a late wake does, deadlines, forked children, threads without a record. */
#include "lib/park/wait.h"
#include "lib/sys/fork.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A door: CLOSED asks to wait, MARK says that somebody does. */
enum { CROWD = 6, CLOSED = 1, MARK = 2, OTHER_KIND = FSYI_KIND_WORD + 1 };
static fsy_atomic_u32 door, looks, partings;

static bool
pending(void *unused)
{
	(void)unused;
	fsy_atomic_u32_add(&looks, 1);
	return fsy_atomic_u32_load(&door) & CLOSED;
}

static bool
enlist(struct fsyi_scene *scene, void *arg)
{
	(void)scene;
	(void)arg;
	return fsyi_word32_mark(&door, CLOSED, CLOSED, MARK);
}

static void
left(struct fsyi_scene *scene, void *arg)
{
	(void)arg;
	fsy_atomic_u32_add(&partings, 1);
	if (scene->queue == NULL)
		fsy_atomic_u32_and(&door, ~(uint32_t)MARK);
}

static const struct fsyi_word_op door_op = { FSYI_KIND_WORD, pending, enlist, left, false };
static const struct fsyi_word_op other_op = { OTHER_KIND, pending, enlist, left, true };

static bool
open_door(struct fsyi_scene *scene, void *arg)
{
	(void)scene;
	return fsy_atomic_u32_swap(&door, *(uint32_t *)arg) & MARK;
}

static struct waiter {
	const struct fsyi_word_op *op;
	fsy_deadline_t deadline;
	bool no_record;
	pthread_t thread;
	enum fsyi_waited result;
} waiters[CROWD];

static void *
wait_there(void *arg)
{
	struct waiter *self = arg;
	struct fsyi_thread *record = fsyi_thread_self();
	struct fsyi_waitq *spare = record->spare;

	if (self->no_record)
		record->spare = NULL;                    /* what fsyi_park takes for having none */
	self->result = fsyi_word_wait(&fsyi_lot, &door, self->op, NULL, self->deadline);
	if (self->no_record)
		record->spare = spare;
	return NULL;
}

static void
start(struct waiter *waiter, const struct fsyi_word_op *op, fsy_deadline_t deadline)
{
	waiter->op = op;
	waiter->deadline = deadline;
	waiter->thread = worker_start(wait_there, waiter);
}

static int
close_door(void **state)
{
	(void)state;
	memset(waiters, 0, sizeof(waiters));
	fsy_atomic_u32_store(&door, CLOSED);
	fsy_atomic_u32_store(&looks, 0);
	fsy_atomic_u32_store(&partings, 0);
	return 0;
}

static int
at_rest_again(void **state)
{
	(void)state;
	workers_assert();
	return fsyi_lot_is_idle(&fsyi_lot) ? 0 : 1;
}

static enum fsyi_waited
join(struct waiter *waiter)
{
	worker_join(waiter->thread);
	return waiter->result;
}

static void
crowd_waits(const struct fsyi_word_op *op)
{
	for (unsigned int i = 0; i < CROWD; i++) {
		start(&waiters[i], op, FSY_FOREVER);
		wait_until_parked(&door, i + 1);
	}
}

static void
all_come_back(enum fsyi_waited how)
{
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(join(&waiters[i]), how);
}

static void
test_an_open_door_is_not_waited_for(void **state)
{
	(void)state;
	fsy_atomic_u32_store(&door, 0);
	assert_int_equal(fsyi_word_wait(&fsyi_lot, &door, &door_op, NULL, FSY_FOREVER), FSYI_WAIT_OVER);
	assert_int_equal(fsyi_word_wait(&fsyi_lot, &door, &door_op, NULL, 0), FSYI_WAIT_OVER);
	assert_int_equal(fsy_atomic_u32_load(&door), 0);
}

static void
test_a_deadline_in_the_past_looks_once(void **state)
{
	(void)state;
	assert_int_equal(fsyi_word_wait(&fsyi_lot, &door, &door_op, NULL, fsy_now()), FSYI_WAIT_TIMEDOUT);
	assert_int_equal(fsy_atomic_u32_load(&looks), 1);
	assert_int_equal(fsy_atomic_u32_load(&door), CLOSED);
}

static void
test_a_deadline_ends_the_wait_and_takes_the_mark_off(void **state)
{
	fsy_deadline_t deadline = 0;

	(void)state;
	for (int64_t ms = 20; fsy_atomic_u32_load(&partings) == 0; ms *= 4)     /* else it has passed before the thread was parked */
		assert_int_equal(fsyi_word_wait(&fsyi_lot, &door, &door_op, NULL, deadline = fsy_after_ms(ms)), FSYI_WAIT_TIMEDOUT);
	assert_true(fsy_now() >= deadline);
	assert_int_equal(fsy_atomic_u32_load(&partings), 1);
	assert_int_equal(fsy_atomic_u32_load(&door), CLOSED);
}

/* What is given is not looked at again: the door is closed at once behind those who were let in. */
static void
test_release_gives_to_all_who_wait(void **state)
{
	uint32_t next = CLOSED, seen;

	(void)state;
	crowd_waits(&door_op);
	seen = fsy_atomic_u32_load(&looks);
	assert_int_equal(fsyi_word_release(&fsyi_lot, &door, FSYI_KIND_WORD, open_door, &next), CROWD);
	all_come_back(FSYI_WAIT_GIVEN);
	assert_int_equal(fsy_atomic_u32_load(&looks), seen);
	assert_int_equal(fsyi_word_release(&fsyi_lot, &door, FSYI_KIND_WORD, open_door, &next), 0);
	assert_int_equal(fsy_atomic_u32_load(&partings), 0);
}

static void
test_a_late_wake_is_not_believed(void **state)
{
	(void)state;
	crowd_waits(&door_op);
	assert_int_equal(fsyi_word_wake_all(&fsyi_lot, &door, FSYI_KIND_WORD), CROWD);
	wait_until_parked(&door, CROWD);
	assert_int_equal(fsyi_word_wake_one(&fsyi_lot, &door, FSYI_KIND_WORD), 1);
	wait_until_parked(&door, CROWD);
	fsy_atomic_u32_store(&door, 0);
	assert_int_equal(fsyi_word_wake_all(&fsyi_lot, &door, FSYI_KIND_WORD), CROWD);
	all_come_back(FSYI_WAIT_OVER);
	assert_int_equal(fsyi_word_wake_one(&fsyi_lot, &door, FSYI_KIND_WORD), 0);
}

/* Whoever was woken in vain is still the eldest. */
static void
test_wake_one_wakes_the_eldest(void **state)
{
	(void)state;
	crowd_waits(&door_op);
	assert_int_equal(fsyi_word_wake_one(&fsyi_lot, &door, FSYI_KIND_WORD), 1);
	wait_until_parked(&door, CROWD);
	fsy_atomic_u32_store(&door, 0);
	for (unsigned int i = 0; i < CROWD; i++) {
		assert_int_equal(fsyi_word_wake_one(&fsyi_lot, &door, FSYI_KIND_WORD), 1);
		assert_int_equal(join(&waiters[i]), FSYI_WAIT_OVER);
		assert_int_equal(parked_on(&door), CROWD - 1 - i);
	}
}

static void
test_other_kinds_are_left_alone(void **state)
{
	uint32_t next = 0;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		start(&waiters[i], i == 0 ? &other_op : &door_op, FSY_FOREVER);
		wait_until_parked(&door, i + 1);
	}
	assert_int_equal(fsyi_word_wake_one(&fsyi_lot, &door, OTHER_KIND + 1), 0);
	assert_int_equal(fsyi_word_release(&fsyi_lot, &door, FSYI_KIND_WORD, open_door, &next), 1);
	assert_int_equal(join(&waiters[1]), FSYI_WAIT_GIVEN);
	assert_int_equal(parked_on(&door), 1);
	assert_int_equal(fsyi_word_wake_one(&fsyi_lot, &door, FSYI_KIND_WORD), 0);
	assert_int_equal(fsyi_word_wake_all(&fsyi_lot, &door, OTHER_KIND), 1);
	assert_int_equal(join(&waiters[0]), FSYI_WAIT_OVER);
}

static void
test_a_thread_without_a_record_looks_by_the_clock(void **state)
{
	(void)state;
	waiters[0].no_record = waiters[1].no_record = true;
	start(&waiters[0], &door_op, FSY_FOREVER);
	start(&waiters[1], &door_op, fsy_after_ms(20));
	assert_int_equal(join(&waiters[1]), FSYI_WAIT_TIMEDOUT);
	assert_int_equal(fsy_atomic_u32_load(&door), CLOSED);
	fsy_atomic_u32_store(&door, 0);
	assert_int_equal(join(&waiters[0]), FSYI_WAIT_OVER);
}

/* In a child nobody may be left to wake: the door is opened without a word to those who wait. */
static int
nobody_wakes(void *arg)
{
	(void)arg;
	fsyi_fork_check();
	start(&waiters[0], &door_op, FSY_FOREVER);
	wait_until_parked(&door, 1);
	fsy_atomic_u32_store(&door, 0);
	CHILD_CHECK(join(&waiters[0]) == FSYI_WAIT_OVER);
	CHILD_CHECK(fsyi_lot_is_idle(&fsyi_lot));
	return 0;
}

static void
test_a_forked_child_looks_by_the_clock(void **state)
{
	struct child child;

	(void)state;
	if (THREAD_SANITIZED) {
		puts("skip forked_child: ThreadSanitizer does not let a forked child make threads");
		skip();
	}
	crowd_waits(&door_op);
	child = child_fork(nobody_wakes, NULL);
	child_assert_clean(&child);
	fsy_atomic_u32_store(&door, 0);
	assert_int_equal(fsyi_word_wake_all(&fsyi_lot, &door, FSYI_KIND_WORD), CROWD);
	all_come_back(FSYI_WAIT_OVER);
}

static void
test_marks(void **state)
{
	fsy_atomic_u32 word = { 0x105 };
	fsy_atomic_u64 wide = { 0x300000000 };

	(void)state;
	assert_true(fsyi_word32_mark(&word, 0xff, 5, 0x200) && !fsyi_word32_mark(&word, 0xff, 4, 0x400));
	assert_int_equal(fsy_atomic_u32_load(&word), 0x305);
	assert_true(fsyi_word64_mark(&wide, 0xffffffff00000000, 0x300000000, 1));
	assert_false(fsyi_word64_mark(&wide, 0xffffffff00000000, 0, 2));
	assert_int_equal(fsy_atomic_u64_load(&wide), 0x300000001);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, close_door, at_rest_again)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_open_door_is_not_waited_for), TEST(test_a_deadline_in_the_past_looks_once),
		TEST(test_a_deadline_ends_the_wait_and_takes_the_mark_off), TEST(test_release_gives_to_all_who_wait),
		TEST(test_a_late_wake_is_not_believed), TEST(test_wake_one_wakes_the_eldest), TEST(test_other_kinds_are_left_alone),
		TEST(test_a_thread_without_a_record_looks_by_the_clock), TEST(test_a_forked_child_looks_by_the_clock), TEST(test_marks),
	};

	watchdog("test_wait", 200);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
