/* SPDX-License-Identifier: MIT */
/* readers.h - the readers' lines: who has one, what a writer finds in them, how a hold leaves one; <fastsync/reader.h> is the
 * inline half. A hold is known by the central count of its lock: a slot names that count. */
#ifndef FSYI_READERS_H
#define FSYI_READERS_H

#include <fastsync/reader.h>
#include <fastsync/time.h>
#include "../park/park.h"

/* The central count of a lock: how many holds are counted, and whether a writer sleeps until there are none, in slots or here. */
#define READERS_DRAINING 0x00000001u
#define READERS_ONE      0x00000002u
#define READERS_COUNT    0xfffffffeu
#define READERS_MOST     0x7ffffffeu

/* Whether slots may be used: membarrier works, and FASTSYNC_READERS is not off. In fenced builds always. */
bool fsyi_readers_enabled(void);

/* The slot of the calling thread's own line that a hold of this lock may use; makes the line at first. NULL if there is none, or the slot
 * is taken: the hold is to be counted. */
fsy_atomic_ptr *fsyi_reader_slot(const fsy_atomic_u32 *count);

/* Sets the slot with a full fence: the lock word may be read now. */
static inline void
fsyi_reader_announce(fsy_atomic_ptr *slot, fsy_atomic_u32 *count)
{
	(void)fsy_atomic_ptr_swap(slot, count);
}

/* Clears a slot that names count: the end of a hold, or of an attempt that came to nothing. */
void fsyi_reader_retreat(fsy_atomic_u32 *count, fsy_atomic_ptr *slot);

/* After the calling thread's slot was cleared, and alert said that somebody wants to hear of it. False: another thread had given that very hold
 * back before; a hold of this lock remains to be given back. True: done, and the lock may be gone. */
bool fsyi_reader_alarm(const fsy_atomic_u32 *count);

/* Gives back a hold that is neither counted nor the calling thread's; false: there is none. */
bool fsyi_reader_claim(fsy_atomic_u32 *count);

/* Counts one hold out, and wakes the writer that waited for it. False: none is counted. */
bool fsyi_readers_count_out(fsy_atomic_u32 *count);

/* The calling thread joins the lock: its reads need no fence from here on, while the lock's word says that writers ask; and parts from it. */
void fsyi_reader_join(fsy_atomic_u32 *count);

static inline void
fsyi_reader_part(const fsy_atomic_u32 *count)
{
	fsy_atomic_ptr *joined = fsy_reader_joined_(count);

	if (FSY_UNLIKELY(fsy_atomic_ptr_load_rlx(joined) == count))
		fsy_atomic_ptr_store_rel(joined, NULL);                                         /* Q1 -> Q3 */
}

/* By a thread that may be asked, and whose slots are as it wants them. */
void fsyi_reader_answer(void);

/*
 * For a writer that has stopped new readers, with a full fence behind it: each thread that has joined says that it has seen that, or parts. SILENT:
 * not all of them did within microseconds, so that a heavy fence was executed, and these have to join anew. READING: the deadline is over, and
 * somebody is seen to read; of others nothing is known.
 */
enum fsyi_answer { FSYI_NOBODY_JOINED, FSYI_ANSWERED, FSYI_SILENT, FSYI_READING };
enum fsyi_answer fsyi_readers_ask(fsy_atomic_u32 *count, fsy_deadline_t deadline);

/* By the address alone. */
void fsyi_readers_wake_writer(const fsy_atomic_u32 *count);

/* How many threads have a line: what a search costs. */
extern fsy_atomic_u32 fsyi_reader_lines;

/* For a writer that has stopped new readers, with a full fence (or the heavy one, if readers do not fence) behind it: waits until no slot
 * names count, node by node; until nobody is counted. 0, or FSY_ETIMEDOUT. */
int fsyi_readers_drain_slots(fsy_atomic_u32 *count, fsy_deadline_t deadline);
int fsyi_readers_drain_count(fsy_atomic_u32 *count, fsy_deadline_t deadline);

/* Ends the readers' plain reading: a fence in every thread of the process, by membarrier, or by the time that any store buffer needs to drain. */
void fsyi_readers_heavy_fence(const void *object);

/*
 * How long it pays to stay awake for somebody who holds the lock. A thread that has lately waited for one that did not run is likely to do so
 * again: more threads want to run than there are CPUs, and what the holder needs is this one.
 */
void fsyi_reader_met_crowd(void);
bool fsyi_reader_in_crowd(void);
int64_t fsyi_reader_patience(void);

#endif
