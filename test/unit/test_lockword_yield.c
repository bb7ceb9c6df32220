/* SPDX-License-Identifier: MIT */
/* What else lockword_worth.c remembers: what yields have brought, how long sections last, and for how long bars made everybody wait. */
#include "test/support/worth.h"

/* Lets others run while the lock is held, which it is until so many yields have been made; each takes so long. */
static bool
let_run(bool held, int yields_to_free, int64_t yield_takes)
{
	uint32_t seen = held ? LW_LOCKED : 0;
	bool is_free;

	fsy_atomic_u32_store_rlx(lock.word, seen);
	yield_count = 0;
	frees_after = yields_to_free;
	yield_ns = yield_takes;
	is_free = fsyi_lockword_let_run(&lock, &seen);
	assert_int_equal(is_free, !(seen & LW_LOCKED));
	assert_int_equal(seen, fsy_atomic_u32_load_rlx(lock.word));
	return is_free;
}

static void
test_lets_others_run(void **state)
{
	(void)state;
	assert_true(let_run(false, 0, 1000));
	assert_int_equal(yield_count, 0);
	assert_true(let_run(true, 1, 1000));
	assert_int_equal(yield_count, 1);
	assert_true(let_run(true, 3, 1000));
	assert_int_equal(yield_count, 3);
	assert_false(let_run(true, 0, 1000));
	assert_int_equal(yield_count, MOST_YIELDS);
	assert_false(let_run(true, 0, DEAR_YIELD_NS));  /* others want the CPU for longer than a sleep costs */
	assert_int_equal(yield_count, 1);
	for (int i = 0; i < 100; i++)                   /* in vain, but nobody else wants the CPU */
		assert_false(let_run(true, 0, 1000));
	assert_int_equal(yield_count, MOST_YIELDS);
}

static void
test_dear_yields_are_rare(void **state)
{
	int64_t slice = 4000000, before;
	int tries = 0;

	(void)state;
	while (yields[cell(&lock)] * YIELD_UNIT_NS <= DEAR_YIELD_NS && tries++ < 1000)
		assert_true(let_run(true, 1, slice));
	assert_in_range(tries, 2, YIELD_WEIGHT);
	before = clock_ns;
	assert_false(let_run(true, 1, slice));
	assert_int_equal(yield_count, 0);
	assert_true(let_run(false, 0, slice));          /* free as it is: that is no yield that took no time */
	assert_false(let_run(true, 1, slice));
	clock_ns = before + SELDOM * slice - 1;
	assert_false(let_run(true, 1, slice));
	assert_int_equal(yield_count, 0);
	clock_ns++;
	assert_true(let_run(true, 1, slice));
	assert_int_equal(yield_count, 1);
	for (tries = 0; yields[cell(&lock)] * YIELD_UNIT_NS > DEAR_YIELD_NS && tries < 1000; tries++) {
		clock_ns += SELDOM * slice;
		let_run(true, 1, 1000);
	}
	assert_in_range(tries, 1, 2 * YIELD_WEIGHT);
	assert_true(let_run(true, 1, 1000) && let_run(true, 1, 1000));
	assert_int_equal(yield_count, 1);
}

/* Long sections make the searcher patient, and a search that much longer; those that are too long are not waited for. */
static void
test_patience_goes_by_sections(void **state)
{
	(void)state;
	assert_int_equal(fsyi_lockword_patience_ns(&lock), fsyi_tune.patience_ns);
	for (int i = 0; i < 100; i++)                   /* so long it takes to be handed the shortest */
		fsyi_lockword_note_rest(&lock, i % 2 ? REST_LEAST_NS : 0);
	assert_int_equal(fsyi_lockword_patience_ns(&lock), fsyi_tune.patience_ns);
	for (int i = 0; i < 100; i++)
		fsyi_lockword_note_rest(&lock, 1000 + REST_LEAST_NS);
	assert_in_range(fsyi_lockword_patience_ns(&lock), SECTIONS * 1000 * 9 / 10, SECTIONS * 1000);
	assert_int_equal(fsyi_lockword_search_ns(&lock) - fsyi_tune.spin_ns, fsyi_lockword_patience_ns(&lock) - fsyi_tune.patience_ns);
	for (int i = 0; i < 100; i++)
		fsyi_lockword_note_rest(&lock, REST_MOST_NS);
	assert_int_equal(fsyi_lockword_patience_ns(&lock), fsyi_tune.patience_max_ns);
	for (int i = 0; i < 200; i++)
		fsyi_lockword_note_rest(&lock, REST_MOST_NS + 1);
	assert_int_equal(fsyi_lockword_patience_ns(&lock), fsyi_tune.patience_ns);
}

/* A bar that keeps everybody waiting for long is not repeated for a while; one that does not, and one that was somebody else's, are. */
static void
test_dear_bars_are_rare(void **state)
{
	int64_t now = clock_ns;

	(void)state;
	assert_true(fsyi_lockword_may_bar(&lock, now));
	fsyi_lockword_note_bar(&lock, now);
	assert_true(fsyi_lockword_may_bar(&lock, now));
	fsyi_lockword_i_bar(&lock, now);
	fsyi_lockword_note_bar(&lock, now + DEAR_BAR_NS);
	assert_true(fsyi_lockword_may_bar(&lock, now));
	fsyi_lockword_i_bar(&lock, now);
	fsyi_lockword_note_bar(&lock, now + DEAR_BAR_NS + 1);
	now += DEAR_BAR_NS + 1;
	assert_false(fsyi_lockword_may_bar(&lock, now));
	assert_true(fsyi_lockword_may_bar(&other, now));
	fsyi_lockword_note_bar(&lock, INT64_MAX / 2);                   /* it has been noted */
	assert_false(fsyi_lockword_may_bar(&lock, now + BAR_SHARE * (DEAR_BAR_NS + 1) - 1));
	now += BAR_SHARE * (DEAR_BAR_NS + 1);
	assert_true(fsyi_lockword_may_bar(&lock, now));
	fsyi_lockword_i_bar(&lock, now);
	fsyi_lockword_note_bar(&lock, now + 10 * (int64_t)DEAREST_BAR_NS);
	assert_false(fsyi_lockword_may_bar(&lock, now + (10 + BAR_SHARE) * (int64_t)DEAREST_BAR_NS - 1));
	assert_true(fsyi_lockword_may_bar(&lock, now + (10 + BAR_SHARE) * (int64_t)DEAREST_BAR_NS));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lets_others_run, begin),
		cmocka_unit_test_setup(test_dear_yields_are_rare, begin),
		cmocka_unit_test_setup(test_patience_goes_by_sections, begin),
		cmocka_unit_test_setup(test_dear_bars_are_rare, begin),
	};

	watchdog("what yields and tenures are worth", 200);
	return cmocka_run_group_tests_name("what yields and tenures are worth", tests, NULL, NULL);
}
