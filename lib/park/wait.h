/* SPDX-License-Identifier: MIT */
/*
 * wait.h - waiting on a word: until the state that a primitive keeps in one 32-bit or 64-bit word is another.
 *
 * The waiter looks for a moment, then parks on the word's address. What the word means is the caller's: it says whether the wait goes on,
 * and marks the word before it sleeps, so that whoever changes it knows that somebody is to be woken. Two ways to wake:
 *
 *   fsyi_word_release   the word changes under the bucket lock, together with the queue. Those who are woken have been given
 *                       what they waited for, and do not look at the word again: the object may be gone (I1), or in use again.
 *   fsyi_word_wake_*    the word has changed before. The object may be gone, and is not touched; a waiter that is woken looks
 *                       at its word, which it owns, so a late wake that finds another object's waiters does no harm.
 */
#ifndef FSYI_WAIT_H
#define FSYI_WAIT_H

#include "park.h"

/* The kind of those who wait on a word, and nothing else (those who do may use kinds of their own above it). */
enum { FSYI_KIND_WORD = 16 };

enum fsyi_waited {
	FSYI_WAIT_OVER,         /* looked, and pending said no */
	FSYI_WAIT_GIVEN,        /* woken by fsyi_word_release: everything that it did before is visible, and the object may be gone */
	FSYI_WAIT_TIMEDOUT,     /* the deadline is over, and pending still says yes */
};

struct fsyi_word_op {
	uint32_t kind;
	/* Whether the wait goes on. Called with no lock held; what it read last before it said no is what the caller may rely
	 * on, so that it loads with acquire. */
	bool (*pending)(void *arg);
	/* Under the bucket lock: whether it goes on, and if so the word now says that somebody waits. Everything that is done to
	 * the word from here on goes by fsyi_word_release, or is followed by fsyi_word_wake_*. */
	bool (*enlist)(struct fsyi_scene *scene, void *arg);
	/* NULL, or: under the bucket lock, after a waiter left by its deadline. scene->queue == NULL: nobody waits any more. It may
	 * clear the mark, if that cannot be taken for a release. */
	void (*left)(struct fsyi_scene *scene, void *arg);
	/* Whether the waiters are never woken but all together: then one system call is enough for them. */
	bool crowd;
};

/*
 * Waits while the word asks for it. Never returns FSYI_WAIT_OVER spuriously, and never FSYI_WAIT_TIMEDOUT early. A deadline in the past looks
 * once. In a forked child, where the thread that would have changed the word may have stayed behind, pending is asked now and then
 * (fsyi_word_timed_nap); so it is when no thread record can be had.
 */
enum fsyi_waited fsyi_word_wait(struct fsyi_lot *lot, const void *word, const struct fsyi_word_op *op, void *arg,
				fsy_deadline_t deadline);

/* Runs change under the bucket lock of word. If it returns true, all who wait there with that kind are taken from the queue and
 * given what they waited for; how many. The change is the last access to the object. */
uint32_t fsyi_word_release(struct fsyi_lot *lot, const void *word, uint32_t kind, bool (*change)(struct fsyi_scene *scene, void *arg),
			   void *arg);

/* All who wait at the time of the call, or the eldest; how many. By the address alone. */
uint32_t fsyi_word_wake_all(struct fsyi_lot *lot, const void *word, uint32_t kind);
uint32_t fsyi_word_wake_one(struct fsyi_lot *lot, const void *word, uint32_t kind);

/*
 * Until when a sleeper relies on others where one of them may have stayed behind in the parent, or where a wake may be missed for want of membarrier.
 * naps begins at 0 with the wait. What a fork has left in a word is put right by the first who looks: the naps of a child grow, so that many who
 * wait for long leave it its CPUs.
 */
fsy_deadline_t fsyi_word_timed_nap(unsigned int *naps);

/* What a thread without a record does between two looks: sleeps for a millisecond, but not past deadline. */
void fsyi_word_nap(fsy_deadline_t deadline);

/* For enlist: while the bits of mask have that value, sets those of mark. False: they have not. Relaxed: the bucket lock
 * orders it with the waker. */
static inline bool
fsyi_word32_mark(fsy_atomic_u32 *word, uint32_t mask, uint32_t value, uint32_t mark)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(word);

	while ((seen & mask) == value)
		if ((seen & mark) == mark || fsy_atomic_u32_cas_rlx(word, &seen, seen | mark))
			return true;
	return false;
}

static inline bool
fsyi_word64_mark(fsy_atomic_u64 *word, uint64_t mask, uint64_t value, uint64_t mark)
{
	uint64_t seen = fsy_atomic_u64_load_rlx(word);

	while ((seen & mask) == value)
		if ((seen & mark) == mark || fsy_atomic_u64_cas_rlx(word, &seen, seen | mark))
			return true;
	return false;
}

#endif
