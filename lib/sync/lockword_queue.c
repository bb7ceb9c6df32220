/* SPDX-License-Identifier: MIT */
/*
 * lockword_queue.c - what those who go to sleep decide under the bucket lock. Words, roles, invariants L1..L5 and edges are
 * those of lockword.c; whom to wake is fsyi_queue_pick's (lib/park/lot.c).
 *
 * INVARIANTS
 *         L6  The word is brought up to date before a waiter is woken: the woken thread may lock, unlock and destroy the
 *             object before the waker has dropped the bucket lock.
 *         L7  Who raises attention without holding the lock executes the heavy fence and looks at LOCKED again before it
 *             sleeps; a holder need not: its own unlock, or one that it happens before, reads the raised byte.
 *             What a holder has raised is known to all that come after it, and until it is lowered a searcher may sleep on it without a
 *             fence: whoever releases the lock then reads the raised byte, and visits once the searcher is queued.
 *         L8  Who is queued for a lock with an owner looks whether that owner lives before it sleeps. An owner that dies is declared
 *             dead first, and visits every bucket then: a thread that was queued before that visit is found by it, one that
 *             is queued after it finds the owner dead (the bucket lock orders them).
 */
#include "lockword_wait.h"
#include "../diag/hook.h"
#include "../park/wait.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/membarrier.h"
#include "../sys/tune.h"

/* Up to here a waiter for a given CPU is likely to be found among the first few. */
enum { FEW_CPUS = 8 };

static bool
validate_arrival(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;
	uint32_t seen = fsy_atomic_u32_load_rlx(w->lock->word);

	(void)scene;
	for (;;) {
		if (!(seen & (LW_LOCKED | LW_BARRED)))
			return false;
		if (!(seen & LW_SEARCHER)) {
			if (fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen | LW_SEARCHER)) {
				w->searcher = true;
				return false;
			}
			continue;
		}
		w->covered = true;
		if ((seen & LW_QUEUED) || fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen | LW_QUEUED))
			return true;
	}
}

static bool
validate_searcher(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;
	uint32_t seen = fsy_atomic_u32_load_rlx(w->lock->word), next;

	(void)scene;
	do {
		if (!(seen & LW_LOCKED))
			return false;
		w->covered = (seen & LW_SECOND) != 0;
		next = (seen | LW_QUEUED) & ~LW_BARRED;
		next = w->covered ? (next & ~LW_SECOND) ^ LW_TURN : next & ~(LW_SEARCHER | LW_TURN);
	} while (!fsy_atomic_u32_cas_rlx(w->lock->word, &seen, next));
	w->searcher = false;
	return true;
}

/* Changes places with the waiter whose turn it is. QUEUED stays set: this thread joins the queue. */
static bool
validate_turn(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;
	uint32_t seen = fsy_atomic_u32_load_rlx(w->lock->word);
	struct fsyi_thread *sleeper;
	bool due, late, crowded;

	if (scene->queue == NULL)
		return false;
	due = scene->now >= scene->queue->turn_at;
	if (!due && !fsyi_lockword_is_mixed(w->lock))
		return false;
	late = scene->now - scene->queue->turn_at > fsyi_tune.turn_max_ns;
	/* With few CPUs and more threads, the CPU that this thread leaves may be the only one that is free. Of many it is one that hardly
	 * anybody who waits has slept on: who asked for that would ask in vain, turn after turn. */
	crowded = fsyi_cpu_count() <= FEW_CPUS && scene->queue->count + 2 > (uint32_t)fsyi_cpu_count();
	sleeper = fsyi_lockword_choose(scene, w->lock, true, crowded && !late);
	/* Nobody fits: the other one who is awake can serve this turn better, and soon will. */
	if (sleeper == NULL || (!due && sleeper->node != fsyi_lockword_owner_node(w->lock)))
		return false;
	do
		if ((seen & (LW_LOCKED | LW_BARRED)) == LW_BARRED)      /* a fair unlock's bar: the lock is this thread's */
			return false;
	while (!fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen & ~LW_BARRED));
	if (due)
		fsyi_queue_turn(scene->bucket, scene->queue, scene->now);
	fsyi_lockword_wake_searcher(scene, w->lock, sleeper);
	w->searcher = false;
	w->covered = true;
	return true;
}

static void
queued(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;

	if (scene->queue->known)                /* L7 */
		w->covered = true;
	if (!w->covered)
		fsyi_queue_arm(scene->queue);
}

/* The heavy half of the pair in lockword.c; FSY_LIGHT_BARRIER_ of the inline unlock is its light half. */
static bool
confirm(void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;

	if (w->lock->owner != NULL && fsyi_owner_is_dead(w->lock->owner))
		return false;
	if (w->covered)
		return true;
	/* Fenced unlocks need no fence of ours. Sequentially consistent: who reads attention after QUEUED was set, and finds none, is
	 * elder than whoever publishes it. */
	fsy_atomic_u32_or(w->lock->word, 0);
	if (FSY_RAW_LOAD_(&fsy_attention_, __ATOMIC_SEQ_CST) == NULL)
		return true;
	fsyi_count_membarrier(w->lock->word);
	if (!fsyi_membarrier() && !w->timed) {
		w->refused = true;              /* a sandbox has taken it away: from now on everybody sleeps by the clock */
		return false;
	}
	return (fsy_atomic_u32_load_rlx(w->lock->word) & LW_LOCKED) != 0;
}

static void
left(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;

	if (scene->queue == NULL)
		fsy_atomic_u32_and_rlx(w->lock->word, ~LW_QUEUED);
}

const struct fsyi_park_op fsyi_park_arrival[2] = {
	{ validate_arrival, NULL, confirm, left, 0 }, { validate_arrival, NULL, confirm, left, FSYI_PARK_AGAIN }
};
const struct fsyi_park_op fsyi_park_searcher = { validate_searcher, queued, confirm, left, 0 };
const struct fsyi_park_op fsyi_park_loser = { validate_searcher, queued, confirm, left, FSYI_PARK_AGAIN };
const struct fsyi_park_op fsyi_park_turn = { validate_turn, NULL, confirm, left, 0 };

enum fsyi_parked
fsyi_lockword_park(struct fsyi_waiting *w, const struct fsyi_park_op *op)
{
	fsy_deadline_t until = w->deadline;
	enum fsyi_parked parked;

	w->timed = fsyi_fork_generation() > 0 || fsyi_membarrier_lost();
	if (w->timed)
		until = fsyi_word_timed_nap(&w->naps);
	parked = fsyi_park(w->lock->lot, w->lock->word, lw_kind(w->lock), op, w, until < w->deadline ? until : w->deadline);
	if ((parked == FSYI_PARK_TIMEDOUT && w->timed) || (parked == FSYI_PARK_INVALID && w->refused)) {
		w->refused = false;
		/* SEARCHER may name a thread that the fork left behind, and attention may go unseen. Two searchers are one
		 * too many, but safe: each covers the parked when it leaves. */
		fsy_atomic_u32_or_rlx(w->lock->word, LW_SEARCHER);
		w->searcher = w->fresh = w->placed = true;
	} else if (parked == FSYI_PARK_NO_RECORD) {
		fsyi_word_nap(w->deadline);
	}
	return parked;
}
