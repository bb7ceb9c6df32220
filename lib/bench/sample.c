/* SPDX-License-Identifier: MIT */
/* sample.c - what one window comes to: counters before and after, the datum's verdict, rate and fairness. */
#include "bench/results.h"
#include "bench/window.h"
#include <fastsync/time.h>
#include <stdio.h>
#include <string.h>

static void
merge_histograms(const struct fsyb_window_state *w, uint64_t *sum)
{
	memset(sum, 0, FSYB_HISTOGRAM * sizeof *sum);
	for (size_t i = 0; i < (size_t)w->load->threads * FSYB_HISTOGRAM; i++)
		sum[i % FSYB_HISTOGRAM] += __atomic_load_n(&w->histograms[i], __ATOMIC_RELAXED);
}

int64_t
fsyb_snapshot(struct fsyb_window_state *w, int which, double *ops)
{
	int64_t now = fsy_now();

	for (unsigned i = 0; i < w->load->threads; i++)
		ops[i] = (double)__atomic_load_n(&w->hands[i].worker.ops, __ATOMIC_RELAXED);
	getrusage(RUSAGE_SELF, &w->usage[which]);
	if (w->candidate->ours)
		fsy_stats_get(NULL, &w->stats[which]);
	if (w->starve && which == 0)
		fsyb_starve_begin(w->starve);
	else if (w->starve)
		w->ordeal = fsyb_starve_look(w->starve, now);
	if (which == 0 && w->histograms) {
		merge_histograms(w, w->before);
		for (unsigned i = 0; i < w->load->threads; i++)
			__atomic_store_n(&w->hands[i].worker.longest_ns, 0, __ATOMIC_RELAXED);
	}
	return now;
}

/* Every operation that was counted has left its mark on the protected datum. */
static bool
check_datum(const struct fsyb_window_state *w, struct fsyb_sample *sample)
{
	const char *kind = w->candidate->kind;
	uint64_t expected = 0, found;

	if (!w->candidate->impl->datum)
		return true;
	found = w->candidate->impl->datum(w->object);
	for (unsigned i = 0; i < w->load->threads; i++)
		expected += fsyb_named(kind, FSYB_RW "," FSYB_HOLD) ? w->hands[i].worker.writes
		                                       : w->hands[i].worker.ops + w->hands[i].warm_ops;
	if (strcmp(kind, FSYB_ONCE) == 0)
		expected = 1;
	if (strcmp(kind, FSYB_FANOUT) == 0 || strcmp(kind, FSYB_BARRIER) == 0 || strcmp(kind, FSYB_HANDED) == 0)
		expected = 0; /* the datum counts broken promises */
	if (found == expected)
		return true;
	snprintf(sample->error, sizeof sample->error, "BROKEN: the datum is %llu, not %llu",
	         (unsigned long long)found, (unsigned long long)expected);
	return false;
}

void
fsyb_summarize(struct fsyb_sample *sample, const double *ops, unsigned threads)
{
	sample->ops = 0;
	sample->share_min = sample->share_max = ops[0];
	for (unsigned i = 0; i < threads; i++) {
		sample->ops += ops[i];
		sample->share_min = ops[i] < sample->share_min ? ops[i] : sample->share_min;
		sample->share_max = ops[i] > sample->share_max ? ops[i] : sample->share_max;
	}
	sample->jain = fsyb_jain(ops, threads);
	sample->tried = ops[0];
	sample->others = sample->ops - ops[0];
	sample->ns = sample->ops > 0 ? sample->elapsed_ns / sample->ops : 0;
	sample->valid = sample->ops > 0; /* none in a window: another program had the CPUs. Not an error, and not a figure */
}

void
fsyb_conclude(struct fsyb_window_state *w, struct fsyb_sample *sample)
{
	double switches = (double)(w->usage[1].ru_nvcsw - w->usage[0].ru_nvcsw) +
	                  (double)(w->usage[1].ru_nivcsw - w->usage[0].ru_nivcsw);
	const fsy_stats_t *from = &w->stats[0], *to = &w->stats[1];

	fsyb_summarize(sample, w->last, w->load->threads);
	if (!sample->valid)
		return;
	sample->switches = 1000 * switches / sample->ops;
	if (w->candidate->ours) {
		sample->parks = (double)(to->parks - from->parks) / sample->ops;
		sample->wakes = (double)(to->wakes - from->wakes) / sample->ops;
		sample->local = (double)(to->handovers_local - from->handovers_local);
		sample->remote = (double)(to->handovers_remote - from->handovers_remote);
	}
	if (w->histograms && sample->histogram) {
		merge_histograms(w, sample->histogram);
		for (unsigned i = 0; i < FSYB_HISTOGRAM; i++)
			sample->histogram[i] -= w->before[i];
	}
	for (unsigned i = 0; i < w->load->threads; i++)
		if ((double)w->hands[i].worker.longest_ns > sample->longest_ns)
			sample->longest_ns = (double)w->hands[i].worker.longest_ns;
	if (w->starve) {
		sample->longest_ns = (double)w->ordeal.longest_ns;
		sample->passed = (double)w->ordeal.most.sections;
		sample->phases = (double)w->ordeal.most.phases;
		sample->pending = w->ordeal.pending;
	}
	sample->valid = check_datum(w, sample);
}
