/* SPDX-License-Identifier: MIT */
/*
 * starve.h - who starves whom: one worker, the tried side, wants the lock again and again; all others hold it for long, one after the other
 * if they write, overlapping if they read, without ever pausing. What the tried side got and how long it waited is the result.
 */
#ifndef FSYB_STARVE_H
#define FSYB_STARVE_H

#include "bench/peer.h"
#include <stdbool.h>

/* What went by while somebody waited. */
struct fsyb_passed {
	uint64_t sections;              /* of the others, that began */
	uint64_t phases;                /* that ended: a writer's section, or a time during which somebody always read */
};

struct fsyb_starve;

struct fsyb_trier {                     /* a worker's part */
	struct fsyb_hold hold;          /* first: the loops know no more */
	struct fsyb_starve *all;
	bool tried;                     /* the one that is watched */
	bool exact;                     /* sleeps as long as it is told to */
	uint64_t random;
	int64_t asked;                  /* when; 0: it does not wait */
	struct fsyb_passed then;
	int64_t longest_ns;
	struct fsyb_passed most;
} __attribute__((aligned(128)));

struct fsyb_starve {
	int64_t hold_ns;
	const volatile uint32_t *stop;
	uint64_t sections, phases;
	uint64_t inside;                /* readers */
	struct fsyb_trier *triers;      /* one for each worker */
};

/* What the tried side has been through. */
struct fsyb_ordeal {
	int64_t longest_ns;
	struct fsyb_passed most;
	bool pending;                   /* that wait is not over */
};

/* worker->reserved of worker i is to point to triers[i].hold. NULL: out of memory. */
struct fsyb_starve *fsyb_starve_new(unsigned threads, int64_t hold_ns, const volatile uint32_t *stop, uint64_t seed);
void fsyb_starve_free(struct fsyb_starve *starve);
/* Forgets waits that are over. */
void fsyb_starve_begin(struct fsyb_starve *starve);
/* The longest wait so far, that which goes on at time now included. */
struct fsyb_ordeal fsyb_starve_look(const struct fsyb_starve *starve, int64_t now);

/* What is called what: starved, if one wait took half of the time that it was watched for, or more; served, if none took more than a
 * tenth; delayed in between. */
enum fsyb_fate { FSYB_UNKNOWN, FSYB_SERVED, FSYB_DELAYED, FSYB_STARVED };
enum fsyb_fate fsyb_fate(double longest_ns, double watched_ns);
/* Verdicts on "it starves", "it is spared that", "nobody starves whichever it is", "better off than the other": "holds", "does not hold", "partly". */
const char *fsyb_verdict_starves(enum fsyb_fate fate);
const char *fsyb_verdict_spared(enum fsyb_fate fate);
const char *fsyb_verdict_fair(enum fsyb_fate writer, enum fsyb_fate reader);
const char *fsyb_verdict_better(enum fsyb_fate fate, enum fsyb_fate other);

#endif
