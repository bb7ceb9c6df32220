/* SPDX-License-Identifier: MIT */
/*
 * What waiting awake is worth: the averages of lockword_worth.c, and what follows from them. The file is compiled into the test, under other
 * names than the library's and with a clock and yields of the test's own, so that no machine is too slow for it.
 */
#include "lib/sys/clock.h"
#include "lib/sys/cpu.h"
#include "lib/sys/tune.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static int64_t clock_ns, yield_ns;
static int yield_count, frees_after;
static fsy_atomic_u32 words[1 << 16];
static struct fsyi_thread *me;

static int64_t own_now(void) { return clock_ns; }
static void own_yield(void);

#define fsyi_now own_now
#define fsyi_yield own_yield
#define fsyi_lockword_is_vain own_is_vain
#define fsyi_lockword_is_hopeless own_is_hopeless
#define fsyi_lockword_search_ns own_search_ns
#define fsyi_lockword_note_search own_note_search
#define fsyi_lockword_wakes_late own_wakes_late
#define fsyi_lockword_let_run own_let_run
#define fsyi_lockword_patience_ns own_patience_ns
#define fsyi_lockword_note_rest own_note_rest
#include "lib/sync/lockword_worth.c"

static struct fsyi_lockword lock = { .word = &words[0] }, other;

static void
own_yield(void)
{
	clock_ns += yield_ns;
	if (++yield_count == frees_after)
		fsy_atomic_u32_store_rlx(lock.word, 0);
}

static int
begin(void **state)
{
	(void)state;
	memset(vain, 0, sizeof vain);
	memset(vain_short, 0, sizeof vain_short);
	memset(late, 0, sizeof late);
	memset(yields, 0, sizeof yields);
	memset(yield_at, 0, sizeof yield_at);
	memset(rests, 0, sizeof rests);
	clock_ns = 1000000000;
	me = fsyi_thread_self();
	me->searches = 0;
	other.word = &words[1];
	while (cell(&other) == cell(&lock))
		other.word++;
	return 0;
}

/* How many searches of that length, in vain or not, until it is (or is no longer) so. */
static int
searches_until(bool (*is)(const struct fsyi_lockword *), bool so, int64_t took, bool paid)
{
	int count = 0;

	while (is(&lock) != so && count < 1000) {
		fsyi_lockword_note_search(&lock, took, paid);
		count++;
	}
	return count;
}

static void
make_hopeless(const struct fsyi_lockword *which)
{
	for (int i = 0; i < 64; i++)
		fsyi_lockword_note_search(which, INT64_MAX, false);
	assert_true(fsyi_lockword_is_hopeless(which));
}

static void
test_searches_in_vain(void **state)
{
	int count;

	(void)state;
	assert_false(fsyi_lockword_is_vain(&lock));
	assert_int_equal(fsyi_lockword_search_ns(&lock), fsyi_tune.spin_ns);
	assert_int_equal(me->searches, 0);
	for (int i = 0; i < 100; i++)                   /* short looks say nothing of long ones, and are not asked while those pay */
		fsyi_lockword_note_search(&lock, SHORT_NS, false);
	assert_int_equal(vain[cell(&lock)] + vain_short[cell(&lock)], 0);
	count = searches_until(fsyi_lockword_is_vain, true, SHORT_NS + 1, false);
	assert_in_range(count, COST / 2, COST);
	assert_false(fsyi_lockword_is_hopeless(&lock));
	count = searches_until(fsyi_lockword_is_hopeless, true, SHORT_NS, false);
	assert_in_range(count, COST / 2, COST);
	assert_false(fsyi_lockword_is_vain(&other));
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
	me->searches = 0;
	longer = 0;
	for (int i = 0; i < 3 * RARE_PROBE; i++) {
		int64_t length = fsyi_lockword_search_ns(&lock);

		longer += length == fsyi_tune.spin_ns;
		assert_true(length == fsyi_tune.spin_ns || length == 0);
	}
	assert_int_equal(longer, 3);
}

/* A thread that takes such locks in turn tries each of them again. */
static void
test_every_lock_is_probed(void **state)
{
	(void)state;
	for (int hopeless = 0; hopeless < 2; hopeless++) {
		int probes[2] = { 0, 0 };

		for (int i = 0; i < 64; i++) {
			fsyi_lockword_note_search(&lock, SHORT_NS + 1, false);
			fsyi_lockword_note_search(&other, SHORT_NS + 1, false);
			vain_short[cell(&lock)] = vain_short[cell(&other)] = hopeless ? 255 : 0;
		}
		me->searches = 0;
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
	for (int i = 0; i < 100; i++)
		fsyi_lockword_note_rest(&lock, 1000);
	assert_in_range(fsyi_lockword_patience_ns(&lock), SECTIONS * 1000 * 9 / 10, SECTIONS * 1000);
	assert_int_equal(fsyi_lockword_search_ns(&lock) - fsyi_tune.spin_ns, fsyi_lockword_patience_ns(&lock) - fsyi_tune.patience_ns);
	for (int i = 0; i < 100; i++)
		fsyi_lockword_note_rest(&lock, REST_MOST_NS);
	assert_int_equal(fsyi_lockword_patience_ns(&lock), fsyi_tune.patience_max_ns);
	for (int i = 0; i < 200; i++)
		fsyi_lockword_note_rest(&lock, REST_MOST_NS + 1);
	assert_int_equal(fsyi_lockword_patience_ns(&lock), fsyi_tune.patience_ns);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_searches_in_vain, begin),      cmocka_unit_test_setup(test_a_paid_look_brings_it_back, begin),
		cmocka_unit_test_setup(test_how_long_a_search_is, begin),  cmocka_unit_test_setup(test_every_lock_is_probed, begin),
		cmocka_unit_test_setup(test_late_wakes, begin),
		cmocka_unit_test_setup(test_lets_others_run, begin),       cmocka_unit_test_setup(test_dear_yields_are_rare, begin),
		cmocka_unit_test_setup(test_patience_goes_by_sections, begin),
	};

	watchdog("what looks are worth", 200);
	return cmocka_run_group_tests_name("what looks are worth", tests, NULL, NULL);
}
