/* SPDX-License-Identifier: MIT */
/* sweep.c - every case that was asked for, one table per case, printed as soon as it is measured. */
#include "bench/report.h"
#include <fastsync/error.h>
#include <math.h>
#include <string.h>

/* "11.3", "1.21k", "4.7M": four significant places at most. */
static const char *
short_number(char *text, size_t size, double value)
{
	if (isnan(value))
		snprintf(text, size, "-");
	else if (value >= 1e6)
		snprintf(text, size, "%.3gM", value / 1e6);
	else if (value >= 1e4)
		snprintf(text, size, "%.3gk", value / 1e3);
	else
		snprintf(text, size, value >= 1000 ? "%.0f" : "%.3g", value);
	return text;
}

static void
print_head(const struct fsyb_case *what, FILE *out)
{
	fprintf(out, "%s: %s\n", what->name, what->description);
	if (what->shape == FSYB_MEMORY)
		fprintf(out, "%7s %-30s %9s %9s\n", "", "candidate", "resident", "sizeof");
	else if (what->shape == FSYB_ALONE || what->shape == FSYB_SINGLE)
		fprintf(out, "%7s %-30s %9s %8s %8s\n", "threads", "candidate", "ns/op", "p10", "p90");
	else if (what->shape == FSYB_HOLDS)
		fprintf(out, "%7s %-30s %9s %11s %9s %7s %9s\n", "threads", "candidate", "served/s", "longest, ms", "passed by", "phases",
		        "others/s");
	else if (fsyb_stamped(what))
		fprintf(out, "%7s %-30s %9s %8s %8s %8s %8s %10s %8s\n", "threads", "candidate", "wait p50", "p99", "p99.9",
		        "max", "Mops/s", "switch/kop", "futex/op");
	else
		fprintf(out, "%7s %-30s %9s %8s %8s %8s %7s %5s %10s %8s\n", "threads", "candidate", "ns/op", "Mops/s", "p10",
		        "p90", "min/max", "Jain", "switch/kop", "futex/op");
}

static void
print_futex(const struct fsyb_cell *cell, const struct fsyb_series *series, FILE *out)
{
	double futex = fsyb_figure(cell, series, FSYB_FUTEX).median;

	if (series->candidate->ours && series->candidate->impl)
		fprintf(out, " %8.2g", futex);
	else
		fprintf(out, " %8s", "-");
}

static void
print_series(const struct fsyb_cell *cell, const struct fsyb_series *series, FILE *out)
{
	struct fsyb_figure ns = fsyb_figure(cell, series, FSYB_NS), rate = fsyb_figure(cell, series, FSYB_RATE);
	char text[4][16];

	fprintf(out, "%7u %-30s", cell->threads, series->candidate->name);
	if (series->error[0]) {
		fprintf(out, " %s\n", series->error);
		return;
	}
	if (cell->what->shape == FSYB_ALONE || cell->what->shape == FSYB_SINGLE) {
		fprintf(out, " %9.2f %8.2f %8.2f\n", ns.median, ns.p10, ns.p90);
		return;
	}
	if (cell->what->shape == FSYB_MEMORY) {
		fprintf(out, " %9.2f %9zu\n", ns.median, series->candidate->bytes);
		return;
	}
	if (cell->what->shape == FSYB_HOLDS) {
		fsyb_print_ordeal(cell, series, out);
		fprintf(out, " %9s\n", short_number(text[0], sizeof text[0], fsyb_figure(cell, series, FSYB_OTHERS).median));
		return;
	}
	if (fsyb_stamped(cell->what)) {
		static const double quantiles[] = { 0.5, 0.99, 0.999 };

		for (int i = 0; i < 3; i++)
			fprintf(out, i ? " %8s" : " %9s", short_number(text[0], sizeof text[0],
			        fsyb_histogram_quantile(series->histogram, quantiles[i])));
		fprintf(out, " %8s %8s", short_number(text[0], sizeof text[0], fsyb_figure(cell, series, FSYB_LONGEST).median),
		        short_number(text[1], sizeof text[1], rate.median));
	} else {
		fprintf(out, " %9s %8s %8s %8s %7.2f %5.2f", short_number(text[0], sizeof text[0], ns.median),
		        short_number(text[1], sizeof text[1], rate.median), short_number(text[2], sizeof text[2], rate.p10),
		        short_number(text[3], sizeof text[3], rate.p90), fsyb_figure(cell, series, FSYB_MINMAX).median,
		        fsyb_figure(cell, series, FSYB_JAIN).median);
	}
	fprintf(out, " %10.3g", fsyb_figure(cell, series, FSYB_SWITCHES).median);
	print_futex(cell, series, out);
	if (cell->what->shape == FSYB_NODES)
		fprintf(out, "  local hand-overs %.1f %%", 100 * fsyb_figure(cell, series, FSYB_LOCAL).median);
	fputc('\n', out);
}

static void
print_cell(const struct fsyb_cell *cell, FILE *out)
{
	for (unsigned i = 0; i < cell->count; i++)
		print_series(cell, &cell->series[i], out);
	if (cell->count == 0)
		fprintf(out, "%7u not measurable: it needs a process of its own, which this program has not provided\n",
		        cell->threads);
	if (fsyb_weather_noisy(&cell->weather))
		fprintf(out, "%7s noisy: %.1f %% of the time was stolen, other programs used %.1f %% of the machine\n", "",
		        100 * cell->weather.steal / cell->weather.total,
		        100 * (cell->weather.busy - cell->weather.own) / cell->weather.total);
}

static int
one_case(struct fsyb_results *results, const struct fsyb_case *what, FILE *out)
{
	unsigned counts[32], count = fsyb_case_threads(what, results->options->threads, counts, 32);
	bool table = results->options->format == FSY_BENCH_TABLE;
	int error;

	for (unsigned i = 0; i < count; i++)
		if (!fsyb_need(results, what->name, counts[i], NULL))
			return FSY_ENOMEM;
	if (!table)
		return 0; /* exported together at the end */
	error = fsyb_measure(results);
	if (error)
		return error;
	print_head(what, out);
	for (unsigned i = 0; i < count; i++)
		print_cell(fsyb_have(results, what->name, counts[i]), out);
	fputc('\n', out);
	fflush(out);
	return 0;
}

int
fsyb_sweep(struct fsyb_results *results, FILE *out)
{
	const fsy_bench_options_t *options = results->options;
	unsigned chosen = 0;
	int error = 0;

	for (const struct fsyb_case *what = fsyb_cases; what->name; what++)
		chosen += fsyb_matches(what->name, options->filter);
	if (chosen == 0) {
		fprintf(stderr, "fastsync-bench: no case matches '%s': see --list\n", options->filter);
		return FSY_EINVAL;
	}
	if (options->format == FSY_BENCH_TABLE)
		fsyb_print_host(results, out);
	for (const struct fsyb_case *what = fsyb_cases; what->name && !error; what++)
		if (fsyb_matches(what->name, options->filter))
			error = one_case(results, what, out);
	if (error || options->format == FSY_BENCH_TABLE)
		return error;
	error = fsyb_measure(results);
	if (!error)
		(options->format == FSY_BENCH_JSON ? fsyb_export_json : fsyb_export_csv)(results, out);
	return error;
}
