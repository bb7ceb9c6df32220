/* SPDX-License-Identifier: MIT */
/* What searches are worth: the averages of lockword_worth.c, and how long a searcher looks by them. */
#include "test/support/worth.h"

/* A search, each time for another holder. */
static void
search_once(const struct fsyi_lockword *which, int64_t took, bool paid)
{
	fsyi_lockword_note_release(which);
	fsyi_lockword_note_search(which, took, paid);
}

/* How many searches of that length, in vain or not, until it is (or is no longer) so. */
static int
searches_until(bool (*is)(const struct fsyi_lockword *), bool so, int64_t took, bool paid)
{
	int count = 0;

	while (is(&lock) != so && count < 1000) {
		search_once(&lock, took, paid);
		count++;
	}
	return count;
}

static void
make_hopeless(const struct fsyi_lockword *which)
{
	for (int i = 0; i < 64; i++)
		search_once(which, INT64_MAX, false);
	assert_true(fsyi_lockword_is_hopeless(which));
}

static void
test_searches_in_vain(void **state)
{
	int count;

	(void)state;
	assert_false(fsyi_lockword_is_vain(&lock));
	assert_int_equal(fsyi_lockword_search_ns(&lock), fsyi_tune.spin_ns);
	assert_int_equal(unprobed[cell(&lock)], 0);
	for (int i = 0; i < 100; i++)                   /* short looks say nothing of long ones, and are not asked while those pay */
		search_once(&lock, SHORT_NS, false);
	assert_int_equal(vain[cell(&lock)] + vain_short[cell(&lock)], 0);
	count = searches_until(fsyi_lockword_is_vain, true, SHORT_NS + 1, false);
	assert_in_range(count, COST / 2, COST);
	assert_false(fsyi_lockword_is_hopeless(&lock));
	count = searches_until(fsyi_lockword_is_hopeless, true, SHORT_NS, false);
	assert_in_range(count, COST / 2, COST);
	assert_false(fsyi_lockword_is_vain(&other));
}

/* Everybody who comes meets the holder that does not run: that is one search in vain, until the lock has been released. */
static void
test_one_holder_counts_once(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		fsyi_lockword_note_search(&lock, INT64_MAX, false);
	assert_false(fsyi_lockword_is_vain(&lock));
	assert_in_range(vain[cell(&lock)], 1, VAIN / 4);
	fsyi_lockword_note_search(&other, INT64_MAX, false);
	fsyi_lockword_note_release(&other);
	for (int i = 0; i < 2; i++)
		fsyi_lockword_note_search(&other, INT64_MAX, false);
	assert_true(vain[cell(&other)] > vain[cell(&lock)]);
	for (int i = 0; i < 64; i++)                    /* what has paid always counts */
		fsyi_lockword_note_search(&other, SHORT_NS + 1, true);
	assert_int_equal(vain[cell(&other)], 0);
}

/* One that finds the lock free without having waited is no evidence. */
static void
test_a_paid_look_brings_it_back(void **state)
{
	int was;

	(void)state;
	make_hopeless(&lock);
	was = vain_short[cell(&lock)];
	fsyi_lockword_note_search(&lock, 0, true);
	fsyi_lockword_note_search(&lock, SHORT_NS - 1, false);
	assert_int_equal(vain_short[cell(&lock)], was);
	assert_in_range(searches_until(fsyi_lockword_is_hopeless, false, SHORT_NS - 1, true), 2, GAIN);
	assert_true(fsyi_lockword_is_vain(&lock));
	make_hopeless(&lock);
	assert_in_range(searches_until(fsyi_lockword_is_vain, false, SHORT_NS + 1, true), 2, GAIN);
	assert_false(fsyi_lockword_is_hopeless(&lock));
	assert_int_equal(fsyi_lockword_search_ns(&lock), fsyi_tune.spin_ns);
}

static void
test_how_long_a_search_is(void **state)
{
	int longer = 0;

	(void)state;
	searches_until(fsyi_lockword_is_vain, true, SHORT_NS + 1, false);
	for (int i = 0; i < 3 * PROBE; i++) {
		int64_t length = fsyi_lockword_search_ns(&lock);

		longer += length == fsyi_tune.spin_ns;
		assert_true(length == fsyi_tune.spin_ns || length == SHORT_NS);
	}
	assert_int_equal(longer, 3);
	make_hopeless(&lock);
	longer = 0;
	for (int i = 0; i < 3 * RARE_PROBE; i++) {
		int64_t length = fsyi_lockword_search_ns(&lock);

		longer += length == fsyi_tune.spin_ns;
		assert_true(length == fsyi_tune.spin_ns || length == 0);
	}
	assert_int_equal(longer, 3);
}

/* Whoever searches, and whichever other locks the same threads take. */
static void
test_every_lock_is_probed(void **state)
{
	(void)state;
	for (int hopeless = 0; hopeless < 2; hopeless++) {
		int probes[2] = { 0, 0 };

		for (int i = 0; i < 64; i++) {
			search_once(&lock, SHORT_NS + 1, false);
			search_once(&other, SHORT_NS + 1, false);
			vain_short[cell(&lock)] = vain_short[cell(&other)] = hopeless ? 255 : 0;
		}
		for (int i = 0; i < 4 * (hopeless ? RARE_PROBE : PROBE); i++)
			probes[i % 2] += fsyi_lockword_search_ns(i % 2 ? &other : &lock) == fsyi_tune.spin_ns;
		assert_int_equal(probes[0], 2);
		assert_int_equal(probes[1], 2);
	}
}

static void
test_late_wakes(void **state)
{
	int count = 0;

	(void)state;
	assert_false(fsyi_lockword_wakes_late(&lock, false));
	while (!fsyi_lockword_wakes_late(&lock, true) && count < 1000)
		count++;
	assert_in_range(count, LATE_WEIGHT / 2, LATE_WEIGHT);
	assert_false(fsyi_lockword_wakes_late(&lock, false) && fsyi_lockword_wakes_late(&lock, false));
	for (int i = 0; i < 1000; i++)                  /* two in three; then one in three */
		fsyi_lockword_wakes_late(&lock, i % 3 != 0);
	assert_true(fsyi_lockword_wakes_late(&lock, true));
	for (int i = 0; i < 1000; i++)
		fsyi_lockword_wakes_late(&lock, i % 3 == 0);
	assert_false(fsyi_lockword_wakes_late(&lock, false));
	for (int i = 0; i < 64; i++)
		fsyi_lockword_wakes_late(&lock, true);
	for (count = 0; fsyi_lockword_wakes_late(&lock, false) && count < 1000; count++)
		;
	assert_in_range(count, LATE_WEIGHT / 2, LATE_WEIGHT);
	assert_false(fsyi_lockword_wakes_late(&other, true));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_searches_in_vain, begin),
		cmocka_unit_test_setup(test_a_paid_look_brings_it_back, begin),
		cmocka_unit_test_setup(test_one_holder_counts_once, begin),
		cmocka_unit_test_setup(test_how_long_a_search_is, begin),
		cmocka_unit_test_setup(test_every_lock_is_probed, begin),
		cmocka_unit_test_setup(test_late_wakes, begin),
	};

	watchdog("what looks are worth", 200);
	return cmocka_run_group_tests_name("what looks are worth", tests, NULL, NULL);
}
