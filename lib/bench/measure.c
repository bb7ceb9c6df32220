/* SPDX-License-Identifier: MIT */
/*
 * measure.c - measures what is planned. Candidates are interleaved: every round visits every cell and in it every
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

/* Who starves needs time to do so. */
enum { FSYB_LEAST_HOLDS = 50, FSYB_WARM_HOLDS = 5 };

static void
long_enough(const fsy_bench_options_t *options, const struct fsyb_case *what, struct fsyb_load *load)
{
	load->hold_ns = options->hold_ns ? options->hold_ns : (int64_t)what->section_ns;
	load->section = 0;
	load->warm_ns = FSYB_WARM_HOLDS * load->hold_ns;
	load->window_ns = 2 * options->round_ns;
	if (load->window_ns < FSYB_LEAST_HOLDS * load->hold_ns)
		load->window_ns = FSYB_LEAST_HOLDS * load->hold_ns;
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
		.latency = fsyb_stamped(what),
		.writer = what->shape == FSYB_WRITER,
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
	if (fsyb_alone(cell))
		load.warm_ns = 1000000;
	if (what->shape == FSYB_HOLDS)
		long_enough(options, what, &load);
	return load;
}

static void
sample_once(const struct fsyb_candidate *candidate, const struct fsyb_load *load, struct fsyb_sample *sample)
{
	if (strcmp(candidate->kind, FSYB_MILLION) == 0 && candidate->impl) {
		sample->ns = fsyb_resident_each(candidate->impl);
		sample->valid = sample->ns > 0;
	} else if (candidate->impl) {
		fsyb_window(candidate, load, sample);
	} else {
		fsyb_process_run(candidate, load, sample);
	}
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
	if (fsyb_alone(cell)) {
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
	if (fsyb_alone(cell))
		subtract_empty(cell, round);
}

static void
note_empty(struct fsyb_cell *cell)
{
	for (unsigned i = 0; i < cell->count; i++)
		if (!cell->series[i].error[0] && fsyb_figure(cell, &cell->series[i], FSYB_NS).count == 0)
			snprintf(cell->series[i].error, sizeof cell->series[i].error, "no operation was completed in any window");
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
			unsigned each = cell->rounds > round ? 1 + (cell->rounds - 1) / rounds : 0;

			for (unsigned j = 0; !cell->measured && j < each; j++)
				visit(results, cell, round * each + j);
		}
	for (unsigned i = 0; i < results->count; i++) {
		results->cells[i]->measured = true;
		note_empty(results->cells[i]);
	}
	if (results->options->progress)
		fprintf(stderr, "\r\033[K");
	return 0;
}
