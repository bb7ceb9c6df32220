/* SPDX-License-Identifier: MIT */
/* rwmutex.h - between the parts of the rwmutex: rwmutex.c (writers), rwmutex_read.c (readers), rwmutex_mode.c (how these announce themselves),
 * rwmutex_wait.c (readers that wait awake), rwmutex_park.c (readers that sleep). */
#ifndef FSYI_RWMUTEX_H
#define FSYI_RWMUTEX_H

#include <fastsync/rwmutex.h>
#include "lockword.h"
#include "readers.h"

/* Byte 3 of the word: slots may name the lock; its readers do not fence; readers are queued; holds have been given back by foreign threads, so that
 * readers are counted from now on. */
#define RW_SLOTS   FSY_READERS_FENCED_
#define RW_READING FSY_READERS_PLAIN_
#define RW_PLAIN   (RW_READING & ~RW_SLOTS)
#define RW_JOINED  (FSY_READERS_JOINED_ & ~RW_SLOTS)
#define RW_PARKED  FSY_LW_CALL_
#define RW_FOREIGN 0x04000000u
#define RW_WRITTEN 0x08000000u          /* too often to look at slots: until it has been calm */

/* calm_, while slots are used: somebody has read since the last write; the bits below count what speaks against slots. */
#define RW_READ_SIGN 0x80

enum { FSYI_KIND_READER = 2 };

static inline struct fsyi_lockword
fsyi_rwmutex_word(fsy_rwmutex_t *rw)
{
	return (struct fsyi_lockword){
		.lot = &fsyi_lot, .word = &rw->word_, .held = &rw->held_, .busy = &rw->busy_, .hint = &rw->hint_, .shared = true
	};
}

static inline uint16_t
rwmutex_writes(const fsy_rwmutex_t *rw)
{
	return FSY_RAW_LOAD_(&rw->writes_, __ATOMIC_RELAXED);
}

static inline uint8_t
rwmutex_get(const uint8_t *byte)
{
	return FSY_RAW_LOAD_(byte, __ATOMIC_RELAXED);
}

static inline void
rwmutex_put(uint8_t *byte, int value)
{
	FSY_RAW_STORE_(byte, (uint8_t)value, __ATOMIC_RELAXED);
}

/* By the writer. ask: those who have joined; FSY_ETIMEDOUT: somebody is seen to read, and the deadline is over. judge: no slot names the lock;
 * whether to go on using them. */
int fsyi_rwmutex_ask(fsy_rwmutex_t *rw, fsy_deadline_t deadline);
void fsyi_rwmutex_judge(fsy_rwmutex_t *rw, uint32_t mode);

/* By a reader that holds rw: by slot, one read in FSY_READS_SAMPLED_ that were fenced; and counted, where the word said nothing else. */
void fsyi_rwmutex_leave_sign(fsy_rwmutex_t *rw);
void fsyi_rwmutex_count_calm(fsy_rwmutex_t *rw, uint32_t seen);

/* One attempt to read; the same with the writers' word taken, which it gives back; and waiting until one succeeds: 0, or FSY_ETIMEDOUT. */
bool fsyi_rwmutex_attempt(fsy_rwmutex_t *rw);
void fsyi_rwmutex_enter_as_owner(fsy_rwmutex_t *rw);
int fsyi_rwmutex_wait(fsy_rwmutex_t *rw, fsy_deadline_t deadline);

/* The halves of lock_until. stop: takes the word, and no reader enters from here on. drain, by who has taken it: waits for the readers that are
 * there; FSY_ETIMEDOUT: the word is still taken, and this may be tried again. */
int fsyi_rwmutex_stop(fsy_rwmutex_t *rw, fsy_deadline_t deadline);
int fsyi_rwmutex_drain(fsy_rwmutex_t *rw, fsy_deadline_t deadline);

/* The slow half of runlock (left: the inline half has cleared the slot, and was alarmed). False: nobody reads. */
bool fsyi_rwmutex_runlock(fsy_rwmutex_t *rw, bool left);

/* Sleeps until a writer's unlock admits it (true), or there is reason to look again: no writer any more, or the deadline. */
bool fsyi_rwmutex_park(fsy_rwmutex_t *rw, fsy_deadline_t deadline, unsigned int *naps);

/* By the writer that holds rw: releases it, and every queued reader holds it from here on. */
void fsyi_rwmutex_unlock_admitting(fsy_rwmutex_t *rw);

/* After a release said that somebody waits. By address: the object may be gone unless a reader is queued. */
void fsyi_rwmutex_call_late(fsy_rwmutex_t *rw);

#endif
