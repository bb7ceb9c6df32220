/* SPDX-License-Identifier: MIT */
/*
 * measure.c - plans cells and measures them. Candidates are interleaved: every round visits every cell and in it every
 * candidate once, each round starting with another one, so that a change of the machine's mood hits all alike and ratios
 * are taken between neighbours in time.
 */
#include "bench/results.h"
#include <fastsync/error.h>
#include <fastsync/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A cell with one worker costs little: it gets this many rounds for each round of the others. */
#define FSYB_ALONE_ROUNDS 3

static bool
alone(const struct fsyb_cell *cell)
{
	return cell->what->shape == FSYB_ALONE || cell->what->shape == FSYB_SINGLE;
}

/* A comma-separated list of names or beginnings of names; ours and the empty loop are always in. */
static bool
wanted(const struct fsyb_candidate *candidate, const char *list)
{
	size_t length;

	if (!list || candidate->ours || strcmp(candidate->kind, FSYB_EMPTY) == 0)
		return true;
	for (; *list; list += length + (list[length] == ',')) {
		length = strcspn(list, ",");
		if (length && strncasecmp(candidate->name, list, length) == 0)
			return true;
	}
	return false;
}

static bool
takes_part(const struct fsyb_candidate *candidate, const struct fsyb_cell *cell)
{
	const char *kind = cell->what->kind;

	if (candidate->max_threads && candidate->max_threads < cell->threads)
		return false;
	if (strncmp(candidate->name, "go1.", 4) == 0 && !cell->choice.releases)
		return false;
	if (cell->choice.parks && !candidate->parks)
		return false;
	if (strcmp(kind, FSYB_SLEEPERS) == 0 && (strcmp(candidate->name, "libfastsync") == 0 ||
	                                         strcmp(candidate->name, "empty mutex") == 0))
		kind = FSYB_MUTEX;
	if (strcmp(candidate->kind, FSYB_LIMIT) == 0)
		return strcmp(cell->what->name, "mutex/uncontended") == 0;
	if (strcmp(candidate->kind, FSYB_EMPTY) == 0)
		return alone(cell) && (candidate->process && cell->what->shape == FSYB_ALONE
		                               ? strcmp(kind, FSYB_MUTEX) == 0 && strcmp(cell->what->kind, FSYB_MUTEX) == 0
		                               : strcmp(candidate->name + 6, kind) == 0);
	if (cell->what->shape == FSYB_NODES && !candidate->ours)
		return false;
	return strcmp(candidate->kind, kind) == 0;
}

static struct fsyb_field *
field_of(struct fsyb_results *results, const struct fsyb_cell *cell)
{
	if (cell->what->shape == FSYB_SINGLE)
		return &results->child;
	if (cell->what->shape == FSYB_NODES)
		return &results->nodes;
	return &results->field;
}

static bool
fill(struct fsyb_results *results, struct fsyb_cell *cell)
{
	const struct fsyb_field *field = field_of(results, cell);
	bool waits = cell->what->shape == FSYB_WAITS;

	cell->series = calloc(field->count + 1, sizeof *cell->series);
	for (unsigned i = 0; cell->series && i < field->count; i++) {
		struct fsyb_series *series = &cell->series[cell->count];

		if (!field->candidates[i].kind || !takes_part(&field->candidates[i], cell) ||
		    !wanted(&field->candidates[i], results->options->candidates) ||
		    !wanted(&field->candidates[i], cell->choice.names))
			continue;
		series->candidate = &field->candidates[i];
		series->samples = calloc(cell->rounds, sizeof *series->samples);
		series->histogram = waits ? calloc(2 * FSYB_HISTOGRAM, sizeof *series->histogram) : NULL;
		if (!series->samples || (waits && !series->histogram))
			return false;
		cell->count++;
	}
	return cell->series != NULL;
}

struct fsyb_cell *
fsyb_need(struct fsyb_results *results, const char *name, unsigned threads, const struct fsyb_choice *choice)
{
	const struct fsyb_case *what = fsyb_case(name);
	struct fsyb_cell *cell;

	for (unsigned i = 0; i < results->count; i++)
		if (results->cells[i]->what == what && results->cells[i]->threads == threads)
			return results->cells[i];
	if (!what || results->count == sizeof results->cells / sizeof *results->cells)
		return NULL;
	cell = calloc(1, sizeof *cell);
	if (!cell)
		return NULL;
	cell->what = what;
	cell->threads = threads;
	if (choice)
		cell->choice = *choice;
	cell->rounds = (unsigned)results->options->rounds;
	if (alone(cell) && !results->options->article_method)
		cell->rounds *= FSYB_ALONE_ROUNDS;
	results->cells[results->count++] = cell;
	if (!fill(results, cell))
		return NULL;
	return cell;
}

const struct fsyb_cell *
fsyb_have(const struct fsyb_results *results, const char *name, unsigned threads)
{
	for (unsigned i = 0; i < results->count; i++)
		if (results->cells[i]->measured && strcmp(results->cells[i]->what->name, name) == 0 &&
		    results->cells[i]->threads == threads)
			return results->cells[i];
	return NULL;
}

static struct fsyb_load
load_of(const struct fsyb_results *results, const struct fsyb_cell *cell, unsigned round)
{
	const fsy_bench_options_t *options = results->options;
	const struct fsyb_case *what = cell->what;
	struct fsyb_load load = {
		.threads = cell->threads,
		.section = fsyb_multiplications(what->section_ns),
		.outside = fsyb_multiplications(what->outside_ns),
		.write_permille = what->write_permille,
		.window_ns = options->round_ns,
		.warm_ns = options->round_ns / 5,
		.unpinned = options->unpinned,
		.latency = what->shape == FSYB_WAITS,
		.alone = what->shape == FSYB_SINGLE,
		.nodes = what->shape == FSYB_NODES ? 8 : 0,
		.seed = options->seed + round,
	};

	if (cell->threads > 16) { /* so many have to be woken before the crowd is in its stride */
		load.warm_ns *= cell->threads > 64 ? 4 : 2;
		load.window_ns *= 2;
	}
	if (what->shape == FSYB_WORK)
		load.ops = 10000;
	if (alone(cell))
		load.warm_ns = 1000000;
	return load;
}

static void
sample_once(const struct fsyb_candidate *candidate, const struct fsyb_load *load, struct fsyb_sample *sample)
{
	if (candidate->impl)
		fsyb_window(candidate, load, sample);
	else
		fsyb_process_run(candidate, load, sample);
}

/* So many operations that a round takes a 25th of a window: long against the clock, short against a time slice. */
static void
calibrate(struct fsyb_series *series, struct fsyb_load *load, int64_t round_ns)
{
	struct fsyb_sample sample = { .valid = false };
	double ops;

	load->ops = 20000;
	sample_once(series->candidate, load, &sample);
	ops = sample.valid ? (double)round_ns / 25 / sample.ns : 20000;
	series->ops = ops < 1000 ? 1000 : ops > 5e7 ? 50000000 : (uint64_t)ops;
}

static void
take(struct fsyb_results *results, struct fsyb_cell *cell, struct fsyb_series *series, unsigned round)
{
	struct fsyb_sample *sample = &series->samples[round];
	struct fsyb_load load = load_of(results, cell, round);

	if (series->error[0])
		return;
	if (alone(cell)) {
		if (results->options->article_method)
			series->ops = 10000000; /* "our 10M iteration benchmark" */
		if (series->ops == 0)
			calibrate(series, &load, results->options->round_ns);
		load.ops = series->ops;
	}
	if (series->histogram) {
		sample->histogram = series->histogram + FSYB_HISTOGRAM;
		memset(sample->histogram, 0, FSYB_HISTOGRAM * sizeof *sample->histogram);
	}
	sample_once(series->candidate, &load, sample);
	for (unsigned i = 0; sample->valid && series->histogram && i < FSYB_HISTOGRAM; i++)
		series->histogram[i] += sample->histogram[i];
	sample->histogram = NULL;
	if (!sample->valid)
		memcpy(series->error, sample->error, sizeof series->error);
}

/* What the loop itself costs, in the same round and, for Go, in the same language. */
static double
empty_ns(const struct fsyb_cell *cell, const struct fsyb_process *process, unsigned round)
{
	double ns = 0;

	for (unsigned i = 0; i < cell->count; i++) {
		const struct fsyb_candidate *candidate = cell->series[i].candidate;

		if (strcmp(candidate->kind, FSYB_EMPTY) != 0 || !cell->series[i].samples[round].valid)
			continue;
		if (candidate->process == process)
			return cell->series[i].samples[round].ns;
		if (strncmp(candidate->name, "empty ", 6) == 0)
			ns = cell->series[i].samples[round].ns;
	}
	return ns;
}

static void
subtract_empty(struct fsyb_cell *cell, unsigned round)
{
	for (unsigned i = 0; i < cell->count; i++) {
		struct fsyb_sample *sample = &cell->series[i].samples[round];
		double empty = empty_ns(cell, cell->series[i].candidate->process, round);

		if (strcmp(cell->series[i].candidate->kind, FSYB_EMPTY) != 0)
			sample->ns = sample->ns - empty > 0.01 ? sample->ns - empty : 0.01;
	}
}

static void
show_progress(struct fsyb_results *results, const struct fsyb_cell *cell, const char *name)
{
	double spent = (double)(fsy_now() - results->started) / 1e9;
	double left = results->done ? spent / results->done * (results->planned - results->done) : 0;

	if (results->options->progress)
		fprintf(stderr, "\r[%3u %%, %.0f s left] %s, %u threads: %-24.24s\033[K", 100 * results->done / results->planned,
		        left, cell->what->name, cell->threads, name);
}

/* The article's "30-second warmup period between runs": its load, by all candidates in turn. */
static void
warm_up(struct fsyb_results *results, struct fsyb_cell *cell)
{
	for (unsigned i = 0; i < cell->count; i++) {
		struct fsyb_sample sample = { .valid = false };
		struct fsyb_load load = load_of(results, cell, 0);

		show_progress(results, cell, "warming up");
		load.ops = 0;
		load.latency = load.alone = false;
		load.warm_ns = 1000000;
		load.window_ns = INT64_C(30000000000) / cell->count;
		if (!cell->series[i].error[0])
			sample_once(cell->series[i].candidate, &load, &sample);
	}
}

static void
visit(struct fsyb_results *results, struct fsyb_cell *cell, unsigned round)
{
	struct fsyb_weather before, after;

	if (results->options->article_method)
		warm_up(results, cell);
	fsyb_weather_read(&before);
	for (unsigned i = 0; i < cell->count; i++) {
		struct fsyb_series *series = &cell->series[(i + round) % cell->count];

		show_progress(results, cell, series->candidate->name);
		take(results, cell, series, round);
		results->done++;
	}
	fsyb_weather_read(&after);
	fsyb_weather_add(&cell->weather, &before, &after);
	if (alone(cell))
		subtract_empty(cell, round);
}

int
fsyb_measure(struct fsyb_results *results)
{
	unsigned rounds = (unsigned)results->options->rounds;

	results->started = fsy_now();
	results->done = results->planned = 0;
	for (unsigned i = 0; i < results->count; i++) {
		if (!results->cells[i]->series)
			return FSY_ENOMEM;
		if (!results->cells[i]->measured)
			results->planned += results->cells[i]->rounds * results->cells[i]->count;
	}
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < results->count; i++) {
			struct fsyb_cell *cell = results->cells[i];
			unsigned each = cell->rounds / rounds;

			for (unsigned j = 0; !cell->measured && j < each; j++)
				visit(results, cell, round * each + j);
		}
	for (unsigned i = 0; i < results->count; i++)
		results->cells[i]->measured = true;
	if (results->options->progress)
		fprintf(stderr, "\r\033[K");
	return 0;
}

void
fsyb_results_close(struct fsyb_results *results)
{
	for (unsigned i = 0; i < results->count; i++) {
		struct fsyb_cell *cell = results->cells[i];

		for (unsigned j = 0; j < cell->count; j++) {
			free(cell->series[j].samples);
			free(cell->series[j].histogram);
		}
		free(cell->series);
		free(cell);
	}
	fsyb_field_close(&results->field);
	fsyb_field_close(&results->child);
	fsyb_field_close(&results->nodes);
}
