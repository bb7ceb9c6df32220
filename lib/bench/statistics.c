/* SPDX-License-Identifier: MIT */
/* statistics.c - order statistics, fairness, and the rank test of --compare. Nothing here assumes a normal distribution:
 * on a machine with steal, means and variances measure the neighbours. */
#include "bench/statistics.h"
#include "bench/peer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double
fsyb_quantile(const double *values, unsigned count, double q)
{
	double sorted[FSYB_SAMPLES_MAX], place;
	unsigned below;

	if (count == 0)
		return NAN;
	if (count > FSYB_SAMPLES_MAX)
		count = FSYB_SAMPLES_MAX;
	memcpy(sorted, values, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, ascending);
	place = q * (count - 1);
	below = (unsigned)place;
	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

double
fsyb_jain(const double *values, unsigned count)
{
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < count; i++) {
		sum += values[i];
		squares += values[i] * values[i];
	}
	return squares > 0 ? sum * sum / (count * squares) : 0;
}

static double
bucket_middle(unsigned bucket)
{
	double width;

	if (bucket < 16)
		return bucket;
	width = (double)((uint64_t)1 << (bucket / 8 - 1));
	return (8 + bucket % 8) * width + width / 2;
}

double
fsyb_histogram_quantile(const uint64_t *histogram, double q)
{
	uint64_t total = 0, seen = 0;
	double rank;

	for (unsigned i = 0; i < FSYB_HISTOGRAM; i++)
		total += histogram[i];
	if (total == 0)
		return NAN;
	rank = q * (double)total;
	for (unsigned i = 0; i < FSYB_HISTOGRAM; i++) {
		seen += histogram[i];
		if (histogram[i] && (double)seen >= rank)
			return bucket_middle(i);
	}
	return bucket_middle(FSYB_HISTOGRAM - 1);
}

struct ranked {
	double value;
	bool first; /* belongs to the first sample */
};

static int
by_value(const void *left, const void *right)
{
	return ascending(&((const struct ranked *)left)->value, &((const struct ranked *)right)->value);
}

/* The share of all ways to pick na of the n doubled ranks whose sum lies at least as far from its expectation as sum. */
static double
permutation_tail(const unsigned *ranks, unsigned n, unsigned na, unsigned sum)
{
	unsigned width = 1;
	double *ways, all = 0, tail = 0, expected = na * (n + 1.0), distance = sum - expected;

	for (unsigned i = 0; i < n; i++)
		width += ranks[i];
	ways = calloc((size_t)(na + 1) * width, sizeof *ways);
	if (!ways)
		return NAN;
	ways[0] = 1; /* ways[k][s]: choices of k among the ranks so far, of sum s */
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = i + 1 < na ? i + 1 : na; k >= 1; k--)
			for (unsigned s = width; s-- > ranks[i];)
				ways[(size_t)k * width + s] += ways[(size_t)(k - 1) * width + s - ranks[i]];
	if (distance < 0)
		distance = -distance;
	for (unsigned s = 0; s < width; s++) {
		double away = s > expected ? s - expected : expected - s;

		all += ways[(size_t)na * width + s];
		if (away >= distance)
			tail += ways[(size_t)na * width + s];
	}
	free(ways);
	return tail / all;
}

double
fsyb_mann_whitney(const double *a, unsigned na, const double *b, unsigned nb)
{
	unsigned n = na + nb, sum = 0, ranks[FSYB_RANKS_MAX];
	struct ranked all[FSYB_RANKS_MAX];

	if (na == 0 || nb == 0 || n > FSYB_RANKS_MAX)
		return NAN;
	for (unsigned i = 0; i < n; i++)
		all[i] = (struct ranked){ i < na ? a[i] : b[i - na], i < na };
	qsort(all, n, sizeof *all, by_value);
	for (unsigned i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && all[end].value <= all[i].value; end++)
			;
		for (unsigned j = i; j < end; j++) {
			ranks[j] = i + 1 + end; /* twice the middle of the ranks i+1 .. end */
			if (all[j].first)
				sum += ranks[j];
		}
	}
	return permutation_tail(ranks, n, na, sum);
}
