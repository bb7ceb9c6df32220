/* SPDX-License-Identifier: MIT */
/* What an unlock that visits the lot decides: who becomes the searcher, and when the lock is taken for the eldest instead. */
#include "lib/sync/lockword.h"
#include "lib/sys/cpu.h"
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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefers_a_free_cpu),
		cmocka_unit_test(test_hands_over_once_a_turn),
	};

	watchdog("lock word", 200);
	return cmocka_run_group_tests_name("lock word", tests, NULL, NULL);
}
