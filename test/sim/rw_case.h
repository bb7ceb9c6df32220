/* SPDX-License-Identifier: MIT */
/*
 * rw_case.h - what the scenarios of all reader-writer locks share: sections that would notice company. The lock's own header, which includes
 * this one, says how one enters and leaves.
 *
 * Nobody writes what another thread may write at the same time, so that relacy takes a missing edge for the data race that it is.
 */
#ifndef RW_CASE_H
#define RW_CASE_H

#include "lot_rest.h"
#include <fastsync/error.h>
#include <string.h>
#include <sync/readers_line.h>
#include <sys/clock.h>
#include <sys/thread.h>
#include <sys/tune.h>

static int reading[SIM_THREADS], writing;               /* who is inside, as they say */
static int reads[SIM_THREADS], writes[SIM_THREADS];     /* how often each has been inside */
static long left_half, right_half;                      /* written by writers */
static int rounds;

static inline void enter_reading(void);
static inline void leave_reading(void);
static inline void enter_writing(void);
static inline bool enter_writing_until(fsy_deadline_t deadline);
static inline void leave_writing(void);
static inline void at_rest(void);                       /* of the lock, its readers and the lot (I6, D1) */

static inline void
nobody_was_in(void)
{
	memset(reading, 0, sizeof(reading));
	memset(reads, 0, sizeof(reads));
	memset(writes, 0, sizeof(writes));
	writing = 0;
	left_half = right_half = 0;
	rounds = 2;
}

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

static inline void
read_once(int id)
{
	enter_reading();
	read_section(id);
	leave_reading();
}

static inline void
write_once(int id)
{
	enter_writing();
	write_section(id);
	leave_writing();
}

#endif
