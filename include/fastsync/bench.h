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
	bool bars;                  /* what the project holds itself to, bar by bar, as a table; filter then selects bars */
	bool list;                  /* print the cases and candidates, measure nothing */
	bool article_method;        /* the article's literal method: 10 runs, 30 s of warm-up between them */
	bool unpinned;              /* leave placement to the scheduler */
	bool progress;              /* a line on stderr that is rewritten */
	uint64_t seed;
	const char *self;           /* a program that calls fsy_bench_serve on its standard streams when its only argument is --serve: for
	                             * cases that need a process of their own; NULL = they say so and are left out */
	int64_t hold_ns;            /* the starve cases: how long the others hold the lock; default: what the case says */
} fsy_bench_options_t;

/* Runs and prints to out. 0; FSY_EINVAL (one line on stderr) for an unknown case, candidate or value; FSY_ENOMEM; FSY_EAGAIN if a
 * thread cannot be started. Starts threads and processes, allocates, blocks for as long as it takes; not to be called twice at a time. */
FSY_API int fsy_bench_run(const fsy_bench_options_t *options, FILE *out);

/* The other side of options.self: answers measurements by the protocol of lib/bench/peers/go/PROTOCOL.md until end of file
 * or "quit". The calling process should have no other thread. 0, FSY_EINVAL, FSY_ENOMEM. */
FSY_API int fsy_bench_serve(FILE *in, FILE *out);

/* Private: the first malformed FASTSYNC_* value, as the line that was printed about it; NULL if there was none. */
FSY_API const char *fsy_tune_error_(void);

FSY_END_DECLS

#endif
