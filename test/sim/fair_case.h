/* SPDX-License-Identifier: MIT */
/*
 * fair_case.h - what the scenarios of the fair rwlock share: the lock in one of its modes, with and without tenures, sections that would
 * notice company, and what must hold at rest.
 *
 * Nobody writes what another thread may write at the same time, so that relacy takes a missing edge for the data race that it is.
 */
#ifndef FAIR_CASE_H
#define FAIR_CASE_H

#include "scenario.h"
#include <fastsync/fairlock.h>
#include <park/lot.h>
#include <string.h>
#include <sync/fairlock.h>
#include <sync/readers_line.h>
#include <sys/tune.h>

enum mode { COUNTED, FENCED, PLAIN };

static fsy_fair_rwlock_t lock;
static int reading[SIM_THREADS], writing;               /* who is inside, as they say */
static int reads[SIM_THREADS], writes[SIM_THREADS];     /* how often each has been inside */
static long left_half, right_half;                      /* written by writers */
static int rounds;

static inline void
tune(int64_t tenure, int64_t spin, int64_t brief)
{
	fsyi_tune.tenure_ns = tenure;
	fsyi_tune.spin_ns = spin;
	fsyi_tune.linger_ns = fsyi_tune.brief_spin_ns = brief;
	fsyi_tune.node_batch = 2;
	fsyi_tune.readers_calm_ns = 0;
}

/* The lock in this mode, or in the nearest that this machine has. */
static inline void
begin(enum mode mode)
{
	if (mode != COUNTED)
		mode = !fsyi_readers_enabled() ? COUNTED : FSY_ASYMMETRIC_ ? mode : FENCED;
	memset(&lock, 0, sizeof(lock));
	memset(reading, 0, sizeof(reading));
	memset(reads, 0, sizeof(reads));
	memset(writes, 0, sizeof(writes));
	lock.word_.cell_ = mode == PLAIN ? FAIR_READING : mode == FENCED ? FAIR_SLOTS : 0;
	writing = 0;
	left_half = right_half = 0;
	rounds = 2;
	sim_name(&lock, sizeof(lock), "lock");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &lock)->lock, 4, "bucket");
}

static inline void
tune_somehow(void)
{
	static const int64_t ways[][3] = { { 0, 200, 0 }, { 0, 900, 100 }, { 1000, 400, 0 }, { 300, 2000, 300 }, { 0, 0, 0 } };
	const int64_t *way = ways[sim_random(5)];

	tune(way[0], way[1], way[2]);
}

static inline void setup_counted(void) { begin(COUNTED); tune_somehow(); }
static inline void setup_fenced(void) { begin(FENCED); tune_somehow(); }
static inline void setup_plain(void) { begin(PLAIN); tune_somehow(); }
static inline void setup_any(void) { begin((enum mode)sim_random(3)); tune_somehow(); }

/* For the exhaustive search: everybody sleeps soon, and once is enough. */
static inline void once_counted(void) { begin(COUNTED); tune(0, 0, 0); rounds = 1; }
static inline void once_fenced(void) { begin(FENCED); tune(0, 0, 0); rounds = 1; }
static inline void once_plain(void) { begin(PLAIN); tune(100, 0, 0); rounds = 1; }

static inline void
nobody_else_is_inside(int id, bool writer)
{
	SIM_CHECK(writing == 0);
	for (int i = 0; writer && i < sim_threads(); i++)
		SIM_CHECK(i == id || reading[i] == 0);
}

static inline void
read_section(int id)
{
	long seen = left_half;

	nobody_else_is_inside(id, false);
	reading[id]++;
	reads[id]++;
	sim_point();
	SIM_CHECK(right_half == seen);
	nobody_else_is_inside(id, false);
	reading[id]--;
}

static inline void
write_section(int id)
{
	nobody_else_is_inside(id, true);
	writing = 1;
	writes[id]++;
	left_half++;
	sim_point();
	for (int i = 0; i < sim_threads(); i++)
		SIM_CHECK(i == id || reading[i] == 0);
	right_half++;
	writing = 0;
}

/* At rest: no bit, no queue, no hold anywhere (I6, D1). */
static inline void
at_rest(void)
{
	SIM_CHECK((lock.word_.cell_ & ~(FAIR_READING | FAIR_FOREIGN | FAIR_WRITTEN)) == 0);
	SIM_CHECK(lock.readers_.cell_ == 0);
	SIM_CHECK(!readers_in_slots(&lock.readers_));
	for (unsigned i = 0; i < (1u << FSY_ATTENTION_BITS_) >> fsyi_lot.shift; i++) {
		SIM_CHECK(fsyi_lot.buckets[i].queues == NULL);
		SIM_CHECK(fsyi_lot.buckets[i].lock.cell_ == 0);
	}
}

static inline void
read_once(int id)
{
	SIM_CHECK(fsy_fair_rwlock_rlock(&lock) == 0);
	read_section(id);
	fsy_fair_rwlock_runlock(&lock);
}

static inline void
write_once(int id)
{
	SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0);
	write_section(id);
	fsy_fair_rwlock_unlock(&lock);
}

/* Membarrier there and missing; the builds with and without FSYI_FENCED make four. */
#define BOTH(name, threads, prepare, body, check, flags, bound)                                                \
	{ "fair/" name "/tso", threads, prepare, body, check, SIM_TSO | (flags), bound },                        \
	{ "fair/" name "/no-membarrier", threads, prepare, body, check, SIM_TSO | SIM_NO_MEMBARRIER | (flags), bound }

/* The same from each mode on. */
#define EACH_MODE(name, threads, prepare, body, check, flags, bound)                                            \
	BOTH(name "/counted", threads, prepare##_counted, body, check, flags, bound),                            \
	{ "fair/" name "/fenced/tso", threads, prepare##_fenced, body, check, SIM_TSO | (flags), bound },        \
	{ "fair/" name "/plain/tso", threads, prepare##_plain, body, check, SIM_TSO | (flags), bound }
#define EACH_MODE_ONCE(name, threads, body, check, bound) EACH_MODE(name "/once", threads, once, body, check, SIM_DFS_ONLY, bound)

#endif
