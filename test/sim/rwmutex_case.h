/* SPDX-License-Identifier: MIT */
/* rwmutex_case.h - what the scenarios of the rwmutex share: the lock in one of its modes. */
#ifndef RWMUTEX_CASE_H
#define RWMUTEX_CASE_H

#include <fastsync/rwmutex.h>

#ifndef CASE_LOCK                       /* else the scenario has declared it */
#define CASE_LOCK "rwmutex/"
static fsy_rwmutex_t lock;
#endif
#include "rw_modes.h"
#include "tune.h"
#include <sync/lockword.h>
#include <sync/rwmutex.h>

static inline void enter_reading(void) { fsy_rwmutex_rlock(&lock); }
static inline void leave_reading(void) { fsy_rwmutex_runlock(&lock); }
static inline void enter_writing(void) { fsy_rwmutex_lock(&lock); }
static inline bool enter_writing_until(fsy_deadline_t deadline) { return fsy_rwmutex_lock_until(&lock, deadline) == 0; }
static inline void leave_writing(void) { fsy_rwmutex_unlock(&lock); }

static inline void
tune_somehow(void)
{
	switch (sim_random(4)) {
	case 0: tune(100, 200, 0, 200); break;
	case 1: tune(300, 900, 100, 2000); break;
	case 2: tune(1000, 100, 300, 1000); break;
	case 3: tune(0, 0, 0, 1000000); break;
	}
}

static inline void tune_sleepy(enum mode mode) { (void)mode; tune(0, 0, 0, 100); }

static inline void
begin(enum mode mode)
{
	mode = nearest(mode);
	nobody_was_in();
	memset(&lock, 0, sizeof(lock));
	fsyi_tune.readers_calm_ns = 0;
	lock.word_.cell_ = mode == PLAIN ? RW_READING : mode == JOINED ? FSY_READERS_JOINED_ : mode == FENCED ? RW_SLOTS : 0;
	sim_name(&lock, sizeof(lock), "lock");
	if (fsy_attention_ != NULL)
		sim_name(fsy_attention_ + fsy_attention_slot_(&lock), 1, "attention");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &lock)->lock, 4, "bucket");
}

static inline void
at_rest(void)
{
	SIM_CHECK((lock.word_.cell_ & (LW_BUSY | RW_PARKED)) == 0);
	SIM_CHECK(lock.readers_.cell_ == 0);
	SIM_CHECK(!readers_in_slots(&lock.readers_));
	lot_at_rest();
}

#endif
