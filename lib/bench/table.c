/* SPDX-License-Identifier: MIT */
/* table.c - the article's table, as the article has it and as it is here. */
#include "bench/report.h"
#include <fastsync/error.h>
#include <math.h>
#include <string.h>

struct row {
	const char *label;
	enum fsyb_metric metric;
	double go, rust;
	const char *name;
	unsigned threads;
	const char *ours;
};

static const struct row rows[] = {
#define X(label, unit, go, rust, name, threads, ours) { label, FSYB_##unit, go, rust, name, threads, ours },
#include "bench/article.def"
#undef X
};
#define ROWS (sizeof rows / sizeof *rows)

#define CROWD 1024 /* the row with waiters */

/* The case and the thread count that a row is measured with. The article's own method has so many workers for each
 * CPU, with a fixed number of operations each. */
struct place {
	const char *name;
	unsigned threads;
};

static struct place
place_of(const struct fsyb_results *results, const struct row *row)
{
	if (results->options->article_method && row->threads == CROWD)
		return (struct place){ "mutex/fixed-work/empty", CROWD * fsyb_machine.cpu_count };
	return (struct place){ row->name, fsyb_cpus(row->threads) };
}

unsigned
fsyb_cpus(unsigned threads)
{
	return threads ? threads : fsyb_machine.cpu_count;
}

const struct fsyb_series *
fsyb_go(const struct fsyb_cell *cell)
{
	const struct fsyb_series *go = fsyb_find(cell, "go1.23 ");

	return go && !go->error[0] ? go : fsyb_find(cell, "go ");
}

/* Go, Rust and glibc have columns of their own. */
static bool
has_column(const char *name)
{
	return strncmp(name, "go", 2) == 0 || strncmp(name, "rust ", 5) == 0 || strncmp(name, "glibc ", 6) == 0 ||
	       strncmp(name, "C atomic", 8) == 0;
}

static double
bytes_of(const struct fsyb_series *series)
{
	return series && series->candidate->bytes ? (double)series->candidate->bytes : NAN;
}

static struct fsyb_figure
figure_of(const struct row *row, const struct fsyb_cell *cell, const struct fsyb_series *series)
{
	if (row->metric != FSYB_BYTES)
		return fsyb_figure(cell, series, row->metric);
	return (struct fsyb_figure){ bytes_of(series), NAN, NAN, series && bytes_of(series) > 0 };
}

static bool
better(const struct row *row, double a, double b)
{
	return row->metric == FSYB_RATE ? a > b : a < b;
}

static bool
is_lock(const struct row *row)
{
	return strncmp(row->name, "mutex", 5) == 0 || strncmp(row->name, "rwmutex", 7) == 0;
}

/* The best, of locks the best of those whose waiters sleep; columns: also those that have one. */
static const struct fsyb_series *
best_other(const struct row *row, const struct fsyb_cell *cell, bool columns)
{
	const struct fsyb_series *best = NULL;

	for (unsigned i = 0; cell && i < cell->count; i++) {
		const struct fsyb_series *series = &cell->series[i];
		const struct fsyb_candidate *candidate = series->candidate;

		if (candidate->ours || candidate->reference || (is_lock(row) && !candidate->parks) || strcmp(candidate->kind, FSYB_EMPTY) == 0 ||
		    strcmp(candidate->kind, FSYB_LIMIT) == 0 || strncmp(candidate->name, "go1.22", 6) == 0 ||
		    (!columns && has_column(candidate->name)) || !figure_of(row, cell, series).count)
			continue;
		if (!best || better(row, figure_of(row, cell, series).median, figure_of(row, cell, best).median))
			best = series;
	}
	return best;
}

/* "16.4 +-2%" */
static void
print_figure(const struct fsyb_figure *figure, int width, FILE *out)
{
	char text[32] = "-";
	double spread = 100 * (figure->p90 - figure->p10) / 2 / figure->median;

	if (figure->count && isnan(spread))
		snprintf(text, sizeof text, "%.3g", figure->median);
	else if (figure->count)
		snprintf(text, sizeof text, figure->median < 100 ? "%.3g \u00b1%.0f%%" : "%.0f \u00b1%.0f%%", figure->median, spread);
	/* The plus-minus sign is two bytes and one column. */
	fprintf(out, " %*s", width + (strchr(text, '%') != NULL), text);
}

/* What is left of a nanosecond after the empty loop has been taken away says that it is next to nothing, and no more. */
static bool
too_small(const struct fsyb_cell *cell, const struct fsyb_series *a, const struct fsyb_series *b)
{
	return fsyb_figure(cell, a, FSYB_NS).median < 1 && fsyb_figure(cell, b, FSYB_NS).median < 1 && fsyb_alone(cell);
}

static void
print_ratio(const struct row *row, const struct fsyb_cell *cell, const struct fsyb_series *ours, FILE *out)
{
	const struct fsyb_series *best = best_other(row, cell, true);
	double ratio = NAN;

	if (ours && best && row->metric == FSYB_BYTES)
		ratio = bytes_of(ours) / bytes_of(best);
	else if (ours && best && !too_small(cell, ours, best))
		ratio = fsyb_ratio(cell, ours, cell, best, row->metric).median;
	if (isnan(ratio))
		fprintf(out, " %6s\n", "-");
	else
		fprintf(out, " %5.2fx\n", ratio);
}

static void
print_row(const struct fsyb_results *results, const struct row *row, FILE *out)
{
	struct place place = place_of(results, row);
	const struct fsyb_cell *cell = fsyb_have(results, place.name, place.threads);
	const struct fsyb_series *ours = fsyb_find(cell, row->ours), *other = best_other(row, cell, false);
	const struct fsyb_series *columns[] = { fsyb_go(cell), fsyb_find(cell, "rust "), fsyb_find(cell, "glibc ") };
	bool noisy = cell && row->metric != FSYB_BYTES && fsyb_weather_noisy(&cell->weather);
	struct fsyb_figure figure;

	if (!columns[2])
		columns[2] = fsyb_find(cell, "C atomic");
	if (row->go > 0)
		fprintf(out, "%-28s%c%5.4g %5.4g ", row->label, noisy ? '~' : ' ', row->go, row->rust);
	else
		fprintf(out, "%-28s%c%5s %5s ", row->label, noisy ? '~' : ' ', "-", "-");
	for (int i = 0; i < 3; i++) {
		figure = figure_of(row, cell, columns[i]);
		print_figure(&figure, 10, out);
	}
	figure = figure_of(row, cell, other);
	print_figure(&figure, 10, out);
	fprintf(out, " %-14.14s", other ? other->candidate->name : "");
	if (ours && ours->error[0]) {
		fprintf(out, "  failed: see below\n");
	} else if (ours) {
		figure = figure_of(row, cell, ours);
		print_figure(&figure, 11, out);
		print_ratio(row, cell, ours, out);
	} else {
		fprintf(out, " not measured\n");
	}
}

static void
print_errors(const struct fsyb_results *results, FILE *out)
{
	for (unsigned i = 0; i < results->count; i++)
		for (unsigned j = 0; j < results->cells[i]->count; j++) {
			const struct fsyb_series *series = &results->cells[i]->series[j];

			if (series->error[0])
				fprintf(out, "! %s, %u threads, %s: %s\n", results->cells[i]->what->name,
				        results->cells[i]->threads, series->candidate->name, series->error);
		}
}

static void
print_table(const struct fsyb_results *results, FILE *out)
{
	const struct fsyb_cell *first = fsyb_have(results, "mutex/uncontended", 1);
	const struct fsyb_series *go = fsyb_go(first), *rust = fsyb_find(first, "rust std");

	fprintf(out, "%-28s  %-11s  measured here, median \u00b1 half of p10..p90 of the rounds\n", "", "(article)");
	fprintf(out, "%-28s %5s %5s  %10.10s %10.10s %10s %10s %-14s %11s %6s\n", "workload", "Go", "Rust",
	        go ? go->candidate->version : "no Go", rust ? "Rust" : "no Rust", "glibc", "best", "other", "libfastsync", "ratio");
	for (unsigned i = 0; i < ROWS; i++)
		print_row(results, &rows[i], out);
	fprintf(out, "\nratio: libfastsync to the best of all others; below 1 is better for ns and bytes, above 1 for Mops/s.\n"
	        "Others are locks whose waiters sleep; spin locks are in --filter. RWMutex rows: one worker per CPU (%u).\n"
	        "Goroutines take turns without the kernel; all others are threads, which cannot.\n", fsyb_machine.cpu_count);
	for (unsigned i = 0; i < results->count; i++)
		if (fsyb_weather_noisy(&results->cells[i]->weather)) {
			fprintf(out, "~ noisy: more than 1 %% of the time was stolen, or other programs used more than 10 %% of the "
			        "machine.\n");
			break;
		}
	print_errors(results, out);
}

static bool
has_release(const struct fsyb_results *results)
{
	for (unsigned i = 0; i < results->field.count; i++)
		if (strncmp(results->field.candidates[i].name, "go1.23 ", 7) == 0)
			return true;
	return false;
}

int
fsyb_table(struct fsyb_results *results, FILE *out)
{
	const fsy_bench_options_t *options = results->options;
	const char *without = has_release(results) ? "go sync.Mutex,go sync.RWMutex,go sync.Cond,go sync.WaitGroup" : NULL;
	int error;

	for (unsigned i = 0; i < ROWS; i++) {
		struct fsyb_choice choice = { .without = without, .releases = true, .parks = rows[i].threads != 1 && is_lock(&rows[i]),
			                      .selective = true };
		struct place place = place_of(results, &rows[i]);

		for (unsigned j = 0; j < ROWS; j++)
			if (strcmp(rows[j].name, rows[i].name) == 0 && rows[j].threads == rows[i].threads)
				fsyb_ask_for(&choice, rows[j].ours);
		if (!fsyb_need(results, place.name, place.threads, &choice))
			return FSY_ENOMEM;
	}
	if (!options->article_method && fsyb_claims_need(results) != 0)
		return FSY_ENOMEM;
	error = fsyb_measure(results);
	if (error)
		return error;
	if (options->format != FSY_BENCH_TABLE) {
		(options->format == FSY_BENCH_JSON ? fsyb_export_json : fsyb_export_csv)(results, out);
		return 0;
	}
	fsyb_print_host(results, out);
	print_table(results, out);
	if (!options->article_method)
		fsyb_claims(results, out);
	return 0;
}
