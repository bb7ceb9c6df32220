/* SPDX-License-Identifier: MIT */
/* rwmutex_modes.h - the second half of rwmutex_case.h: the modes that a scenario begins in, and the cases that it becomes. */
#ifndef RWMUTEX_MODES_H
#define RWMUTEX_MODES_H

enum mode { COUNTED, FENCED, PLAIN };

static inline void
tune(int64_t spin, int64_t brief, int64_t patience, int64_t turn)
{
	fsyi_tune.patience_ns = fsyi_tune.patience_max_ns = patience;
	fsyi_tune.spin_ns = spin;
	fsyi_tune.brief_spin_ns = brief;
	fsyi_tune.first_look_ns = 100;
	fsyi_tune.turn_min_ns = turn;
	fsyi_tune.turn_max_ns = 10 * turn;
	fsyi_tune.cycle_ns = turn;
	fsyi_tune.node_batch = 2;
	fsyi_tune.readers_calm_ns = 0;
}

/* The lock in this mode, or in the nearest that this machine has. */
static inline void
begin(enum mode mode)
{
	if (!fsyi_readers_enabled())
		mode = COUNTED;
	else if (mode == PLAIN && !FSY_ASYMMETRIC_)
		mode = FENCED;
	memset(&lock, 0, sizeof(lock));
	memset(reading, 0, sizeof(reading));
	memset(reads, 0, sizeof(reads));
	memset(writes, 0, sizeof(writes));
	lock.word_.cell_ = mode == PLAIN ? RW_READING : mode == FENCED ? RW_SLOTS : 0;
	writing = 0;
	left_half = right_half = 0;
	rounds = 2;
	sim_name(&lock, sizeof(lock), "lock");
	if (fsy_attention_ != NULL)
		sim_name(fsy_attention_ + fsy_attention_slot_(&lock), 1, "attention");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &lock)->lock, 4, "bucket");
}

static inline void
tune_somehow(void)
{
	switch (sim_random(4)) {
	case 0: tune(200, 0, 100, 200); break;
	case 1: tune(900, 100, 300, 2000); break;
	case 2: tune(100, 300, 1000, 1000); break;
	case 3: tune(0, 0, 0, 1000000); break;
	}
}

static inline void setup_counted(void) { begin(COUNTED); tune_somehow(); }
static inline void setup_fenced(void) { begin(FENCED); tune_somehow(); }
static inline void setup_plain(void) { begin(PLAIN); tune_somehow(); }
static inline void setup_any(void) { begin((enum mode)sim_random(3)); tune_somehow(); }

/* For the exhaustive search: everybody sleeps soon, and once is enough. */
static inline void setup_counted_once(void) { begin(COUNTED); tune(0, 0, 0, 100); rounds = 1; }
static inline void setup_fenced_once(void) { begin(FENCED); tune(0, 0, 0, 100); rounds = 1; }
static inline void setup_plain_once(void) { begin(PLAIN); tune(0, 0, 0, 100); rounds = 1; }

/* Membarrier there and missing; the builds with and without FSYI_FENCED make four. */
#define BOTH(name, threads, prepare, body, check, flags, bound)                                                \
	{ CASE_LOCK name "/tso", threads, prepare, body, check, SIM_TSO | (flags), bound },                     \
	{ CASE_LOCK name "/no-membarrier", threads, prepare, body, check, SIM_TSO | SIM_NO_MEMBARRIER | (flags), bound }

/* The same from each mode on. */
#define EACH_MODE(name, threads, prepare, body, check, flags, bound)                                            \
	BOTH(name "/counted", threads, prepare##_counted, body, check, flags, bound),                            \
	{ CASE_LOCK name "/fenced/tso", threads, prepare##_fenced, body, check, SIM_TSO | (flags), bound },     \
	{ CASE_LOCK name "/plain/tso", threads, prepare##_plain, body, check, SIM_TSO | (flags), bound }
#define EACH_MODE_ONCE(name, threads, body, check, bound)                                                       \
	BOTH(name "/counted-once", threads, setup_counted_once, body, check, SIM_DFS_ONLY, bound),               \
	{ CASE_LOCK name "/fenced-once/tso", threads, setup_fenced_once, body, check, SIM_TSO | SIM_DFS_ONLY, bound }, \
	{ CASE_LOCK name "/plain-once/tso", threads, setup_plain_once, body, check, SIM_TSO | SIM_DFS_ONLY, bound }

#endif
