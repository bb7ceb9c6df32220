/* SPDX-License-Identifier: MIT */
/* statistics.h - what the reports are made of; also used by the command line's --compare. */
#ifndef FSYB_STATISTICS_H
#define FSYB_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#define FSYB_SAMPLES_MAX 1024
#define FSYB_RANKS_MAX   256

/* Linear interpolation between order statistics; the values stay as they are; NAN of nothing. */
double fsyb_quantile(const double *values, unsigned count, double q);

/* Jain's fairness index: 1 if all are equal, 1/count if one has all. */
double fsyb_jain(const double *values, unsigned count);

/* Of FSYB_HISTOGRAM buckets: nanoseconds, 12 % wide. */
double fsyb_histogram_quantile(const uint64_t *histogram, double q);

/* Two-sided p of the Mann-Whitney U test, exact with ties too: the share of all permutations of the pooled values that
 * lie at least as far out. NAN for an empty sample or more than FSYB_RANKS_MAX values. */
double fsyb_mann_whitney(const double *a, unsigned na, const double *b, unsigned nb);

#endif
