/* SPDX-License-Identifier: MIT */
/* Whoever waits for a lock whose holder took it on this CPU does not look; what a searcher that was woken learns from what it finds. */
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

enum { LONG_NS = 100000000 };

/* A lock that is held, by a thread that took it on this CPU or who knows where; nobody sleeps for it. So far looks have paid, and they last long. */
static void
hold(struct stage *stage, bool here)
{
	stage_set(stage, false);
	for (int i = 0; i < 2; i++)
		crowd_leave(&stage->crowd, i);
	stage_looks(stage, true);
	fsyi_tune.brief_spin_ns = fsyi_tune.spin_ns = LONG_NS;
	stage->held = here ? fsyi_cpu_mark(fsyi_cpu()) : FSY_LW_HELD_;
	fsy_atomic_u32_store_rlx(&stage->word, LW_LOCKED);
}

static void
let_go(struct stage *stage)
{
	fsyi_tune.brief_spin_ns = 1000;
	fsyi_tune.spin_ns = 30000;
	stage_clear(stage);
}

/* How long a thread tries that must not sleep, and does not get it. */
static int64_t
try_awake(const struct stage *stage)
{
	uint32_t word = fsy_atomic_u32_load_rlx(&stage->word);
	int64_t before = fsyi_now();

	assert_false(fsyi_lockword_lock_awake(&stage->lock, FSY_FOREVER));
	assert_int_equal(fsy_atomic_u32_load_rlx(&stage->word), word);
	return fsyi_now() - before;
}

static void
test_does_not_look_for_a_thread_of_this_cpu(void **state)
{
	struct stage stage;

	(void)state;
	hold(&stage, true);
	fsyi_tune.brief_spin_ns = fsyi_tune.spin_ns = 100000000000;     /* the watchdog ends it first */
	try_awake(&stage);
	fsy_atomic_u32_store_rlx(&stage.word, LW_LOCKED | LW_SEARCHER); /* nor beside another who looks */
	try_awake(&stage);
	let_go(&stage);
	hold(&stage, false);
	assert_true(try_awake(&stage) >= LONG_NS);
	let_go(&stage);
	hold(&stage, true);
	if (fsyi_cpu_count() == 1) {            /* where nobody looks for long */
		let_go(&stage);
		return;
	}
	stage.busy = 255;                                               /* pressed: the searcher waits for the end of a tenure */
	assert_true(try_awake(&stage) >= LONG_NS);
	let_go(&stage);
}

/* It is a look in vain all the same: a lock whose holders are met like that again and again is hopeless. */
static void
test_learns_from_threads_of_this_cpu(void **state)
{
	struct stage stage;

	(void)state;
	hold(&stage, true);
	for (int i = 0; i < 64; i++) {
		assert_false(fsyi_lockword_is_vain(&stage.lock) && i < 4);
		fsyi_lockword_note_release(&stage.lock);
		try_awake(&stage);
	}
	assert_true(fsyi_lockword_is_vain(&stage.lock));
	stage_looks(&stage, true);
	let_go(&stage);
}

static void *
take_it_there(void *arg)
{
	struct stage *stage = (struct stage *)arg;

	while (FSY_RAW_LOAD_(&stage->hint, __ATOMIC_RELAXED) == 0)      /* there is a searcher, and it looks */
		fsyi_relax();
	FSY_RAW_STORE_(&stage->held, fsyi_cpu_mark(FSY_RAW_LOAD_(&stage->hint, __ATOMIC_RELAXED) - 1), __ATOMIC_RELAXED);
	return NULL;
}

/* A searcher that was off the CPU finds a holder that has got it there meanwhile. */
static void
test_stops_looking(void **state)
{
	pthread_t taker;
	struct stage stage;

	(void)state;
	hold(&stage, false);
	fsyi_tune.brief_spin_ns = 0;
	fsyi_tune.spin_ns = 100000000000;
	taker = worker_start(take_it_there, &stage);
	try_awake(&stage);
	worker_join(taker);
	workers_assert();
	let_go(&stage);
}

/* A searcher that was woken comes at any time: what it finds tells how pressed the lock is, unless it was kept free for it. */
static void
test_learns_how_pressed_it_is(void **state)
{
	enum { FREE, BARRED, HELD, CASES };
	static const uint8_t expected[CASES] = { 80 - 80 / 32, 80, 80 + (255 - 80) / 32 };
	pthread_t holder = 0;
	struct stage stage;

	(void)state;
	for (int found = FREE; found < (fsyi_cpu_count() == 1 ? HELD : CASES); found++) {
		hold(&stage, false);
		stage.busy = 80;
		fsy_atomic_u32_store_rlx(&stage.word, LW_SEARCHER | (found == BARRED ? LW_BARRED : found == HELD ? LW_LOCKED : 0));
		if (found == HELD)
			holder = worker_start(stage_release, &stage);
		fsyi_lockword_resume(&stage.lock, FSYI_UNPARKED_NORMAL);
		if (found == HELD)
			worker_join(holder);
		assert_int_equal(fsy_atomic_u32_load_rlx(&stage.word), LW_LOCKED);
		assert_int_equal(stage.busy, expected[found]);
		let_go(&stage);
	}
	workers_assert();
}

/* A lock that was waited for says where it was taken. */
static void
test_says_where_it_is_held(void **state)
{
	struct stage stage;

	(void)state;
	hold(&stage, false);
	fsy_atomic_u32_store_rlx(&stage.word, LW_SEARCHER);
	fsyi_lockword_resume(&stage.lock, FSYI_UNPARKED_NORMAL);
	assert_int_equal(stage.held, fsy_attention_ != NULL ? fsyi_cpu_mark(fsyi_cpu()) : FSY_LW_HELD_);
	assert_true(fsyi_lockword_holder_waits_for_me(&stage.lock, LW_LOCKED) == (fsy_attention_ != NULL));
	assert_false(fsyi_lockword_holder_waits_for_me(&stage.lock, 0));
	let_go(&stage);
}

/* Whom it is handed to is elsewhere, and says where once it runs: until then nobody is to go by the last holder. */
static void
test_hand_over_forgets_where(void **state)
{
	struct stage stage;

	(void)state;
	stage_set(&stage, false);
	stage.held = fsyi_cpu_mark(fsyi_cpu());
	fsy_atomic_u32_store_rlx(&stage.word, LW_LOCKED | LW_QUEUED);
	assert_true(fsyi_lockword_holder_waits_for_me(&stage.lock, LW_LOCKED));
	assert_int_equal(fsyi_lockword_unlock_fair(&stage.lock), FSY_RELEASED_);
	assert_true(fsy_atomic_u32_load_rlx(&stage.word) & LW_LOCKED);
	assert_int_equal(stage.held, FSY_LW_HELD_);
	stage_clear(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_does_not_look_for_a_thread_of_this_cpu),
		cmocka_unit_test(test_learns_from_threads_of_this_cpu),
		cmocka_unit_test(test_stops_looking),
		cmocka_unit_test(test_learns_how_pressed_it_is),
		cmocka_unit_test(test_says_where_it_is_held),
		cmocka_unit_test(test_hand_over_forgets_where),
	};

	watchdog("lock word, held on this CPU", 60);
	return cmocka_run_group_tests_name("lock word, held on this CPU", tests, NULL, NULL);
}
