/* SPDX-License-Identifier: MIT */
/*
 * results.h - what is to be measured and what came of it. A report asks for the cells it needs (fsyb_need), has them
 * measured together (fsyb_measure), and reads them. Cells measured together are interleaved, round by round.
 */
#ifndef FSYB_RESULTS_H
#define FSYB_RESULTS_H

#include "bench/harness.h"

enum fsyb_shape { FSYB_ALONE, FSYB_SPAN, FSYB_WORK, FSYB_WAITS, FSYB_WRITER, FSYB_SINGLE, FSYB_NODES, FSYB_MEMORY, FSYB_HOLDS };

struct fsyb_case {
	const char *name, *kind;
	enum fsyb_shape shape;
	double section_ns, outside_ns;
	uint32_t write_permille;
	const char *threads, *description;
};
extern const struct fsyb_case fsyb_cases[]; /* ended by name == NULL */

struct fsyb_series {                 /* one candidate in one cell */
	const struct fsyb_candidate *candidate;
	struct fsyb_sample *samples; /* one per round */
	uint64_t *histogram;         /* all rounds together; latency runs only */
	uint64_t ops;                /* calibrated, for ALONE and SINGLE */
	char error[96];              /* the first one; its rounds end there */
};

struct fsyb_choice {
	const char *names; /* beginnings of names, separated by commas; NULL: all */
	const char *without; /* whole names, separated by commas */
	bool releases;     /* also the releases of Go beside the installed one */
	bool parks;        /* only locks whose waiters sleep */
	bool selective;    /* of the variants (plan.c) only those named in */
	char with[128];    /* this, separated by commas */
};

struct fsyb_cell {
	const struct fsyb_case *what;
	unsigned threads, rounds, count;
	struct fsyb_series *series;
	struct fsyb_weather weather;
	struct fsyb_choice choice;
	bool measured;
};

struct fsyb_results {
	const fsy_bench_options_t *options;
	struct fsyb_field field;
	struct fsyb_field child;     /* the same candidates in a process with one thread, or with virtual nodes */
	struct fsyb_field nodes;
	struct fsyb_cell *cells[512];
	unsigned count;
	int64_t started;
	unsigned done, planned;      /* windows, for the progress line */
};

/* The cell, planned if it is new, with a choice of candidates (NULL: all); NULL if there is no room or no such case. Of
 * several requests for a cell the first decides who is in it. */
struct fsyb_cell *fsyb_need(struct fsyb_results *results, const char *name, unsigned threads, const struct fsyb_choice *choice);
/* Asks for a variant too; whatever is none is in anyway. */
void fsyb_ask_for(struct fsyb_choice *choice, const char *name);
/* The cell if it has been measured; else NULL. */
const struct fsyb_cell *fsyb_have(const struct fsyb_results *results, const char *name, unsigned threads);
/* Measures all that is planned. FSY_ENOMEM. */
int fsyb_measure(struct fsyb_results *results);
void fsyb_results_close(struct fsyb_results *results);
/* One worker and a calibrated number of operations: the empty loop is subtracted. */
bool fsyb_alone(const struct fsyb_cell *cell);

const struct fsyb_case *fsyb_case(const char *name);
/* Thread counts of a case, or those the options ask for. */
unsigned fsyb_case_threads(const struct fsyb_case *what, const char *override, unsigned *counts, unsigned most);

enum fsyb_metric {
	FSYB_NS, FSYB_RATE /* million operations per second */, FSYB_MINMAX, FSYB_JAIN, FSYB_SWITCHES, FSYB_LONGEST,
	FSYB_FUTEX, FSYB_LOCAL, FSYB_TRIED, FSYB_OTHERS /* both per second */, FSYB_PASSED, FSYB_PHASES, FSYB_PENDING,
	FSYB_BYTES, FSYB_RESIDENT /* not per round: see the candidate, and memory.c */
};
struct fsyb_figure { double median, p10, p90; unsigned count; };

/* Of the valid rounds; count 0 if there is none. */
struct fsyb_figure fsyb_figure(const struct fsyb_cell *cell, const struct fsyb_series *series, enum fsyb_metric metric);
/* Of the rounds that both have: the quotient round by round. */
struct fsyb_figure fsyb_ratio(const struct fsyb_cell *cell_a, const struct fsyb_series *a, const struct fsyb_cell *cell_b,
                              const struct fsyb_series *b, enum fsyb_metric metric);
/* By name, or by the longest-standing candidate whose name starts with it. NULL. */
const struct fsyb_series *fsyb_find(const struct fsyb_cell *cell, const char *name);
/* The fastest foreign lock; parks: among those whose waiters sleep; names: among those whose names begin so (separated by commas),
 * or NULL. Limits, references and other releases of Go do not count. */
const struct fsyb_series *fsyb_best(const struct fsyb_cell *cell, bool parks, const char *names);
/* The name begins like one of a comma-separated list, in either case. */
bool fsyb_named(const char *name, const char *list);
/* Every acquire, or those of one worker, are stamped. */
bool fsyb_stamped(const struct fsyb_case *what);

#endif
