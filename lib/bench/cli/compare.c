/* SPDX-License-Identifier: MIT */
/*
 * compare.c - two --json files side by side: change of the median, and whether the rounds of the two runs differ by more
 * than chance (Mann-Whitney, exact). "~" means that they do not.
 */
#include "bench/cli/compare.h"
#include "bench/statistics.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SIGNIFICANT 0.05

static json_t *
read_file(const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);

	if (!root && error.line < 0)
		fprintf(stderr, "fastsync-bench: %s\n", error.text); /* it names the file */
	else if (!root)
		fprintf(stderr, "fastsync-bench: %s: %s (line %d, column %d)\n", path, error.text, error.line, error.column);
	else if (!json_is_array(json_object_get(root, "benchmarks"))) {
		fprintf(stderr, "fastsync-bench: %s: not a fastsync-bench --json file: no \"benchmarks\"\n", path);
		json_decref(root);
		root = NULL;
	}
	return root;
}

static unsigned
samples(json_t *benchmark, double *values, unsigned most)
{
	json_t *list = json_object_get(benchmark, "samples"), *value;
	unsigned count = 0;
	size_t i;

	json_array_foreach(list, i, value) {
		if (count < most && json_is_number(value))
			values[count++] = json_number_value(value);
	}
	return count;
}

static json_t *
find(json_t *root, const char *name)
{
	json_t *benchmark;
	size_t i;

	json_array_foreach(json_object_get(root, "benchmarks"), i, benchmark) {
		const char *other = json_string_value(json_object_get(benchmark, "name"));

		if (other && strcmp(other, name) == 0)
			return benchmark;
	}
	return NULL;
}

/* One line; true if it is significantly slower by more than the threshold. */
static bool
line(const char *name, json_t *was, json_t *is, double threshold, FILE *out)
{
	double old_values[FSYB_RANKS_MAX / 2], new_values[FSYB_RANKS_MAX / 2], before, after, p, change;
	unsigned n_old = samples(was, old_values, FSYB_RANKS_MAX / 2), n_new = samples(is, new_values, FSYB_RANKS_MAX / 2);

	if (n_old == 0 || n_new == 0)
		return false;
	before = fsyb_quantile(old_values, n_old, 0.5);
	after = fsyb_quantile(new_values, n_new, 0.5);
	p = fsyb_mann_whitney(old_values, n_old, new_values, n_new);
	change = 100 * (after / before - 1);
	fprintf(out, "%-62s %10.4g %10.4g ", name, before, after);
	if (p < SIGNIFICANT)
		fprintf(out, "%+8.1f %%", change);
	else
		fprintf(out, "%8s  ", "~");
	fprintf(out, "  p=%.3f n=%u+%u\n", p, n_old, n_new);
	return threshold >= 0 && p < SIGNIFICANT && change > threshold;
}

int
fsyb_compare(const char *old_file, const char *new_file, double threshold, FILE *out)
{
	json_t *was = read_file(old_file), *is = was ? read_file(new_file) : NULL, *benchmark;
	unsigned compared = 0, slower = 0;
	size_t i;

	if (!is) {
		json_decref(was);
		return 2;
	}
	fprintf(out, "%-62s %10s %10s %10s\n", "ns per operation", "old", "new", "change");
	json_array_foreach(json_object_get(is, "benchmarks"), i, benchmark) {
		const char *name = json_string_value(json_object_get(benchmark, "name"));
		json_t *other = name ? find(was, name) : NULL;

		if (!other)
			continue;
		compared++;
		slower += line(name, other, benchmark, threshold, out);
	}
	json_decref(was);
	json_decref(is);
	if (compared == 0) {
		fprintf(stderr, "fastsync-bench: %s and %s have no benchmark in common\n", old_file, new_file);
		return 2;
	}
	if (slower)
		fprintf(out, "%u of %u slower by more than %.0f %%\n", slower, compared, threshold);
	return slower ? 3 : 0;
}
