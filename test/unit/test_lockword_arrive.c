/* SPDX-License-Identifier: MIT */
/* Whether a thread that comes to a lock that is held lets others run before it sleeps: lockword_arrive.c, compiled under another name and with
 * yields of the test's own. */
#include "lib/sys/clock.h"
#include "lib/sys/cpu.h"
#include "test/support/locks.h"
#include "test/support/stage.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void own_yield(void);

#define fsyi_yield own_yield
#define fsyi_lockword_arrive own_arrive
#include "lib/sync/lockword_arrive.c"

enum { WAIT_NS = 200000000 };

static struct stage stage;
static int yield_count, frees_after;

static void
own_yield(void)
{
	if (++yield_count == frees_after)
		fsy_atomic_u32_and_rlx(&stage.word, ~LW_LOCKED);
}

/* A thread comes while another searches; the holder lets go after so many yields. */
static enum lw_outcome
come(bool shared, bool awake, int yields)
{
	struct fsyi_waiting w = { .lock = &stage.lock, .awake = awake };
	enum lw_outcome outcome;

	stage_set(&stage, false);
	for (int i = 0; i < 2; i++)
		crowd_leave(&stage.crowd, i);
	stage_looks(&stage, true);
	stage.held = FSY_LW_HELD_;
	stage.lock.shared = shared;
	fsy_atomic_u32_store_rlx(&stage.word, LW_LOCKED | LW_SEARCHER);
	yield_count = 0;
	frees_after = yields;
	w.deadline = fsyi_now() + WAIT_NS;
	outcome = own_arrive(&w);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED | LW_SEARCHER);
	stage_clear(&stage);
	return outcome;
}

static void
test_writers_let_others_run(void **state)
{
	(void)state;
	for (int yields = 1; yields <= YIELDS; yields++) {
		assert_int_equal(come(true, false, yields), LW_TAKEN);
		assert_int_equal(yield_count, yields);
	}
	assert_int_equal(come(true, false, YIELDS + 1), LW_TIMEDOUT);
	assert_int_equal(yield_count, YIELDS);
}

/* Who waits for a mutex sleeps, since it is as fast without; who may not sleep here does that elsewhere. */
static void
test_others_do_not(void **state)
{
	(void)state;
	assert_int_equal(come(false, false, 1), LW_TIMEDOUT);
	assert_int_equal(yield_count, 0);
	assert_int_equal(come(true, true, 1), LW_TIMEDOUT);
	assert_int_equal(yield_count, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writers_let_others_run),
		cmocka_unit_test(test_others_do_not),
	};

	watchdog("yields before a lock word's sleep", 60);
	return cmocka_run_group_tests_name("yields before a lock word's sleep", tests, NULL, NULL);
}
