/* SPDX-License-Identifier: MIT */
/* lockword.h - the slow half of the adaptive lock; <fastsync/lockword.h> is the inline half. */
#ifndef FSYI_LOCKWORD_H
#define FSYI_LOCKWORD_H

#include <fastsync/lockword.h>
#include <fastsync/time.h>
#include "../park/park.h"

#define LW_LOCKED   FSY_LW_LOCKED_
#define LW_BARRED   FSY_LW_BARRED_
#define LW_QUEUED   FSY_LW_QUEUED_
#define LW_SEARCHER FSY_LW_SEARCHER_
#define LW_SECOND   0x00040000u
#define LW_TURN     0x00080000u
#define LW_BUSY     (LW_LOCKED | LW_BARRED | LW_QUEUED | LW_SEARCHER | LW_SECOND | LW_TURN)

/* The kinds of waiters in a lock word's queue: of a bare word, and of one that its owner's signature follows. */
enum { FSYI_KIND_LOCK = 1, FSYI_KIND_POISON = 8 };

/* One lock, as its owner describes it. */
struct fsyi_lockword {
	struct fsyi_lot *lot;
	fsy_atomic_u32 *word;
	uint8_t *held;                  /* NULL if it has an owner */
	fsy_atomic_u32 *owner;          /* the word after it (owner.h), or NULL: any thread may unlock */
	uint8_t *busy;                  /* how often it is found locked: 0 never .. 255 always */
	uint16_t *hint;                 /* the last contended owner's node, and the searcher's CPU */
	bool shared;                    /* with readers, whom its holders keep out: those that wait here are its writers */
};

/* After the fast path failed: 0, or FSY_ETIMEDOUT; whether one more attempt got it. */
int fsyi_lockword_lock(const struct fsyi_lockword *lock, fsy_deadline_t deadline);
bool fsyi_lockword_trylock(const struct fsyi_lockword *lock);

/* The same for a thread that sleeps elsewhere: false where it would have to sleep here. Takes its turn among those who are awake. */
bool fsyi_lockword_lock_awake(const struct fsyi_lockword *lock, fsy_deadline_t deadline);
/* With both buckets locked: the count (one or more) eldest who wait in from wait for this lock from now on, asleep as they are; scene is the
 * lock's. Wakes one of them at most, as the searcher. True: the caller is to settle what it has done once the buckets are unlocked,
 * when the object may be gone. Not where admits() is false: in a forked child, or where membarrier was lost, those who sleep for
 * a lock do so by the clock. */
bool fsyi_lockword_admit(struct fsyi_scene *scene, const struct fsyi_lockword *lock, struct fsyi_scene *from, uint32_t count);
void fsyi_lockword_settle(const struct fsyi_lockword *lock);
bool fsyi_lockword_admits(void);

/* For such a thread, once woken from the lock's queue: returns with the lock. */
void fsyi_lockword_resume(const struct fsyi_lockword *lock, enum fsyi_parked woken);

/* Whether anybody waits for it, or may. In a forked child bits of vanished threads are cleared first. */
bool fsyi_lockword_has_waiters(const struct fsyi_lockword *lock);

/* After a release said FSY_RELEASED_WAKE_: the object may be gone. Touches it only if somebody waits for it. Somebody who is awake may
 * turn up, and a wake-up be saved: waits for that a moment, or not. A thread that is about to sleep leaves its CPU to whom it wakes. */
enum fsyi_wake { FSYI_WAKE_LATER, FSYI_WAKE_NOW, FSYI_WAKE_LEAVING };
void fsyi_lockword_wake(const struct fsyi_lockword *lock, enum fsyi_wake how);

/* After a release said FSY_SUSPECT_: once more, by the word itself. FSY_SUSPECT_ now means that nobody holds it. */
enum fsy_release_ fsyi_lockword_unlock_suspect(const struct fsyi_lockword *lock);

/* Gives the word to the eldest waiter if anybody waits; otherwise gives it back as the fast path does. */
enum fsy_release_ fsyi_lockword_unlock_fair(const struct fsyi_lockword *lock);

#endif
