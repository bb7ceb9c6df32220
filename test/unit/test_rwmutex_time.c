/* SPDX-License-Identifier: MIT */
/* The rwmutex's deadlines: past ones are one attempt, others are met from above. */
#include "test/support/locks.h"
#include "test/support/rwlocks.h"
#include "test/support/settings.h"

#include <errno.h>
#include <fastsync/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static fsy_rwmutex_t shared;

static int
choose(enum readers_mode mode)
{
	rw_begin(&shared, mode);
	return 0;
}

static int choose_counted(void **state) { (void)state; return choose(READERS_COUNTED); }
static int choose_fenced(void **state) { (void)state; return choose(READERS_FENCED); }
static int choose_plain(void **state) { (void)state; return choose(READERS_PLAINLY); }
static int choose_joined(void **state) { (void)state; return choose(READERS_JOINED); }

static void
test_past_deadline_is_one_attempt(void **state)
{
	static const fsy_deadline_t past[] = { INT64_MIN, -1, 0, 1 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(fsy_rwmutex_rlock_until(&shared, past[i]), 0);
		assert_int_equal(fsy_rwmutex_lock_until(&shared, past[i]), FSY_ETIMEDOUT);
		assert_true(fsy_rwmutex_tryrlock(&shared));     /* the writer has left no trace */
		fsy_rwmutex_runlock(&shared);
		fsy_rwmutex_runlock(&shared);
		assert_int_equal(fsy_rwmutex_lock_until(&shared, past[i]), 0);
		assert_int_equal(fsy_rwmutex_rlock_until(&shared, past[i]), FSY_ETIMEDOUT);
		assert_int_equal(fsy_rwmutex_lock_until(&shared, past[i]), FSY_ETIMEDOUT);
		fsy_rwmutex_unlock(&shared);
		assert_rw_at_rest(&shared);
	}
}

/* Neither side returns early, nor late by much in the best of some rounds. */
static void
test_times_out_near_the_deadline(void **state)
{
	static const int spans[] = { 0, 5, 200, 3000, 40000 };  /* microseconds */

	(void)state;
	for (int i = 0; i < 10; i++) {
		int64_t least_late = INT64_MAX, late;

		if (i % 2)
			fsy_rwmutex_rlock(&shared);
		else
			fsy_rwmutex_lock(&shared);
		for (int round = 0; round < 4; round++) {
			fsy_deadline_t deadline = fsy_after_ns((int64_t)spans[i / 2] * 1000);
			int error;

			errno = 77;
			error = i % 2 ? fsy_rwmutex_lock_until(&shared, deadline) : fsy_rwmutex_rlock_until(&shared, deadline);
			assert_int_equal(error, FSY_ETIMEDOUT);
			late = fsy_now() - deadline;
			assert_true(late >= 0);
			assert_int_equal(errno, 77);
			least_late = late < least_late ? late : least_late;
		}
		assert_true(least_late < 1000000000);
		if (i % 2)
			fsy_rwmutex_runlock(&shared);
		else
			fsy_rwmutex_unlock(&shared);
		assert_rw_at_rest(&shared);
	}
}

#define EACH(test) \
	{ #test " (counted)", test, choose_counted, NULL, NULL }, { #test " (fenced)", test, choose_fenced, NULL, NULL }, \
	{ #test " (plain)", test, choose_plain, NULL, NULL }, { #test " (joined)", test, choose_joined, NULL, NULL }

static const struct CMUnitTest tests[] = {
	EACH(test_past_deadline_is_one_attempt),
	EACH(test_times_out_near_the_deadline),
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "deadlines of the rwmutex", tests, sizeof(tests) / sizeof(tests[0]), readers_settings, 0 };

	return settings_main(argc, argv, &group);
}
