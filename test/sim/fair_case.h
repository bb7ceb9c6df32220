/* SPDX-License-Identifier: MIT */
/* fair_case.h - what the scenarios of the fair rwlock share: the lock in one of its modes, with and without tenures. */
#ifndef FAIR_CASE_H
#define FAIR_CASE_H

#define CASE_LOCK "fair/"
#include "rw_modes.h"
#include <fastsync/fairlock.h>
#include <sync/fairlock.h>

static fsy_fair_rwlock_t lock;

static inline void enter_reading(void) { SIM_CHECK(fsy_fair_rwlock_rlock(&lock) == 0); }
static inline void leave_reading(void) { fsy_fair_rwlock_runlock(&lock); }
static inline void enter_writing(void) { SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0); }
static inline bool enter_writing_until(fsy_deadline_t deadline) { return fsy_fair_rwlock_lock_until(&lock, deadline) == 0; }
static inline void leave_writing(void) { fsy_fair_rwlock_unlock(&lock); }

static inline void
tune(int64_t tenure, int64_t spin, int64_t brief)
{
	fsyi_tune.tenure_ns = tenure;
	fsyi_tune.spin_ns = spin;
	fsyi_tune.linger_ns = fsyi_tune.brief_spin_ns = brief;
	fsyi_tune.node_batch = 2;
	fsyi_tune.readers_calm_ns = 0;
}

static inline void
tune_somehow(void)
{
	static const int64_t ways[][3] = { { 0, 200, 0 }, { 0, 900, 100 }, { 1000, 400, 0 }, { 300, 2000, 300 }, { 0, 0, 0 } };
	const int64_t *way = ways[sim_random(5)];

	tune(way[0], way[1], way[2]);
}

static inline void tune_sleepy(enum mode mode) { tune(mode == PLAIN ? 100 : 0, 0, 0); }

static inline void
begin(enum mode mode)
{
	mode = nearest(mode);
	nobody_was_in();
	sim_cpus = (int[]){ 1, 2, SIM_THREADS, SIM_THREADS }[sim_random(4)];
	memset(&lock, 0, sizeof(lock));
	lock.word_.cell_ = mode == PLAIN ? FAIR_READING : mode != COUNTED ? FAIR_SLOTS : 0;
	sim_name(&lock, sizeof(lock), "lock");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &lock)->lock, 4, "bucket");
}

static inline void
at_rest(void)
{
	SIM_CHECK((lock.word_.cell_ & ~(FAIR_READING | FAIR_FOREIGN | FAIR_WRITTEN)) == 0);
	SIM_CHECK(lock.readers_.cell_ == 0);
	SIM_CHECK(!readers_in_slots(&lock.readers_));
	lot_at_rest();
}

#endif
