/* SPDX-License-Identifier: MIT */
/*
 * bench.h - the embedded microbenchmark suite: the article's table, its claims, and sweeps, measured here and now
 * beside the real Go, the real Rust, glibc and whatever else is installed. docs/bench.md says how it measures.
 */
#ifndef FASTSYNC_BENCH_H
#define FASTSYNC_BENCH_H

#include <fastsync/base.h>
#include <stdio.h>

FSY_BEGIN_DECLS

enum fsy_bench_format { FSY_BENCH_TABLE, FSY_BENCH_JSON, FSY_BENCH_CSV };

/* Zero fields mean the default. */
typedef struct fsy_bench_options {
	const char *filter;         /* only cases whose name contains this (or matches, with * and ?); NULL = the article's table */
	const char *candidates;     /* comma-separated names to compare; NULL = all that are present */
	const char *threads;        /* "1,2,4": overrides the sweep's thread counts */
	const char *peer_path;      /* where fastsync-peer-*.so and the Go co-process lie; NULL = FASTSYNC_PEERS, else the installed place */
	int rounds;                 /* interleaved rounds per cell, default 11, at least 3 */
	int64_t round_ns;           /* length of one contended round, default 100 ms */
	enum fsy_bench_format format;
	bool quick;                 /* fewer, shorter rounds: a smoke test, marked as such in every output */
	bool all;                   /* every case (bench-full) */
	bool list;                  /* print the cases and candidates, measure nothing */
	bool article_method;        /* the article's literal method: 10 runs, 30 s of warm-up between them */
	bool unpinned;              /* leave placement to the scheduler */
	bool progress;              /* a line on stderr that is rewritten */
	uint64_t seed;
} fsy_bench_options_t;

/* Runs and prints to out. 0; FSY_EINVAL (one line on stderr) for an unknown case, candidate or value; FSY_ENOMEM. Starts threads
 * and processes, allocates, blocks for as long as it takes; not to be called twice at a time. */
FSY_API int fsy_bench_run(const fsy_bench_options_t *options, FILE *out);

FSY_END_DECLS

#endif
