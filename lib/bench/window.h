/* SPDX-License-Identifier: MIT */
/* window.h - the state of one window, between the hands that run it (window.c) and the eyes that judge it (sample.c). */
#ifndef FSYB_WINDOW_H
#define FSYB_WINDOW_H

#include "bench/gate.h"
#include "bench/harness.h"
#include "bench/starve.h"
#include <fastsync/stats.h>
#include <sys/resource.h>

struct fsyb_window_state;

struct fsyb_hand {                       /* one worker thread */
	struct fsyb_worker worker;
	struct fsyb_window_state *window;
	pthread_t thread;
	uint64_t warm_ops;
	int64_t start, end;
};

struct fsyb_window_state {
	volatile uint32_t stop, warm_stop, never; /* one line: written twice a round, read by all */
	struct fsyb_gate gate __attribute__((aligned(128)));
	const struct fsyb_candidate *candidate;
	const struct fsyb_load *load;
	void *object;
	struct fsyb_hand *hands;
	uint64_t *histograms;
	unsigned started;
	double *first, *last;           /* operations per worker at the two snapshots */
	uint64_t *before;               /* merged histogram at the first */
	struct rusage usage[2];
	fsy_stats_t stats[2];
	struct fsyb_starve *starve;     /* hold; else NULL */
	struct fsyb_ordeal ordeal;
};

/* Reads the clock, then everything that is counted; ops per worker go to ops. Returns the time. */
int64_t fsyb_snapshot(struct fsyb_window_state *w, int which, double *ops);

/* After all workers have ended: the sample, valid if no operation was lost. */
void fsyb_conclude(struct fsyb_window_state *w, struct fsyb_sample *sample);

#endif
