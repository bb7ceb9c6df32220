/* SPDX-License-Identifier: MIT */
/* cases.c - the registry of cases.def, and the figures that are read out of measured cells. */
#include "bench/results.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct fsyb_case fsyb_cases[] = {
#define X(name, kind, shape, section, outside, permille, threads, description) \
	{ name, kind, FSYB_##shape, section, outside, permille, threads, description },
#include "bench/cases.def"
#undef X
	{ .name = NULL },
};

const struct fsyb_case *
fsyb_case(const char *name)
{
	for (const struct fsyb_case *what = fsyb_cases; what->name; what++)
		if (strcmp(what->name, name) == 0)
			return what;
	return NULL;
}

unsigned
fsyb_case_threads(const struct fsyb_case *what, const char *override, unsigned *counts, unsigned most)
{
	const char *at = override && what->shape != FSYB_ALONE && what->shape != FSYB_SINGLE ? override : what->threads;
	unsigned count = 0;

	while (*at && count < most) {
		char *end = (char *)(uintptr_t)at + 1;
		unsigned threads = *at == 'c' ? fsyb_machine.cpu_count : (unsigned)strtoul(at, &end, 10);
		bool known = false;

		for (unsigned i = 0; i < count; i++)
			known |= counts[i] == threads;
		if (!known)
			counts[count++] = threads;
		at = *end == ',' ? end + 1 : end;
	}
	return count;
}

static double
value(const struct fsyb_sample *sample, enum fsyb_metric metric)
{
	switch (metric) {
	case FSYB_NS: return sample->ns;
	case FSYB_RATE: return 1000 / sample->ns;
	case FSYB_MINMAX: return sample->share_max > 0 ? sample->share_min / sample->share_max : 0;
	case FSYB_JAIN: return sample->jain;
	case FSYB_SWITCHES: return sample->switches;
	case FSYB_LONGEST: return sample->longest_ns;
	case FSYB_FUTEX: return sample->parks + sample->wakes;
	case FSYB_LOCAL: return sample->local + sample->remote > 0 ? sample->local / (sample->local + sample->remote) : NAN;
	case FSYB_TRIED: return 1e9 * sample->tried / sample->elapsed_ns;
	case FSYB_OTHERS: return 1e9 * sample->others / sample->elapsed_ns;
	case FSYB_PASSED: return sample->passed;
	case FSYB_PHASES: return sample->phases;
	case FSYB_PENDING: return sample->pending;
	case FSYB_BYTES:
	case FSYB_RESIDENT: break;
	}
	return NAN;
}

static struct fsyb_figure
summary(const double *values, unsigned count)
{
	return (struct fsyb_figure){ fsyb_quantile(values, count, 0.5), fsyb_quantile(values, count, 0.1),
		                     fsyb_quantile(values, count, 0.9), count };
}

struct fsyb_figure
fsyb_figure(const struct fsyb_cell *cell, const struct fsyb_series *series, enum fsyb_metric metric)
{
	double values[3 * FSYB_MAX_ROUNDS];
	unsigned count = 0;

	for (unsigned i = 0; cell && series && i < cell->rounds; i++)
		if (series->samples[i].valid)
			values[count++] = value(&series->samples[i], metric);
	return summary(values, count);
}

struct fsyb_figure
fsyb_ratio(const struct fsyb_cell *cell_a, const struct fsyb_series *a, const struct fsyb_cell *cell_b,
           const struct fsyb_series *b, enum fsyb_metric metric)
{
	double values[3 * FSYB_MAX_ROUNDS];
	unsigned count = 0;

	if (!cell_a || !cell_b || !a || !b)
		return (struct fsyb_figure){ NAN, NAN, NAN, 0 };
	for (unsigned i = 0; i < cell_a->rounds && i < cell_b->rounds; i++)
		if (a->samples[i].valid && b->samples[i].valid && value(&b->samples[i], metric) > 0)
			values[count++] = value(&a->samples[i], metric) / value(&b->samples[i], metric);
	return summary(values, count);
}

const struct fsyb_series *
fsyb_find(const struct fsyb_cell *cell, const char *name)
{
	const struct fsyb_series *found = NULL;

	for (unsigned i = 0; cell && i < cell->count; i++) {
		const char *candidate = cell->series[i].candidate->name;

		if (strcmp(candidate, name) == 0)
			return &cell->series[i];
		if (!found && strncmp(candidate, name, strlen(name)) == 0)
			found = &cell->series[i];
	}
	return found;
}

bool
fsyb_named(const char *name, const char *list)
{
	size_t length;

	for (; *list; list += length + (list[length] == ',')) {
		length = strcspn(list, ",");
		if (length && strncasecmp(name, list, length) == 0)
			return true;
	}
	return false;
}

bool
fsyb_stamped(const struct fsyb_case *what)
{
	return what->shape == FSYB_WAITS || what->shape == FSYB_WRITER;
}

const struct fsyb_series *
fsyb_best(const struct fsyb_cell *cell, bool parks, const char *names)
{
	const struct fsyb_series *best = NULL;
	double least = INFINITY;

	for (unsigned i = 0; cell && i < cell->count; i++) {
		const struct fsyb_candidate *candidate = cell->series[i].candidate;
		double ns = fsyb_figure(cell, &cell->series[i], FSYB_NS).median;

		if (candidate->ours || candidate->reference || (parks && !candidate->parks) ||
		    strncmp(candidate->name, "go1.", 4) == 0 || (names && !fsyb_named(candidate->name, names)) ||
		    strcmp(candidate->kind, FSYB_EMPTY) == 0 || strcmp(candidate->kind, FSYB_LIMIT) == 0)
			continue;
		if (ns < least) {
			least = ns;
			best = &cell->series[i];
		}
	}
	return best;
}
