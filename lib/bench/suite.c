/* SPDX-License-Identifier: MIT */
/* suite.c - fsy_bench_run: defaults, the field, the processes beside it, and which report is wanted. */
#include "bench/report.h"
#include <fastsync/error.h>
#include <stdlib.h>
#include <string.h>

static int
set_defaults(fsy_bench_options_t *options)
{
	if (options->rounds == 0)
		options->rounds = options->article_method ? 10 : options->quick ? 3 : 11;
	if (options->round_ns == 0)
		options->round_ns = options->quick ? 20000000 : 100000000;
	if (options->bars && options->format != FSY_BENCH_TABLE) {
		fprintf(stderr, "fastsync-bench: bars are printed as text, not as JSON or CSV: --filter has the cases that they are of\n");
		return FSY_EINVAL;
	}
	if (options->rounds < 3 || options->rounds > FSYB_MAX_ROUNDS) {
		fprintf(stderr, "fastsync-bench: rounds: %d is not between 3 and %d\n", options->rounds, FSYB_MAX_ROUNDS);
		return FSY_EINVAL;
	}
	if (options->round_ns < 10000000 || options->round_ns > 10000000000) {
		fprintf(stderr, "fastsync-bench: a round of %lld ns is not between 10 ms and 10 s\n",
		        (long long)options->round_ns);
		return FSY_EINVAL;
	}
	if (options->hold_ns != 0 && (options->hold_ns < 10000 || options->hold_ns > 1000000000)) {
		fprintf(stderr, "fastsync-bench: a hold of %lld ns is not between 10 us and 1 s\n", (long long)options->hold_ns);
		return FSY_EINVAL;
	}
	for (const char *at = options->threads; at && *at;) {
		char *end;
		unsigned long threads = strtoul(at, &end, 10);

		if (end == at || threads < 1 || threads > 10000 || (*end && (*end != ',' || !end[1]))) {
			fprintf(stderr, "fastsync-bench: threads: '%s' is not a list like 1,2,64 (1 to 10000 each)\n",
			        options->threads);
			return FSY_EINVAL;
		}
		at = *end ? end + 1 : end;
	}
	return 0;
}

/* Every name in the list begins the name of somebody. */
static int
check_candidates(const struct fsyb_field *field, const char *list)
{
	size_t length;

	for (; list && *list; list += length + (list[length] == ',')) {
		bool known = false;

		length = strcspn(list, ",");
		for (unsigned i = 0; i < field->count; i++)
			known |= length && strncasecmp(field->candidates[i].name, list, length) == 0;
		if (!known) {
			fprintf(stderr, "fastsync-bench: no candidate is called '%.*s': see --list\n", (int)length, list);
			return FSY_EINVAL;
		}
	}
	return 0;
}

static void
list(const struct fsyb_field *field, FILE *out)
{
	fprintf(out, "cases:\n");
	for (const struct fsyb_case *what = fsyb_cases; what->name; what++)
		fprintf(out, "  %-28s threads %-22s %s\n", what->name, what->threads, what->description);
	fprintf(out, "\ncandidates:\n");
	for (unsigned i = 0; i < field->count; i++)
		if (strcmp(field->candidates[i].kind, FSYB_EMPTY) != 0)
			fprintf(out, "  %-9s %-32s %s\n", field->candidates[i].kind, field->candidates[i].name,
			        field->candidates[i].version);
	for (unsigned i = 0; i < field->missing_count; i++)
		fprintf(out, "! %s\n", field->missing[i]);
}

static int
report(struct fsyb_results *results, FILE *out)
{
	const fsy_bench_options_t *options = results->options;

	if (options->bars)
		return fsyb_bars(results, out);
	if (options->filter || options->all)
		return fsyb_sweep(results, out);
	return fsyb_table(results, out);
}

int
fsy_bench_run(const fsy_bench_options_t *given, FILE *out)
{
	static struct fsyb_results results; /* large; one run at a time */
	fsy_bench_options_t options = *given;
	int error = set_defaults(&options);

	if (error)
		return error;
	memset(&results, 0, sizeof results);
	results.options = &options;
	error = fsyb_field_open(&results.field, options.peer_path, true);
	if (!error)
		error = check_candidates(&results.field, options.candidates);
	if (!error && options.list) {
		list(&results.field, out);
	} else if (!error) {
		bool sheltered = fsyb_weather_shelter(true);

		fsyb_machine_measure();
		fsyb_machine.sheltered = sheltered;
		error = fsyb_companion();
		if (!error) {
			fsyb_children_start(&results);
			error = report(&results, out);
		}
		fsyb_machine_close();
		if (fsyb_machine.sheltered)
			fsyb_weather_shelter(false);
	}
	fsyb_results_close(&results);
	return error;
}
