/* SPDX-License-Identifier: MIT */
/* The clock, deadlines, and delays. */
#include "lib/sys/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

static int64_t
monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
test_now_is_clock_monotonic(void **state)
{
	int64_t before, now, also;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		before = monotonic();
		now = fsy_now();
		also = fsyi_now();
		assert_true(before <= now && now <= also && also <= monotonic());
	}
}

static void
test_after(void **state)
{
	int64_t before = fsy_now();
	fsy_deadline_t soon = fsy_after_ns(1000), later = fsy_after_ms(5);
	int64_t after = fsy_now();

	(void)state;
	assert_true(before + 1000 <= soon && soon <= after + 1000);
	assert_true(before + 5000000 <= later && later <= after + 5000000);
}

static void
test_after_at_the_edges(void **state)
{
	int64_t before = fsy_now();
	fsy_deadline_t past = fsy_after_ns(-1), far_past = fsy_after_ms(INT64_MIN), now = fsy_after_ns(0);

	(void)state;
	assert_true(before <= past && past <= far_past && far_past <= now && now <= fsy_now());
	assert_true(fsy_after_ns(INT64_MAX) == FSY_FOREVER);
	assert_true(fsy_after_ns(INT64_MAX - 1) == FSY_FOREVER);
	assert_true(fsy_after_ms(INT64_MAX) == FSY_FOREVER);
	assert_true(fsy_after_ms(INT64_MAX / 1000000) == FSY_FOREVER);
}

static void
test_delay_is_no_shorter(void **state)
{
	(void)state;
	for (int64_t span = 1; span < 5000000; span *= 3) {
		int64_t start = fsyi_now();
		int64_t end = fsyi_delay(span);

		assert_true(end - start >= span && end <= fsyi_now());
	}
	fsyi_relax();
}

static void
test_delay_of_nothing(void **state)
{
	(void)state;
	/* A deadline-sized argument by mistake would hang here. */
	fsyi_delay(0);
	fsyi_delay(-1);
	fsyi_delay(INT64_MIN);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_now_is_clock_monotonic), cmocka_unit_test(test_after),
		cmocka_unit_test(test_after_at_the_edges),     cmocka_unit_test(test_delay_is_no_shorter),
		cmocka_unit_test(test_delay_of_nothing),
	};

	return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
