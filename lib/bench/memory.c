/* SPDX-License-Identifier: MIT */
/* memory.c - what a million locks take, measured: the growth of the resident set while they are made and used once. */
#include "bench/report.h"
#include <math.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#define FSYB_MILLION_TIMES 1e6

static double
resident_bytes(void)
{
	unsigned long all, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%lu %lu", &all, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

double
fsyb_resident_each(const struct fsyb_impl *impl)
{
	double before;
	void *objects;

	malloc_trim(0); /* so that the array comes from fresh pages */
	before = resident_bytes();
	objects = impl->create(1);
	if (!objects)
		return NAN;
	before = resident_bytes() - before;
	impl->destroy(objects);
	return before / FSYB_MILLION_TIMES;
}

struct fsyb_figure
fsyb_resident(const struct fsyb_field *field, const char *name)
{
	for (unsigned i = 0; i < field->count; i++) {
		const struct fsyb_candidate *candidate = &field->candidates[i];

		if (candidate->kind && strcmp(candidate->kind, FSYB_ARRAY) == 0 && candidate->impl && strcmp(candidate->name, name) == 0)
			return (struct fsyb_figure){ fsyb_resident_each(candidate->impl), NAN, NAN, 1 };
	}
	return (struct fsyb_figure){ NAN, NAN, NAN, 0 };
}
