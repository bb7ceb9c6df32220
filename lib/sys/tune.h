/* SPDX-License-Identifier: MIT */
/* tune.h - the tunables of tune.def, read from the environment once, at load. Before that they hold their defaults. */
#ifndef FSYI_TUNE_H
#define FSYI_TUNE_H

#include <stdbool.h>
#include <stdint.h>

struct fsyi_tune {
#define X(name, value, min, max, unit, variable, provenance) int64_t name;
#include "tune.def"
#undef X
};

extern struct fsyi_tune fsyi_tune;

/* One line of tune.def. */
struct fsyi_tunable {
	const char *name, *unit, *variable, *provenance;
	int64_t standard, min, max;
	int64_t *value;
};

void fsyi_tune_each(void (*visit)(const struct fsyi_tunable *tunable, void *arg), void *arg);

/* The value of an environment variable; NULL if unset, or if this program runs with more rights than its caller. */
const char *fsyi_tune_variable(const char *variable);

/* "fastsync: variable=value: why" on stderr, and kept for fsyi_tune_error(). */
void fsyi_tune_complain(const char *variable, const char *value, const char *why);

/* Switches, for tests of the fallbacks: FASTSYNC_MEMBARRIER, FASTSYNC_RSEQ, FASTSYNC_NUMA, FASTSYNC_FUTEX2,
 * FASTSYNC_WIPEONFORK, FASTSYNC_READERS = on (default) | off. */
bool fsyi_switch_on(const char *variable);

/* The first malformed FASTSYNC_* value met, as one line; NULL if all were well-formed. */
const char *fsyi_tune_error(void);

#endif
