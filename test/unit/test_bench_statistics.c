/* SPDX-License-Identifier: MIT */
/* Order statistics, fairness, histograms and the rank test, against values worked out by hand. */
#include "lib/bench/peer.h"
#include "lib/bench/statistics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool
near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void
test_quantiles(void **state)
{
	const double values[] = { 50, 10, 40, 20, 30 };

	(void)state;
	assert_true(near(fsyb_quantile(values, 5, 0), 10) && near(fsyb_quantile(values, 5, 1), 50));
	assert_true(near(fsyb_quantile(values, 5, 0.5), 30));
	assert_true(near(fsyb_quantile(values, 5, 0.9), 46)); /* rank 3.6: 40 + 0.6 * 10 */
	assert_true(near(fsyb_quantile(values, 4, 0.5), 30)); /* 10 20 40 50 */
	assert_true(near(values[0], 50));                     /* not reordered */
	assert_true(isnan(fsyb_quantile(values, 0, 0.5)));
}

static void
test_jain(void **state)
{
	const double equal[] = { 7, 7, 7, 7 }, one[] = { 0, 0, 5, 0 }, mixed[] = { 1, 3 };

	(void)state;
	assert_true(near(fsyb_jain(equal, 4), 1));
	assert_true(near(fsyb_jain(one, 4), 0.25));
	assert_true(near(fsyb_jain(mixed, 2), 0.8));
}

/* Every bucket's middle must come back to that bucket, and buckets must not overlap. */
static void
test_histogram_buckets(void **state)
{
	uint64_t histogram[FSYB_HISTOGRAM] = { 0 };
	double last = -1;

	(void)state;
	for (unsigned bucket = 0; bucket < 400; bucket++) {
		double middle;

		histogram[bucket] = 1;
		middle = fsyb_histogram_quantile(histogram, 0.5);
		assert_true(middle > last);
		assert_int_equal(fsyb_bucket((uint64_t)middle), bucket);
		last = middle;
		histogram[bucket] = 0;
	}
	assert_true(isnan(fsyb_histogram_quantile(histogram, 0.5)));
}

static void
test_histogram_quantiles(void **state)
{
	uint64_t histogram[FSYB_HISTOGRAM] = { 0 };

	(void)state;
	histogram[fsyb_bucket(5)] = 990;
	histogram[fsyb_bucket(100)] = 9;
	histogram[fsyb_bucket(1000000)] = 1;
	assert_true(near(fsyb_histogram_quantile(histogram, 0.5), 5));
	assert_true(near(fsyb_histogram_quantile(histogram, 0.99), 5));
	assert_true(fabs(fsyb_histogram_quantile(histogram, 0.995) - 100) < 12);
	assert_true(fabs(fsyb_histogram_quantile(histogram, 1) - 1e6) < 1.2e5);
}

/* By counting: of the 20 ways to choose 3 of 6 ranks, 2 are as extreme as 1+2+3; of the 10 ways to choose 2 of 5, 4 are as
 * extreme as 1+3. */
static void
test_rank_test(void **state)
{
	const double low[] = { 1, 2, 3 }, high[] = { 10, 11, 12 }, pair[] = { 1, 3 }, rest[] = { 2, 4, 5 };
	const double same[] = { 4, 4, 4 };

	(void)state;
	assert_true(near(fsyb_mann_whitney(low, 3, high, 3), 0.1));
	assert_true(near(fsyb_mann_whitney(high, 3, low, 3), 0.1));
	assert_true(near(fsyb_mann_whitney(pair, 2, rest, 3), 0.4));
	assert_true(near(fsyb_mann_whitney(same, 3, same, 3), 1));
	assert_true(isnan(fsyb_mann_whitney(low, 0, high, 3)));
}

/* Ties: {1,2,2} against {2,3,3}. Doubled middle ranks 2 6 6 | 6 11 11; sums of three of them, counted over all 20 choices. */
static void
test_rank_test_with_ties(void **state)
{
	const double a[] = { 1, 2, 2 }, b[] = { 2, 3, 3 };
	const int ranks[] = { 2, 6, 6, 6, 11, 11 };
	int extreme = 0;

	(void)state;
	for (int i = 0; i < 6; i++)
		for (int j = i + 1; j < 6; j++)
			for (int k = j + 1; k < 6; k++)
				extreme += abs(ranks[i] + ranks[j] + ranks[k] - 21) >= abs(2 + 6 + 6 - 21);
	assert_true(near(fsyb_mann_whitney(a, 3, b, 3), extreme / 20.0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_jain),
		cmocka_unit_test(test_histogram_buckets),
		cmocka_unit_test(test_histogram_quantiles),
		cmocka_unit_test(test_rank_test),
		cmocka_unit_test(test_rank_test_with_ties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
