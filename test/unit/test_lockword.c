/* SPDX-License-Identifier: MIT */
/* What an unlock that visits the lot decides: who becomes the searcher, and when the lock is taken for the eldest instead. */
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

static void
visit(bool due, bool eldest_lost, bool other_lost, int woken, uint32_t token, uint32_t word)
{
	struct stage stage;

	stage_set(&stage, due);
	stage.crowd.people[0].lost = eldest_lost;
	stage.crowd.people[1].lost = other_lost;
	fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
	assert_null(stage.crowd.people[woken].queue);
	assert_non_null(stage.crowd.people[1 - woken].queue);
	assert_int_equal(stage.crowd.people[woken].token, token);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), word);
	assert_int_equal(fsyi_queue_find(&stage.crowd.bucket, &stage.word)->turn_at == (due ? 0 : INT64_MAX), !due);
	stage_clear(&stage);
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

/* The lock has been taken again, and a turn is due: somebody is woken to search, or, where looks are hopeless, the turn stays due, and unlocks go on
 * coming by, until a visit finds the lock free. */
static void
test_turn_of_a_lock_taken_again(void **state)
{
	struct stage stage;

	(void)state;
	for (int hopeless = 0; hopeless < 2; hopeless++) {
		stage_set(&stage, true);
		stage_looks(&stage, !hopeless);
		stage.crowd.people[0].lost = true;
		fsy_atomic_u32_store_rlx(&stage.word, LW_LOCKED | LW_QUEUED);
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED | LW_QUEUED | (hopeless ? 0 : LW_SEARCHER));
		assert_int_equal(stage.crowd.people[1].queue == NULL, !hopeless);
		assert_int_equal(fsyi_queue_find(&stage.crowd.bucket, &stage.word)->turn_at == 0, hopeless);
		if (hopeless) {
			fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED);
			fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
			assert_int_equal(stage.crowd.people[0].token, FSYI_TOKEN_HANDOFF);
			assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED | LW_QUEUED);
		}
		stage_looks(&stage, true);
		stage_clear(&stage);
	}
}

/* How long an unlock takes that visits the lot, if nobody disturbs it. */
static int64_t
shortest_wake(const struct stage *stage)
{
	int64_t before, took, shortest = INT64_MAX;

	for (int i = 0; i < 100; i++) {
		before = fsyi_now();
		fsyi_lockword_wake(&stage->lock, FSYI_WAKE_LATER);
		took = fsyi_now() - before;
		shortest = took < shortest ? took : shortest;
	}
	return shortest;
}

/* Where looks are hopeless and a turn is very late, whoever lets go looks on for a moment, and keeps out of the way meanwhile: of two who take the
 * lock in turns the other one then finds it free. */
static void
test_stays_away_for_a_late_turn(void **state)
{
	enum { MOMENT_NS = 1000 };
	int64_t turn_max_ns = fsyi_tune.turn_max_ns, in_time;
	struct stage stage;

	(void)state;
	stage_set(&stage, true);
	stage_looks(&stage, false);
	fsy_atomic_u32_store_rlx(&stage.word, LW_LOCKED | LW_QUEUED);
	fsyi_tune.turn_max_ns = INT64_MAX;              /* due, and not late */
	in_time = shortest_wake(&stage);
	fsyi_tune.turn_max_ns = turn_max_ns;
	assert_true(shortest_wake(&stage) >= in_time + MOMENT_NS);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED | LW_QUEUED);
	stage_looks(&stage, true);
	stage_clear(&stage);
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

		stage_set(&stage, false);
		stage_looks(&stage, !hopeless);
		stage.hint = here ? (uint16_t)(fsyi_cpu() + 1) : 0;
		queue = fsyi_queue_find(&stage.crowd.bucket, &stage.word);
		fsyi_queue_arm(queue);
		fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED | LW_SEARCHER);
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_LATER);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_QUEUED | LW_SEARCHER);
		assert_int_equal(queue->armed, hopeless && !here);
		fsyi_queue_disarm(queue);
		stage_looks(&stage, true);
		stage_clear(&stage);
	}
}

/* Each release that visits the lot makes the next look in vain news. */
static void
test_tells_of_releases(void **state)
{
	struct stage stage;

	(void)state;
	stage_set(&stage, false);
	fsy_atomic_u32_store_rlx(&stage.word, LW_QUEUED | LW_SEARCHER);
	for (int i = 0; i < 64; i++)
		fsyi_lockword_note_search(&stage.lock, INT64_MAX, false);
	assert_false(fsyi_lockword_is_vain(&stage.lock));
	for (int i = 0; i < 64; i++) {
		fsyi_lockword_wake(&stage.lock, FSYI_WAKE_NOW);
		fsyi_lockword_note_search(&stage.lock, INT64_MAX, false);
	}
	assert_true(fsyi_lockword_is_vain(&stage.lock));
	stage_looks(&stage, true);
	stage_clear(&stage);
}

/* With a searcher about, a fair unlock bars the lock in the same step; with sleepers only it hands over; else it is any unlock. */
static void
test_fair_unlock(void **state)
{
	struct stage stage;

	(void)state;
	stage_set(&stage, false);
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
	stage_clear(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefers_a_free_cpu),
		cmocka_unit_test(test_hands_over_once_a_turn),
		cmocka_unit_test(test_turn_of_a_lock_taken_again),
		cmocka_unit_test(test_stays_away_for_a_late_turn),
		cmocka_unit_test(test_visits_for_a_searcher),
		cmocka_unit_test(test_tells_of_releases),
		cmocka_unit_test(test_fair_unlock),
	};

	watchdog("lock word", 200);
	return cmocka_run_group_tests_name("lock word", tests, NULL, NULL);
}
