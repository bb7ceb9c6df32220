/* SPDX-License-Identifier: MIT */
/*
 * rwmutex_case.h - what the scenarios of the rwmutex share: the lock in one of its modes, sections that would notice company, and
 * what must hold at rest.
 *
 * Nobody writes what another thread may write at the same time, so that relacy takes a missing edge for the data race that it is.
 */
#ifndef RWMUTEX_CASE_H
#define RWMUTEX_CASE_H

#include "scenario.h"
#include <fastsync/error.h>
#include <fastsync/rwmutex.h>
#include <park/lot.h>
#include <string.h>
#include <sync/lockword.h>
#include <sync/readers_line.h>
#include <sync/rwmutex.h>
#include <sys/clock.h>
#include <sys/thread.h>
#include <sys/tune.h>

#ifndef CASE_LOCK                       /* else the scenario has declared it */
#define CASE_LOCK "rwmutex/"
static fsy_rwmutex_t lock;
#endif
static int reading[SIM_THREADS], writing;               /* who is inside, as they say */
static int reads[SIM_THREADS], writes[SIM_THREADS];     /* how often each has been inside */
static long left_half, right_half;                      /* written by writers */
static int rounds;

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

/* At rest: no bit, no queue, no attention, no hold anywhere (I6, D1). */
static inline void
at_rest(void)
{
	const uint64_t *attention = (const uint64_t *)(const void *)fsy_attention_;

	SIM_CHECK((lock.word_.cell_ & (LW_BUSY | RW_PARKED)) == 0);
	SIM_CHECK(lock.readers_.cell_ == 0);
	SIM_CHECK(!readers_in_slots(&lock.readers_));
	for (unsigned i = 0; attention != NULL && i < (1u << FSY_ATTENTION_BITS_) / 8; i++)
		if (attention[i] != 0)
			sim_fail("an attention byte near %u is still raised", 8 * i);
	for (unsigned i = 0; i < (1u << FSY_ATTENTION_BITS_) >> fsyi_lot.shift; i++) {
		SIM_CHECK(fsyi_lot.buckets[i].queues == NULL);
		SIM_CHECK(fsyi_lot.buckets[i].lock.cell_ == 0);
	}
}

static inline void
read_once(int id)
{
	fsy_rwmutex_rlock(&lock);
	read_section(id);
	fsy_rwmutex_runlock(&lock);
}

static inline void
write_once(int id)
{
	fsy_rwmutex_lock(&lock);
	write_section(id);
	fsy_rwmutex_unlock(&lock);
}

#include "rwmutex_modes.h"

#endif
