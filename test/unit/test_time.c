/* SPDX-License-Identifier: MIT */
/* Deadlines: the clock is CLOCK_MONOTONIC, spans add up, and neither end of the range overflows. */
#include <fastsync/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <cmocka.h>

static int64_t
monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void
test_clock(void **state)
{
	int64_t before = monotonic(), now = fsy_now(), after = monotonic();

	(void)state;
	assert_true(before <= now && now <= after);
	for (int i = 0; i < 1000; i++) {
		int64_t next = fsy_now();

		assert_true(next >= now);
		now = next;
	}
}

static void
test_spans(void **state)
{
	int64_t before = fsy_now(), ns = fsy_after_ns(1), ms = fsy_after_ms(1000), after = fsy_now();

	(void)state;
	assert_true(before + 1 <= ns && ns <= after + 1);
	assert_true(before + INT64_C(1000000000) <= ms && ms <= after + INT64_C(1000000000));
}

static void
test_nothing_and_less(void **state)
{
	int64_t before = fsy_now(), none = fsy_after_ns(0), negative = fsy_after_ns(-5), least = fsy_after_ns(INT64_MIN);
	int64_t ms = fsy_after_ms(-1), least_ms = fsy_after_ms(INT64_MIN), after = fsy_now();

	(void)state;
	assert_true(before <= none && none <= after);
	assert_true(before <= negative && negative <= after);
	assert_true(before <= least && least <= after);
	assert_true(before <= ms && ms <= after);
	assert_true(before <= least_ms && least_ms <= after);
}

static void
test_forever(void **state)
{
	(void)state;
	assert_true(fsy_after_ns(FSY_FOREVER) == FSY_FOREVER);
	assert_true(fsy_after_ns(FSY_FOREVER - 1) == FSY_FOREVER);
	assert_true(fsy_after_ms(FSY_FOREVER) == FSY_FOREVER);
	assert_true(fsy_after_ms(FSY_FOREVER / 1000000 + 1) == FSY_FOREVER);
	assert_true(fsy_after_ms(FSY_FOREVER / 2000000) < FSY_FOREVER);
	assert_true(fsy_after_ns(FSY_FOREVER - fsy_now() - INT64_C(10000000000)) < FSY_FOREVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_nothing_and_less),
		cmocka_unit_test(test_forever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
