/* SPDX-License-Identifier: MIT */
/* fairlock.h - between the parts of the fair rwlock: fairlock.c (release, hand-over), fairlock_write.c (writers that wait), fairlock_read.c
 * (readers), fairlock_seat.c (those who wait awake), fairlock_mode.c (slots or count), fairlock_held.c (what a thread holds for writing). */
#ifndef FSYI_FAIRLOCK_H
#define FSYI_FAIRLOCK_H

#include <fastsync/fairlock.h>
#include "fairlock_held.h"
#include "readers.h"
#include "../sys/clock.h"
#include "../sys/fork.h"
#include "../sys/tune.h"

/* The word; fairlock.c has the picture. */
#define FAIR_LOCKED  0x00000001u
#define FAIR_BARRED  0x00000002u
#define FAIR_NEXT    0x00000004u
#define FAIR_TURN    0x00000008u
#define FAIR_READERS 0x00000010u
#define FAIR_WRITERS 0x00000020u
#define FAIR_DUE     0x00000040u
#define FAIR_SEATS   0x0000ff00u
#define FAIR_CALLED  0x00ff0000u        /* a seat's bit, shifted */
#define FAIR_CALL    8
#define FAIR_SLOTS   FSY_READERS_FENCED_
#define FAIR_READING FSY_READERS_PLAIN_
#define FAIR_PLAIN   (FAIR_READING & ~FAIR_SLOTS)
#define FAIR_FOREIGN 0x04000000u
#define FAIR_WRITTEN 0x08000000u
#define FAIR_POISON  0x10000000u
#define FAIR_FORK    0xe0000000u
#define FAIR_FORK_1  0x20000000u

enum { FAIR_RELAXES = 3 };

enum { FSYI_KIND_FAIR_READER = 32, FSYI_KIND_FAIR_WRITER = 33 };

/* What NEXT and SEATS speak of are threads of one process: which, in forks. The last value stands for all later ones, which do without. */
static inline uint32_t
fair_fork(void)
{
	uint32_t generation = fsyi_fork_generation();

	return generation < 7 ? generation * FAIR_FORK_1 : FAIR_FORK;
}

static inline bool
fair_may_enrol(void)
{
	return fair_fork() != FAIR_FORK;
}

/* The word without the threads that a fork left behind. */
static inline uint32_t
fair_living(uint32_t seen)
{
	if (FSY_LIKELY(!(seen & (FAIR_NEXT | FAIR_SEATS))) || (seen & FAIR_FORK) == fair_fork())
		return seen;
	return seen & ~(FAIR_FORK | FAIR_SEATS | FAIR_CALLED | FAIR_NEXT);
}

/* A word to be written: whose threads it speaks of. */
static inline uint32_t
fair_signed(uint32_t next)
{
	next &= ~FAIR_FORK;
	return next & (FAIR_NEXT | FAIR_SEATS) ? next | fair_fork() : next;
}

/* Clears bits that are the calling thread's. */
static inline void
fair_clear(fsy_fair_rwlock_t *l, uint32_t bits)
{
	uint32_t seen;

	if (FSY_LIKELY(fair_fork() == 0)) {
		fsy_atomic_u32_and_rlx(&l->word_, ~bits);
		return;
	}
	seen = fsy_atomic_u32_load_rlx(&l->word_);
	while (!fsy_atomic_u32_cas_rlx(&l->word_, &seen, fair_signed(seen & ~bits)))
		;
}

/* Where nobody is NEXT, the turn starts from 0 again. */
static inline uint32_t
fair_unlocked(uint32_t seen)
{
	return seen & ~(FAIR_LOCKED | FAIR_DUE | (seen & FAIR_NEXT ? 0 : FAIR_TURN));
}

/* Whether a release hands the lock to the writer that waits longest; else it goes to who comes first, for a while. */
static inline bool
fair_is_strict(uint32_t seen)
{
	return (seen & FAIR_BARRED) || fsyi_tune.tenure_ns == 0 || !fair_may_enrol();
}

/* How long a thread that has just come lets others pass. */
static inline int64_t
fair_tenure(void)
{
	return fsyi_tune.tenure_ns < fsyi_tune.spin_ns ? fsyi_tune.tenure_ns : fsyi_tune.spin_ns;
}

/* 0 or FSY_EPOISONED, of a lock that is held. */
static inline int
fair_error(const fsy_fair_rwlock_t *l)
{
	return fsy_atomic_u32_load_rlx(&l->word_) & FAIR_POISON ? (int)FSY_EPOISONED : 0;
}

/*
 * Sleeps. Under the bucket lock join makes of the word that it sees the one that says so; false: do not sleep. first: before all who sleep there,
 * or, after a sleep, where it was.
 */
struct fsyi_fair_sleep {
	fsy_fair_rwlock_t *lock;
	uint32_t kind;
	bool (*join)(uint32_t seen, uint32_t *next, void *arg);
	void *arg;
	bool first;
};
enum fsyi_parked fsyi_fair_park(struct fsyi_fair_sleep *sleep, fsy_deadline_t deadline);

/* Between two close looks. Each takes the line away from the holder, who has to fetch it again to release: as seldom as does not delay the
 * one who looks by more than that costs. */
static inline void
fair_relax(void)
{
	for (int i = 0; i < FAIR_RELAXES; i++)
		fsyi_relax();
}

/* A reader's claim on its way to the lock. */
struct fsyi_fair_claim {
	fsy_fair_rwlock_t *lock;
	uint32_t seat;                  /* its bit; 0 = none */
	bool due;                       /* if it sleeps now, it does so with a claim */
};

/* Takes a seat while a writer has the lock, if there is one; found is the word, brought up to date. */
bool fsyi_fair_sit_down(struct fsyi_fair_claim *claim, uint32_t *found);
/* In so many looks; true: called, and the seat is free again. */
bool fsyi_fair_look_for_call(struct fsyi_fair_claim *claim, int looks);
/* By a release, under the bucket lock, that found this word: lets the readers in that sleep, or has them try. How many are in. */
uint32_t fsyi_fair_call_sleepers(struct fsyi_scene *scene, uint32_t found);
/* Gives the seat up: false if it was called, and is still to be freed. The other way to leave it: as the join of a sleep. */
bool fsyi_fair_leave_seat(struct fsyi_fair_claim *claim);
bool fsyi_fair_join_readers(uint32_t seen, uint32_t *next, void *claim);

/* Under the bucket lock: makes of the word what change says; false: it says that there is nothing to be done. */
bool fsyi_fair_change(fsy_fair_rwlock_t *l, bool (*change)(uint32_t seen, uint32_t *next, void *arg), void *arg);

/* Takes LOCKED, and does not wait for readers yet: 0, or FSY_ETIMEDOUT. Called where it was not free. */
int fsyi_fair_wait_for_word(fsy_fair_rwlock_t *l, fsy_deadline_t deadline);

/* By the holder of LOCKED: gives it to whom it belongs. drained: nobody reads. */
void fsyi_fair_release(fsy_fair_rwlock_t *l, bool drained);

/* By the holder of LOCKED: waits for the readers that are there, 0 or FSY_ETIMEDOUT; or counts them. */
int fsyi_fair_drain(fsy_fair_rwlock_t *l, fsy_deadline_t deadline);
uint32_t fsyi_fair_holds(fsy_fair_rwlock_t *l);

/* At any time: whether somebody reads, or tries to. */
bool fsyi_fair_is_read(const fsy_fair_rwlock_t *l);

/* By a reader that holds l: in a slot, as one that is looked at more closely; in the count, having seen that word. */
void fsyi_fair_note_sample(fsy_fair_rwlock_t *l);
void fsyi_fair_note_count(fsy_fair_rwlock_t *l, uint32_t seen);
/* By whoever waits: what a second look showed; and whether that makes it likely that others want the lock back at once, so that it pays to stay
 * away from it for a while. */
void fsyi_fair_note_look(const fsy_fair_rwlock_t *l, bool locked);
bool fsyi_fair_is_pressed(const fsy_fair_rwlock_t *l);

/* By a reader that had to wait. */
void fsyi_fair_note_wait(void);

#endif
