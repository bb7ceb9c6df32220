/* SPDX-License-Identifier: MIT */
/* What an unlock that visits the lot decides: who becomes the searcher, and when the lock is taken for the eldest instead. */
#include "lib/sync/lockword_wait.h"
#include "lib/sys/clock.h"
#include "lib/sys/cpu.h"
#include "lib/sys/tune.h"
#include "test/support/crowd.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct stage {
	struct crowd crowd;
	struct fsyi_lot lot;
	fsy_atomic_u32 word;
	uint8_t held, busy;
	uint16_t hint;
	struct fsyi_lockword lock;
};

/* Two sleepers: the eldest on this CPU, and one elsewhere, whom a thread that goes on running prefers. The lock is free. */
static void
set_stage(struct stage *stage, bool due)
{
	int cpu = fsyi_cpu();
	cpu_set_t here;

	memset(stage, 0, sizeof *stage);
	CPU_ZERO(&here);
	CPU_SET((size_t)cpu, &here);
	assert_int_equal(sched_setaffinity(0, sizeof here, &here), 0);
	crowd_make(&stage->crowd, 2);
	stage->lot = (struct fsyi_lot){ &stage->crowd.bucket, FSY_ATTENTION_BITS_ };
	stage->lock = (struct fsyi_lockword){ .lot = &stage->lot, .word = &stage->word, .held = &stage->held,
					       .busy = &stage->busy, .hint = &stage->hint };
	for (int i = 0; i < 2; i++) {
		stage->crowd.people[i].kind = FSYI_KIND_LOCK;
		fsy_atomic_u32_store_rlx(&stage->crowd.people[i].park, 1);
		crowd_join(&stage->crowd, i, &stage->word, 0, cpu + i, false);
	}
	fsyi_queue_find(&stage->crowd.bucket, &stage->word)->turn_at = due ? 0 : INT64_MAX;
	fsy_atomic_u32_store_rlx(&stage->word, LW_QUEUED);
}

static void
clear_stage(struct stage *stage)
{
	for (int i = 0; i < 2; i++)
		if (stage->crowd.people[i].queue != NULL)
			crowd_leave(&stage->crowd, i);
	crowd_free(&stage->crowd);
}

static void
visit(bool due, bool eldest_lost, bool other_lost, int woken, uint32_t token, uint32_t word)
{
	struct stage stage;

	set_stage(&stage, due);
	stage.crowd.people[0].lost = eldest_lost;
	stage.crowd.people[1].lost = other_lost;
	fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
	assert_null(stage.crowd.people[woken].queue);
	assert_non_null(stage.crowd.people[1 - woken].queue);
	assert_int_equal(stage.crowd.people[woken].token, token);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), word);
	clear_stage(&stage);
}

static void
test_prefers_a_free_cpu(void **state)
{
	(void)state;
	visit(false, false, false, 1, FSYI_TOKEN_NORMAL, LW_QUEUED | LW_SEARCHER);
	visit(true, false, false, 1, FSYI_TOKEN_NORMAL, LW_QUEUED | LW_SEARCHER);
	visit(false, false, true, 1, FSYI_TOKEN_NORMAL, LW_QUEUED | LW_SEARCHER);
	visit(false, true, true, 1, FSYI_TOKEN_NORMAL, LW_QUEUED | LW_SEARCHER);
}

/* Woken in vain, and its turn is over: else the eldest, or the one that is preferred and late each time, waits for ever. */
static void
test_hands_over_once_a_turn(void **state)
{
	(void)state;
	visit(true, true, false, 0, FSYI_TOKEN_HANDOFF, LW_QUEUED | LW_LOCKED);
	visit(true, false, true, 0, FSYI_TOKEN_HANDOFF, LW_QUEUED | LW_LOCKED);
}

static void
looks(struct stage *stage, bool paid)
{
	for (int i = 0; i < 64; i++) {
		fsyi_lockword_note_release(&stage->lock);       /* another holder */
		fsyi_lockword_note_search(&stage->lock, paid ? 2000 : INT64_MAX, paid);
	}
	assert_int_equal(fsyi_lockword_is_hopeless(&stage->lock), !paid);
}

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

/* The lock has been taken again, and a turn is due: somebody is woken to search, or, where looks are hopeless, the turn stays due until a visit finds
 * the lock free. */
static void
test_turn_of_a_lock_taken_again(void **state)
{
	struct stage stage;

	(void)state;
	for (int hopeless = 0; hopeless < 2; hopeless++) {
		set_stage(&stage, true);
		looks(&stage, !hopeless);
		stage.crowd.people[0].lost = true;
		fsy_atomic_u32_store_rlx(&stage.word, LW_LOCKED | LW_QUEUED);
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED | LW_QUEUED | (hopeless ? 0 : LW_SEARCHER));
		assert_int_equal(stage.crowd.people[1].queue == NULL, !hopeless);
		if (hopeless) {
			fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED);
			fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
			assert_int_equal(stage.crowd.people[0].token, FSYI_TOKEN_HANDOFF);
			assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED | LW_QUEUED);
		}
		looks(&stage, true);
		clear_stage(&stage);
	}
}

/* A lock is barred for a searcher that waits for this CPU, but not for one that would not look for the bar's sake. */
static void
test_bars_for_who_looks(void **state)
{
	struct stage stage;

	(void)state;
	for (int hopeless = 0; hopeless < 2; hopeless++) {
		int64_t before = fsyi_now();

		set_stage(&stage, true);
		looks(&stage, !hopeless);
		stage.busy = 255;
		stage.crowd.people[1].cpu = stage.crowd.people[0].cpu;
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_NOW);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED | LW_SEARCHER | (hopeless ? 0 : LW_BARRED));
		if (!hopeless)
			expect_bar(&stage, before);
		looks(&stage, true);
		clear_stage(&stage);
	}
}

/* While somebody searches unlocks need not come by. Where looks are in vain it sleeps again in a moment, and they go on coming, but not if it cannot
 * even run before they have stopped. */
static void
test_visits_for_a_searcher(void **state)
{
	struct fsyi_waitq *queue;
	struct stage stage;

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool hopeless = i & 1, here = i & 2;

		set_stage(&stage, false);
		looks(&stage, !hopeless);
		stage.hint = here ? (uint16_t)(fsyi_cpu() + 1) : 0;
		queue = fsyi_queue_find(&stage.crowd.bucket, &stage.word);
		fsyi_queue_arm(queue);
		fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED | LW_SEARCHER);
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED | LW_SEARCHER);
		assert_int_equal(queue->armed, hopeless && !here);
		fsyi_queue_disarm(queue);
		looks(&stage, true);
		clear_stage(&stage);
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

		set_stage(&stage, when == DUE);
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
		clear_stage(&stage);
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
	set_stage(&stage, false);
	fsyi_lockword_i_bar(&stage.lock, before - 1000000000);
	assert_true(fsyi_lockword_may_bar(&stage.lock, before));
	fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED | LW_SEARCHER | LW_BARRED);
	fsyi_lockword_resume(&stage.lock, FSYI_UNPARKED_NORMAL);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED | LW_LOCKED);
	assert_false(fsyi_lockword_may_bar(&stage.lock, before));
	while (!fsyi_lockword_may_bar(&stage.lock, fsyi_now()))
		;
	clear_stage(&stage);
}

/* Each release that visits the lot makes the next look in vain news. */
static void
test_tells_of_releases(void **state)
{
	struct stage stage;

	(void)state;
	set_stage(&stage, false);
	fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED | LW_SEARCHER);
	for (int i = 0; i < 64; i++)
		fsyi_lockword_note_search(&stage.lock, INT64_MAX, false);
	assert_false(fsyi_lockword_is_vain(&stage.lock));
	for (int i = 0; i < 64; i++) {
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_NOW);
		fsyi_lockword_note_search(&stage.lock, INT64_MAX, false);
	}
	assert_true(fsyi_lockword_is_vain(&stage.lock));
	looks(&stage, true);
	clear_stage(&stage);
}

/* With a searcher about, a fair unlock bars the lock in the same step; with sleepers only it hands over; else it is any unlock. */
static void
test_fair_unlock(void **state)
{
	struct stage stage;

	(void)state;
	set_stage(&stage, false);
	stage.held = 1;
	fsy_atomic_u32_store_rlx(&stage.word, LW_LOCKED | LW_QUEUED | LW_SEARCHER);
	assert_int_equal(fsyi_lockword_unlock_fair(&stage.lock), FSY_RELEASED_WAKE_);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED | LW_SEARCHER | LW_BARRED);
	assert_int_equal(stage.held, 0);
	assert_int_equal(fsyi_lockword_unlock_fair(&stage.lock), FSY_SUSPECT_);
	fsy_atomic_u32_store_rlx(&stage.word, LW_LOCKED | LW_QUEUED);
	assert_int_equal(fsyi_lockword_unlock_fair(&stage.lock), FSY_RELEASED_);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED | LW_QUEUED);
	assert_int_equal(stage.crowd.people[0].token, FSYI_TOKEN_HANDOFF);
	crowd_leave(&stage.crowd, 1);
	stage.held = 1;                         /* QUEUED, and nobody there: as a fork leaves it */
	assert_int_not_equal(fsyi_lockword_unlock_fair(&stage.lock), FSY_SUSPECT_);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED);
	clear_stage(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefers_a_free_cpu),
		cmocka_unit_test(test_hands_over_once_a_turn),
		cmocka_unit_test(test_turn_of_a_lock_taken_again),
		cmocka_unit_test(test_bars_for_who_looks),
		cmocka_unit_test(test_visits_for_a_searcher),
		cmocka_unit_test(test_turn_of_a_searcher_of_this_cpu),
		cmocka_unit_test(test_tells_how_long_a_bar_took),
		cmocka_unit_test(test_tells_of_releases),
		cmocka_unit_test(test_fair_unlock),
	};

	watchdog("lock word", 200);
	return cmocka_run_group_tests_name("lock word", tests, NULL, NULL);
}
