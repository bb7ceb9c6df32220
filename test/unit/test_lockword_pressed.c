/* SPDX-License-Identifier: MIT */
/* What makes a lock pass for pressed, and what a searcher of one does about it: it stays away for a while, though it finds the lock free. */
#include "lib/sys/clock.h"
#include "lib/sys/cpu.h"
#include "lib/sys/tune.h"
#include "test/support/locks.h"
#include "test/support/stage.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { AWAY_NS = 20000000, SAMPLES = 16, PRESSED = 103 };

/* A free lock that nobody waits for. */
static void
set(struct stage *stage, uint8_t busy)
{
	stage_set(stage, false);
	for (int i = 0; i < 2; i++)
		crowd_leave(&stage->crowd, i);
	stage_looks(stage, true);
	stage->busy = busy;
	fsy_atomic_u32_store_rlx(&stage->word, 0);
	fsyi_thread_self()->moved = false;
	fsyi_tune.first_look_ns = fsyi_tune.patience_ns = AWAY_NS;
	fsyi_tune.spin_ns = 1000 * (int64_t)AWAY_NS;
	fsyi_tune.often_ns = AWAY_NS;           /* as fast as this machine comes */
}

static void
clear(struct stage *stage)
{
	fsyi_tune.first_look_ns = 12000;
	fsyi_tune.patience_ns = 16000;
	fsyi_tune.spin_ns = 30000;
	fsyi_tune.often_ns = 4000;
	stage_clear(stage);
}

/* Locks after the fast path would have failed; how long that took. */
static int64_t
lock(struct stage *stage, int64_t patience_ns, int expected)
{
	int64_t start = fsyi_now();

	assert_int_equal(fsyi_lockword_lock(&stage->lock, patience_ns == 0 ? FSY_FOREVER : start + patience_ns), expected);
	return fsyi_now() - start;
}

static void
test_is_not_taken_at_the_first_look(void **state)
{
	struct stage stage;

	(void)state;
	if (fsyi_cpu_count() == 1)              /* where nobody would come back meanwhile */
		return;
	set(&stage, 255);
	assert_true(lock(&stage, 0, 0) >= AWAY_NS);
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED);
	clear(&stage);
}

/* Of a lock that readers share, and that is not found locked most of the time, for a third of that. */
static void
test_is_taken_sooner_among_readers(void **state)
{
	enum { READ = 130, WRITTEN = 160, LONG_NS = 900000000 };
	struct stage stage;

	(void)state;
	for (int shared = 0; shared < 2; shared++) {
		set(&stage, READ);
		stage.lock.shared = shared;
		fsyi_tune.first_look_ns = fsyi_tune.patience_ns = LONG_NS;
		assert_int_equal(fsyi_lockword_first_look_ns(&stage.lock), shared ? LONG_NS / 3 : LONG_NS);
		if (shared && fsyi_cpu_count() > 1)
			assert_in_range(lock(&stage, 0, 0), LONG_NS / 3, LONG_NS - 1);
		stage.busy = WRITTEN;
		assert_int_equal(fsyi_lockword_first_look_ns(&stage.lock), LONG_NS);
		clear(&stage);
	}
}

/* Unless it is kept free for it, or it was woken to take it. */
static void
test_is_taken_by_who_was_told(void **state)
{
	struct stage stage;
	int64_t start;

	(void)state;
	for (int barred = 0; barred < 2; barred++) {
		set(&stage, 255);
		fsyi_tune.first_look_ns = fsyi_tune.patience_ns = fsyi_tune.spin_ns = 100000000000;     /* the watchdog ends it first */
		start = fsyi_now();
		fsy_atomic_u32_store_rlx(&stage.word, LW_SEARCHER | (barred ? LW_BARRED | LW_QUEUED : 0));
		fsyi_lockword_resume(&stage.lock, FSYI_UNPARKED_NORMAL);
		assert_true(fsyi_now() - start < fsyi_tune.first_look_ns);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED | (barred ? LW_QUEUED : 0));
		clear(&stage);
	}
}

/* Or it may not sleep here, and has stayed away before it came. */
static void
test_is_taken_by_who_must_stay_awake(void **state)
{
	struct stage stage;

	(void)state;
	set(&stage, 255);
	fsyi_tune.first_look_ns = fsyi_tune.patience_ns = fsyi_tune.spin_ns = 100000000000;
	assert_true(fsyi_lockword_lock_awake(&stage.lock, FSY_FOREVER));
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED);
	clear(&stage);
}

/* Whose deadline is over takes it if it is free, though others sleep, for whom it would have been barred first. */
static void
test_is_taken_at_the_deadline(void **state)
{
	struct stage stage;

	(void)state;
	for (int queued = 0; queued < (fsyi_cpu_count() == 1 ? 0 : 2); queued++) {
		set(&stage, 255);
		fsy_atomic_u32_store_rlx(&stage.word, queued ? LW_QUEUED : 0);
		assert_true(lock(&stage, AWAY_NS / 4, 0) >= AWAY_NS / 4);
		assert_true(fsy_atomic_u32_load_rlx(&stage.word) & LW_LOCKED);
		assert_false(fsy_atomic_u32_load_rlx(&stage.word) & (LW_SEARCHER | LW_BARRED));
		clear(&stage);
	}
}

/* One that comes to it again and again finds it pressed, wherever it is free when looked at; one that comes now and then does not. */
static void
test_who_comes_often(void **state)
{
	struct stage stage;

	(void)state;
	for (int often = 0; often < 2; often++) {
		set(&stage, 0);
		if (!often)
			fsyi_tune.often_ns = 500;
		for (int i = 0; i < 100 * SAMPLES && stage.busy < PRESSED; i++) {
			if (!often)
				fsyi_delay(1000);
			lock(&stage, 0, 0);
			fsy_atomic_u32_store_rlx(&stage.word, 0);
		}
		assert_int_equal(fsyi_lockword_is_pressed(&stage.lock), often);
		assert_true(often || stage.busy == 0);
		clear(&stage);
	}
}

/* That is known of the lock to which it comes often, not of another on its way. */
static void
test_comes_often_to_one(void **state)
{
	fsy_atomic_u32 word = { LW_QUEUED };
	uint8_t busy = 0;
	struct fsyi_lockword other;
	struct stage stage;

	(void)state;
	set(&stage, 0);
	other = stage.lock;
	other.word = &word;
	other.busy = &busy;
	for (int i = 0; i < 100 * SAMPLES && stage.busy < PRESSED; i++) {
		for (int j = 0; j < SAMPLES && stage.busy < PRESSED; j++) {
			lock(&stage, 0, 0);
			fsy_atomic_u32_store_rlx(&stage.word, 0);
		}
		assert_int_equal(fsyi_lockword_lock(&other, FSY_FOREVER), 0);
		fsy_atomic_u32_store_rlx(&word, LW_QUEUED);     /* it is looked at a second time whenever somebody comes */
	}
	assert_true(fsyi_lockword_is_pressed(&stage.lock));
	assert_int_equal(busy, 0);
	clear(&stage);
}

/* So many samples in a row find it free; how many of them count. */
static int
found_free(struct stage *stage, int samples, int64_t now)
{
	int before, steps = 0;

	for (int i = 0; i < samples; i++) {
		before = stage->busy;
		fsyi_lockword_sample(&stage->lock, false, false, now);
		steps += stage->busy != before;
	}
	return steps;
}

/* A lock that is fought for is found free between two tenures, too: what speaks against it counts an eighth, for a while. */
static void
test_is_doubted(void **state)
{
	enum { A_WHILE_NS = 10000000 };
	int64_t now = fsyi_now() + 1000000000;  /* other tests' fights are over */
	struct stage stage;

	(void)state;
	set(&stage, 255);
	assert_int_equal(found_free(&stage, 16, now), 16);              /* nobody comes often */
	fsyi_lockword_sample(&stage.lock, false, true, now);
	stage.busy = 255;
	assert_int_equal(found_free(&stage, 80, now + A_WHILE_NS - 1), 10);
	assert_true(fsyi_lockword_is_pressed(&stage.lock));
	assert_int_equal(found_free(&stage, 16, now + A_WHILE_NS), 16);
	fsyi_lockword_sample(&stage.lock, false, true, now);
	stage.busy = PRESSED - 1;                                       /* it does not pass for pressed */
	assert_int_equal(found_free(&stage, 8, now), 8);
	clear(&stage);
}

/* Whoever was signalled finds it held by who has signalled it: that says nothing. That it is free does. */
static void
test_a_signal_is_no_sample(void **state)
{
	pthread_t holder = 0;
	struct stage stage;

	(void)state;
	for (int held = 0; held < (fsyi_cpu_count() == 1 ? 1 : 2); held++) {
		set(&stage, 80);
		fsy_atomic_u32_store_rlx(&stage.word, LW_SEARCHER | (held ? LW_LOCKED : 0));
		fsyi_thread_self()->moved = true;
		if (held)
			holder = worker_start(stage_release, &stage);
		fsyi_lockword_resume(&stage.lock, FSYI_UNPARKED_NORMAL);
		if (held)
			worker_join(holder);
		assert_int_equal(stage.busy, held ? 80 : 80 - 80 / 32);
		clear(&stage);
	}
	workers_assert();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_not_taken_at_the_first_look),
		cmocka_unit_test(test_is_taken_sooner_among_readers),
		cmocka_unit_test(test_is_taken_by_who_was_told),
		cmocka_unit_test(test_is_taken_by_who_must_stay_awake),
		cmocka_unit_test(test_is_taken_at_the_deadline),
		cmocka_unit_test(test_who_comes_often),
		cmocka_unit_test(test_comes_often_to_one),
		cmocka_unit_test(test_is_doubted),
		cmocka_unit_test(test_a_signal_is_no_sample),
	};

	watchdog("lock word, pressed", 60);
	return cmocka_run_group_tests_name("lock word, pressed", tests, NULL, NULL);
}
