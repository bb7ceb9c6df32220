/* SPDX-License-Identifier: MIT */
/* Who is woken in the place of a thread that goes to sleep while another searches: one that a broadcast moved, of that CPU. */
#include "lib/sys/cpu.h"
#include "test/support/locks.h"
#include "test/support/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct fsyi_waitq *
queue_of(const struct stage *stage)
{
	return stage->crowd.people[1].queue;
}

/* The lock is free and somebody searches on another CPU; the eldest sleeper is of this one and was moved here, the other was not. */
static void
set(struct stage *stage)
{
	stage_set(stage, false);
	stage->crowd.people[0].moved = true;
	stage->hint = (uint16_t)(fsyi_cpu() + 2);
	fsyi_queue_arm(queue_of(stage));
	fsy_atomic_u32_store_rlx(&stage->word, LW_QUEUED | LW_SEARCHER);
}

/* Leaves; what the word says then. */
static uint32_t
leave(struct stage *stage, enum fsyi_wake how)
{
	fsyi_lockword_wake(&stage->lock, how);
	return fsy_atomic_u32_load_rlx(&stage->word);
}

static bool
sleeps(const struct stage *stage, int who)
{
	return stage->crowd.people[who].queue != NULL;
}

/* It has no role: SEARCHER is another's. */
static void
test_one_that_was_moved(void **state)
{
	struct stage stage;

	(void)state;
	set(&stage);
	assert_int_equal(leave(&stage, FSYI_WAKE_LEAVING), LW_QUEUED | LW_SEARCHER);
	assert_false(sleeps(&stage, 0));
	assert_true(sleeps(&stage, 1));
	assert_int_equal(stage.crowd.people[0].token, FSYI_TOKEN_AGAIN);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.crowd.people[0].park), 0);
	stage_clear(&stage);
}

static void
test_the_last_takes_the_bit_along(void **state)
{
	struct stage stage;

	(void)state;
	set(&stage);
	crowd_leave(&stage.crowd, 1);
	assert_int_equal(leave(&stage, FSYI_WAKE_LEAVING), LW_SEARCHER);
	assert_false(sleeps(&stage, 0));
	stage_clear(&stage);
}

/* Everything that speaks against it, each by itself. */
static void
test_nobody_otherwise(void **state)
{
	enum { GOES_ON, HELD, BARRED, PRESSED, NOT_MOVED, OF_ANOTHER_CPU, CASES };
	static const char *const names[CASES] = { "goes on", "held", "barred", "pressed", "not moved", "of another CPU" };
	struct stage stage;

	(void)state;
	for (int why = 0; why < CASES; why++) {
		set(&stage);
		if (why == HELD || why == BARRED)
			fsy_atomic_u32_or_rlx(&stage.word, why == HELD ? LW_LOCKED : LW_BARRED);
		if (why == PRESSED)
			stage.busy = 255;
		stage.crowd.people[0].moved = why != NOT_MOVED;
		stage.crowd.people[0].cpu = (uint16_t)(fsyi_cpu() + (why == OF_ANOTHER_CPU));
		leave(&stage, why == GOES_ON ? FSYI_WAKE_NOW : FSYI_WAKE_LEAVING);
		if (!sleeps(&stage, 0) || !sleeps(&stage, 1))
			fail_msg("%s: somebody was woken", names[why]);
		assert_true(fsy_atomic_u32_load_rlx(&stage.word) & LW_QUEUED);
		stage_clear(&stage);
	}
}

/* It may wait for the CPU of the one who sleeps next, or for another: that is as before. */
static void
test_searcher_is_here(void **state)
{
	struct stage stage;

	(void)state;
	set(&stage);
	stage.hint = (uint16_t)(fsyi_cpu() + 1);
	assert_int_equal(leave(&stage, FSYI_WAKE_LEAVING), LW_QUEUED | LW_SEARCHER);
	assert_false(sleeps(&stage, 0));
	stage_clear(&stage);
}

/* While one that was moved sleeps, the next unlock is to come by too, unless the lock is pressed; nobody else is worth that. */
static void
test_stays_armed(void **state)
{
	struct stage stage;

	(void)state;
	for (int why = 0; why < 8; why++) {
		bool moved = why & 1, here = why & 2, pressed = why & 4;

		set(&stage);
		stage.crowd.people[0].moved = moved;
		stage.hint = (uint16_t)(fsyi_cpu() + 2 - here);
		stage.busy = pressed ? 255 : 0;
		leave(&stage, FSYI_WAKE_NOW);
		assert_true(sleeps(&stage, 0));
		assert_int_equal(queue_of(&stage)->armed, moved && !pressed);
		stage_clear(&stage);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_was_moved),
		cmocka_unit_test(test_the_last_takes_the_bit_along),
		cmocka_unit_test(test_nobody_otherwise),
		cmocka_unit_test(test_searcher_is_here),
		cmocka_unit_test(test_stays_armed),
	};

	watchdog("lock word, a leaver's place", 60);
	return cmocka_run_group_tests_name("lock word, a leaver's place", tests, NULL, NULL);
}
