/* SPDX-License-Identifier: MIT */
/*
 * rw_modes.h - the modes of readers that a scenario begins in, and the cases that it becomes. The lock's own header says what CASE_LOCK is called,
 * how the lock begins in a mode, and which times it is tuned to: some, or such that everybody sleeps soon.
 */
#ifndef RW_MODES_H
#define RW_MODES_H

#include "rw_case.h"

enum mode { COUNTED, FENCED, PLAIN, JOINED };

static inline void begin(enum mode mode);
static inline void tune_somehow(void);
static inline void tune_sleepy(enum mode mode);

/* This mode, or the nearest that this machine has. */
static inline enum mode
nearest(enum mode mode)
{
	if (!fsyi_readers_enabled())
		return COUNTED;
	return mode > FENCED && !FSY_ASYMMETRIC_ ? FENCED : mode;
}

static inline void begin_tuned(enum mode mode) { begin(mode); tune_somehow(); }
static inline void setup_counted(void) { begin_tuned(COUNTED); }
static inline void setup_fenced(void) { begin_tuned(FENCED); }
static inline void setup_plain(void) { begin_tuned(PLAIN); }
static inline void setup_any(void) { begin_tuned((enum mode)sim_random(4)); }

/* For the exhaustive search: once is enough. */
static inline void begin_once(enum mode mode) { begin(mode); tune_sleepy(mode); rounds = 1; }
static inline void once_counted(void) { begin_once(COUNTED); }
static inline void once_fenced(void) { begin_once(FENCED); }
static inline void once_plain(void) { begin_once(PLAIN); }

/* Membarrier there and missing; the builds with and without FSYI_FENCED make four. */
#define BOTH(name, threads, prepare, body, check, flags, bound)                                                \
	{ CASE_LOCK name "/tso", threads, prepare, body, check, SIM_TSO | (flags), bound },                     \
	{ CASE_LOCK name "/no-membarrier", threads, prepare, body, check, SIM_TSO | SIM_NO_MEMBARRIER | (flags), bound }

/* The same from each mode on. */
#define EACH_MODE(name, threads, prepare, body, check, flags, bound)                                            \
	BOTH(name "/counted", threads, prepare##_counted, body, check, flags, bound),                            \
	{ CASE_LOCK name "/fenced/tso", threads, prepare##_fenced, body, check, SIM_TSO | (flags), bound },     \
	{ CASE_LOCK name "/plain/tso", threads, prepare##_plain, body, check, SIM_TSO | (flags), bound }
#define EACH_MODE_ONCE(name, threads, body, check, bound) EACH_MODE(name "/once", threads, once, body, check, SIM_DFS_ONLY, bound)

#endif
