/* SPDX-License-Identifier: MIT */
/* For whom an unlock that visits the lot bars the lock, and what is remembered of it. */
#include "lib/sys/clock.h"
#include "lib/sys/cpu.h"
#include "lib/sys/tune.h"
#include "test/support/locks.h"
#include "test/support/stage.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* A bar that was noted at that time and is found to have taken long is not repeated; until it may be: the next test may bar again. */
static void
expect_bar(const struct stage *stage, int64_t not_before)
{
	int64_t now = fsyi_now() + 1000000;

	assert_true(fsyi_lockword_may_bar(&stage->lock, not_before));
	fsyi_lockword_note_bar(&stage->lock, now);
	assert_false(fsyi_lockword_may_bar(&stage->lock, now));
	while (!fsyi_lockword_may_bar(&stage->lock, fsyi_now()))
		;
}

/* A lock is barred for a searcher that waits for this CPU, but not for one that would not look for the bar's sake. */
static void
test_bars_for_who_looks(void **state)
{
	struct stage stage;

	(void)state;
	for (int hopeless = 0; hopeless < 2; hopeless++) {
		int64_t before = fsyi_now();

		stage_set(&stage, true);
		stage_looks(&stage, !hopeless);
		stage.busy = 255;
		stage.crowd.people[1].cpu = stage.crowd.people[0].cpu;
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_NOW);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED | LW_SEARCHER | (hopeless ? 0 : LW_BARRED));
		if (!hopeless)
			expect_bar(&stage, before);
		stage_looks(&stage, true);
		stage_clear(&stage);
	}
}

/* One that cannot run before the unlocker's time slice is over gets the lock barred for it when its turn has come; if that is in a moment, unlocks
 * go on coming by until then. */
static void
test_turn_of_a_searcher_of_this_cpu(void **state)
{
	enum { SOON, LATER, DUE, CASES };
	struct fsyi_waitq *queue;
	struct stage stage;

	(void)state;
	for (int when = 0; when < CASES; when++) {
		int64_t before = fsyi_now(), turn_at = when == DUE ? before - 1 : before + (when == SOON ? 1000000000 : INT32_MAX);

		stage_set(&stage, when == DUE);
		fsyi_tune.turn_min_ns = when == SOON ? INT32_MAX : 1000;
		stage.busy = 255;
		stage.hint = (uint16_t)(fsyi_cpu() + 1);
		queue = fsyi_queue_find(&stage.crowd.bucket, &stage.word);
		queue->turn_at = turn_at;
		fsyi_queue_arm(queue);
		fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED | LW_SEARCHER);
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED | LW_SEARCHER | (when == DUE ? LW_BARRED : 0));
		assert_int_equal(queue->armed, when == SOON);
		assert_int_equal(queue->turn_at == turn_at, when != DUE);
		if (when == DUE)
			expect_bar(&stage, before);
		fsyi_queue_disarm(queue);
		stage_clear(&stage);
	}
	fsyi_tune.turn_min_ns = 25000;
}

/* What kept it waiting for long after it was barred is told by the searcher that has got it. */
static void
test_tells_how_long_a_bar_took(void **state)
{
	int64_t before = fsyi_now();
	struct stage stage;

	(void)state;
	stage_set(&stage, false);
	fsyi_lockword_i_bar(&stage.lock, before - 1000000000);
	assert_true(fsyi_lockword_may_bar(&stage.lock, before));
	fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED | LW_SEARCHER | LW_BARRED);
	fsyi_lockword_resume(&stage.lock, FSYI_UNPARKED_NORMAL);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED | LW_LOCKED);
	assert_false(fsyi_lockword_may_bar(&stage.lock, before));
	while (!fsyi_lockword_may_bar(&stage.lock, fsyi_now()))
		;
	stage_clear(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bars_for_who_looks),
		cmocka_unit_test(test_turn_of_a_searcher_of_this_cpu),
		cmocka_unit_test(test_tells_how_long_a_bar_took),
	};

	watchdog("lock word, barred", 200);
	return cmocka_run_group_tests_name("lock word, barred", tests, NULL, NULL);
}
