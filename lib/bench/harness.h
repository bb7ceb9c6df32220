/* SPDX-License-Identifier: MIT */
/*
 * harness.h - the words of the benchmark's harness. A candidate is an implementation under test, a load is what it is put
 * through, a sample is what came of it once. A cell is one case at one thread count: all candidates, all rounds.
 */
#ifndef FSYB_HARNESS_H
#define FSYB_HARNESS_H

#include "bench/peer.h"
#include "bench/statistics.h"
#include <fastsync/bench.h>
#include <stdbool.h>

#define FSYB_MAX_CANDIDATES 512
#define FSYB_MAX_ROUNDS     101
#define FSYB_NAME           48

struct fsyb_process;

struct fsyb_candidate {
	char name[FSYB_NAME];         /* as printed: "rust std", "go1.23 sync.Mutex" */
	char remote[FSYB_NAME];       /* its name inside the co-process */
	const char *kind;
	char version[64];
	size_t bytes;
	bool parks, ours, reference;
	unsigned max_threads;
	const struct fsyb_impl *impl; /* in this process, or NULL and then */
	struct fsyb_process *process; /* in that one */
};

struct fsyb_load {
	unsigned threads;
	uint32_t section, outside;    /* multiplications */
	uint32_t write_permille;
	uint64_t ops;                 /* fixed work: operations per worker; 0: fixed time */
	int64_t window_ns, warm_ns;
	bool latency, unpinned;
	int64_t hold_ns;              /* hold: how long the others hold the lock; write_permille 1000: worker 0 writes, they read; 0: vice versa */
	bool writer;                  /* rw: worker 0 writes, and only it is stamped and works outside; the others read */
	bool alone;                   /* one worker, in the calling thread: for a process that has no other */
	int nodes;                    /* workers 2i and 2i + 1 on virtual node i mod nodes; 0: no virtual nodes */
	uint64_t seed;
};

struct fsyb_sample {
	bool valid;
	double ns;                    /* per operation, over all workers together */
	double ops, elapsed_ns;
	double share_min, share_max;  /* operations of the least and the most served worker */
	double jain;
	double switches;              /* context switches per 1,000 operations */
	double longest_ns;            /* latency runs */
	double parks, wakes;          /* ours: per operation; negative: unknown */
	double local, remote;         /* ours, virtual nodes: hand-overs */
	double tried, others;         /* hold: operations of worker 0, and of all others */
	double passed, phases;        /* hold: of the others, while worker 0 waited longest (longest_ns) */
	double pending;               /* hold: 1 if that wait was not over at the end */
	uint64_t *histogram;          /* latency runs: FSYB_HISTOGRAM buckets, owned by the cell; else NULL */
	char error[96];               /* why it is not valid */
};

/* field.c: everything that can be measured, found once. */
struct fsyb_field {
	struct fsyb_candidate candidates[FSYB_MAX_CANDIDATES];
	unsigned count;
	char missing[16][160];        /* one line each: what is not here, and how to get it */
	unsigned missing_count;
	char allocators[4][256];      /* paths of what can be preloaded into a process */
	unsigned allocator_count;
	bool with_processes;
};
/* path NULL: the default places. */
int fsyb_field_open(struct fsyb_field *field, const char *path, bool with_processes);
void fsyb_field_close(struct fsyb_field *field);
void fsyb_field_missing(struct fsyb_field *field, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct fsyb_candidate *fsyb_field_add(struct fsyb_field *field);

/* ours*.c, limits.c, glibc*.c, holds.c: the implementations inside the library, each list ended by kind == NULL. */
const struct fsyb_impl *fsyb_ours(void);
const struct fsyb_impl *fsyb_ours_rw(void);
const struct fsyb_impl *fsyb_ours_more(void);
const struct fsyb_impl *fsyb_ours_wait(void);
const struct fsyb_impl *fsyb_limits(void);
const struct fsyb_impl *fsyb_glibc(void);
const struct fsyb_impl *fsyb_glibc_wait(void);
const struct fsyb_impl *fsyb_holds(void);
/* allocator.c: whose malloc this process has. */
void fsyb_allocator(const char **name, const char **version);

/* window.c: one window in this process. */
void fsyb_window(const struct fsyb_candidate *candidate, const struct fsyb_load *load, struct fsyb_sample *sample);
/* From operations per worker: rate, fairness. */
void fsyb_summarize(struct fsyb_sample *sample, const double *ops, unsigned threads);

/* process.c: co-processes that speak peers/go/PROTOCOL.md. */
struct fsyb_process *fsyb_process_start(const char *path, char *const argv[], char *const envp[]);
void fsyb_process_stop(struct fsyb_process *process);
void fsyb_process_run(const struct fsyb_candidate *candidate, const struct fsyb_load *load, struct fsyb_sample *sample);
int fsyb_process_list(struct fsyb_field *field, const char *path, char *const argv[], char *const envp[], const char *prefix);

/* machine.c: pinning, clocks, calibration, other people's load. */
struct fsyb_machine {
	int cpus[1024];               /* this process may run on */
	unsigned cpu_count;
	double multiplication_ns;
	uint64_t tsc_khz;             /* 0: no usable TSC */
	bool sheltered;               /* fsyb_weather_shelter() succeeded */
	bool realtime;                /* the controller runs above the workers */
};
extern struct fsyb_machine fsyb_machine;
void fsyb_machine_measure(void);
/* Starts a thread that does nothing, if there is none yet: see machine.c. */
int fsyb_companion(void);
void fsyb_machine_close(void);
uint32_t fsyb_multiplications(double ns);
void fsyb_controller(bool on);
void fsyb_sleep(int64_t ns);

/* memory.c: resident bytes of one of a million objects; NAN where it cannot be measured. */
double fsyb_resident_each(const struct fsyb_impl *impl);

struct fsyb_weather { double total, steal, busy, own; };
void fsyb_weather_read(struct fsyb_weather *weather);
/* Adds what happened between two readings to sum. */
void fsyb_weather_add(struct fsyb_weather *sum, const struct fsyb_weather *from, const struct fsyb_weather *to);
bool fsyb_weather_noisy(const struct fsyb_weather *sum);
/* Puts this session's process group ahead of all others, or back; false if that is not allowed. */
bool fsyb_weather_shelter(bool on);
/* CPU time of co-processes counts as our own. */
void fsyb_weather_own(long pid, bool add);

#endif
