/* SPDX-License-Identifier: MIT */
/*
 * lockword.c - THE adaptive lock: barging, one searcher awake, the rest asleep, turns by the clock.
 *
 * WORD    31       24 23     20 19   18     17       16       15     9      8       7      1      0
 *        +-----------+---------+----+------+--------+------+---------+--------+---------+--------+
 *        | the lock's|    0    |TURN|SECOND|SEARCHER|QUEUED|    0    | BARRED |    0    | LOCKED |
 *        +-----------+---------+----+------+--------+------+---------+--------+---------+--------+
 *         LOCKED    somebody holds the lock.
 *         BARRED    only the searcher may take it: it has waited its patience. Never set without SEARCHER.
 *         QUEUED    somebody is parked. May be set with an empty queue only under the bucket lock.
 *         SEARCHER  one thread is awake and will take the lock, or see to it that another does.
 *         SECOND    a displaced owner waits, awake, to inherit the searcher's role.
 *         TURN      flips when a second inherits: what it remembers of it when it claims tells it so.
 * STATES  role of a waiter: arriving -> searcher -> owner
 *                           arriving -> second -> searcher ...
 *                           arriving -> parked -> searcher (token NORMAL) | owner (token HANDOFF)
 *                           searcher -> parked at the back (spun in vain, or the eldest's turn has come)
 *                                    -> parked at the front, where it was (woken, and spun in vain)
 * INVARIANTS
 *         L1  LOCKED goes 0 -> 1 by compare-and-swap alone, and 1 -> 0 by its holder alone.
 *         L2  If somebody is parked, QUEUED is set (I4), and: SEARCHER is set by a thread that is awake, or the queue is armed,
 *             or the holder is on its way from taking the lock to arming it.
 *         L3  Whoever clears SEARCHER covers the parked: it hands the role on, or arms the queue.
 *         L4  Only a thread that found SEARCHER set in the same compare-and-swap parks without a heavy fence.
 *         L5  At rest the low three bytes are 0 (I6).
 * ORDER   R1 release: store_rel byte 0          ->  A1 acquire, A2 take, A3 wake: cas_acq     (MP) the critical section
 *         R2 release (fenced): add_rel          ->  A1, A2, A3                                the same; A3 takes the lock for
 *             a sleeper, and passes it on by
 *         H1 held = 1: store                    ->  H2 release: load of held          (MP) that attention is there to be read
 *         K1 -> K2 of park.c: HANDOFF, where the sleeper does not write the word
 *         Asymmetric store-buffering pair, forbidden outcome "the searcher sleeps and nobody visits":
 *             unlocker                            searcher about to sleep
 *             LOCKED = 0            (R1)          QUEUED = 1, SEARCHER = 0, attention = 1
 *             light barrier                       heavy barrier (membarrier)
 *             read attention                      read LOCKED
 *         Everything else on the word is relaxed: the queue it speaks of is under the bucket lock.
 * FAIRNESS barging lasts one patience; the eldest sleeper gets its turn every turn_min..turn_max, so the k-th waits at most
 *         (k + batch - 1) turns, each with one patience and one critical section. A sleeper that was woken and came too late
 *         keeps its place, and after a turn the lock is taken for it: one hand-off per turn at most.
 * LIFETIME the store R1 (the add R2, the park store of HANDOFF) is the unlocker's last access to the object. A visit after it
 *         goes by the address alone, and reads the word only while a waiter of kind LOCK is queued on it.
 * WRONG WAYS  storing 0 and then reading a waiter bit from the word: the object may be gone (I1).
 *         Handing off at every unlock once somebody starves (Go's starvation mode): a context switch per operation.
 * REFS    barging and the lot: WebKit; one searcher: nsync's designated waker, Malthusian locks' published idea of few
 *         runnable threads; asymmetric fence: Linux membarrier, percpu-rwsem. See docs/adr/.
 */
#include "lockword_wait.h"
#include <fastsync/error.h>
#include "../diag/hook.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/tune.h"

enum outcome { TAKEN, SPUN, TIMEDOUT, AGAIN };

/* Waiting threads look at the word ever less often, so that the owner keeps its cache line. A lock that stays free and
 * barred for STALE_BAR_NS has a searcher that does not run: whoever sees it takes it. */
enum { LOOK_NS = 100, LONGEST_PAUSE_NS = 4000, STALE_BAR_NS = 2000, PREEMPTED_NS = 10000, SECOND_LOOK_NS = 150, SAMPLED = 16, LOOKS_PER_CLOCK = 8, BACKOFF = 3 };

/* In a forked child a bar may have been set by a thread that the fork left behind, and is not respected. */
static bool
takeable(uint32_t seen)
{
	return !(seen & LW_LOCKED) && (!(seen & LW_BARRED) || fsyi_fork_generation() > 0);
}

static bool
take(struct fsyi_waiting *w, uint32_t *seen, uint32_t clear)
{
	return fsy_atomic_u32_cas_acq(w->lock->word, seen, (*seen & ~(LW_BARRED | clear)) | LW_LOCKED); /* A2 <- R1,R2 */
}

static bool
take_stale(struct fsyi_waiting *w, uint32_t *seen, int64_t now, int64_t *idle_since, uint32_t clear)
{
	if (*seen & LW_LOCKED)
		*idle_since = 0;
	else if (*idle_since == 0)
		*idle_since = now;
	else if (now - *idle_since > STALE_BAR_NS)
		return take(w, seen, clear);
	return false;
}

/* The searcher takes the lock, and leaves its role to the second or, through the lot, to the parked (L3). */
static bool
take_over(struct fsyi_waiting *w, uint32_t *seen)
{
	uint32_t next = (*seen | LW_LOCKED) & ~LW_BARRED;

	if (*seen & LW_SECOND)
		next = (next & ~LW_SECOND) ^ LW_TURN;
	else
		next &= ~(LW_SEARCHER | LW_TURN);
	if (!fsy_atomic_u32_cas_acq(w->lock->word, seen, next))                                 /* A2 <- R1,R2 */
		return false;
	w->searcher = false;
	if (!(next & LW_SEARCHER) && (next & LW_QUEUED))
		fsyi_lockword_arm(w->lock);
	return true;
}

static enum outcome
sleep_as(struct fsyi_waiting *w, const struct fsyi_park_op *op)
{
	switch (fsyi_lockword_park(w, op)) {
	case FSYI_UNPARKED_HANDOFF:
		return TAKEN;
	case FSYI_UNPARKED_NORMAL:
		w->searcher = w->fresh = true;
		return AGAIN;
	case FSYI_PARK_TIMEDOUT:                /* unless a nap ended, and left it the searcher's role */
		return fsyi_now() >= w->deadline && !w->searcher ? TIMEDOUT : AGAIN;
	default:
		return AGAIN;
	}
}

/* Waits, awake, for the searcher to take the lock and leave its role: a matter of one critical section. */
static enum outcome
second(struct fsyi_waiting *w, uint32_t turn)
{
	int64_t now = fsyi_now(), give_up = now + fsyi_tune.spin_ns, idle_since = 0;
	uint32_t seen;

	w->start = w->start ? w->start : now;
	for (;;) {
		now = fsyi_delay(LOOK_NS);
		seen = fsy_atomic_u32_load_rlx(w->lock->word);
		if ((seen & (LW_SECOND | LW_TURN)) != (LW_SECOND | turn)) {
			w->searcher = true;
			return AGAIN;
		}
		if (takeable(seen) ? take(w, &seen, LW_SECOND) : take_stale(w, &seen, now, &idle_since, LW_SECOND))
			return TAKEN;
		if ((now >= give_up || now >= w->deadline) &&
		    (seen & (LW_SECOND | LW_TURN)) == (LW_SECOND | turn) &&
		    fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen & ~LW_SECOND))
			return now >= w->deadline ? TIMEDOUT : sleep_as(w, &fsyi_park_arrival);
	}
}

/*
 * What an arrival does first. Every so often, and always while the lock is known to be pressed, it looks a second time after a
 * pause and leaves what it saw for others: a lock whose owner comes back at once is found locked again. A lock that is merely in
 * use is worth a short spin close by.
 */
static enum outcome
look_around(struct fsyi_waiting *w, uint32_t *seen)
{
	struct fsyi_thread *self = fsyi_thread_self();
	bool pressed = fsyi_lockword_is_pressed(w->lock);

	if (pressed || (*seen & LW_QUEUED) || self == NULL || ++self->arrivals % SAMPLED == 0) {
		fsyi_delay(SECOND_LOOK_NS);
		*seen = fsy_atomic_u32_load_rlx(w->lock->word);
		if (!(*seen & LW_BARRED))
			fsyi_lockword_sample(w->lock, (*seen & LW_LOCKED) != 0);
	}
	for (int i = 1; !pressed && !(*seen & LW_BARRED); i++) {
		if (takeable(*seen) && take(w, seen, 0))
			return SPUN;
		if (i % LOOKS_PER_CLOCK == 0) {         /* the clock costs more than a look */
			w->start = w->start ? w->start : fsyi_now();
			if (fsyi_now() - w->start > fsyi_tune.brief_spin_ns)
				break;
		}
		for (int pause = 1 << (i < BACKOFF ? i : BACKOFF); pause > 0; pause--)
			fsyi_relax();
		*seen = fsy_atomic_u32_load_rlx(w->lock->word);
	}
	return AGAIN;
}

/* The searcher of a pressed lock waits for this CPU: better sleep. */
static bool
in_the_way(struct fsyi_waiting *w)
{
	return fsyi_lockword_is_pressed(w->lock) && fsyi_lockword_searcher_waits_for_me(w->lock);
}

static enum outcome
arrive(struct fsyi_waiting *w)
{
	int64_t now = 0, give_up = 0, idle_since = 0;
	uint32_t seen = fsy_atomic_u32_load_rlx(w->lock->word);

	if (w->start == 0 && !(seen & LW_BARRED) && look_around(w, &seen) == SPUN)
		return SPUN;
	for (;;) {
		/* A free lock that is pressed is not taken by luck: its last owner is about to come back. */
		if (takeable(seen) && ((seen & LW_SEARCHER) || !fsyi_lockword_is_pressed(w->lock))) {
			if (take(w, &seen, 0))
				return TAKEN;
			continue;
		}
		/* Before anything else, the clock too: the searcher takes a barred lock within LOOK_NS, and should find its
		 * heir. */
		if ((seen & (LW_BARRED | LW_SECOND)) == LW_BARRED && !in_the_way(w)) {
			if (fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen | LW_SECOND))
				return second(w, seen & LW_TURN);
			continue;
		}
		if (now == 0) {
			now = fsyi_now();
			give_up = now + fsyi_tune.brief_spin_ns;
			w->start = w->start ? w->start : now;
		}
		if (now >= w->deadline && !takeable(seen))
			return TIMEDOUT;
		if (!(seen & LW_SEARCHER)) {
			if (fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen | LW_SEARCHER)) {
				w->searcher = true;
				return AGAIN;
			}
			continue;
		}
		if (take_stale(w, &seen, now, &idle_since, 0))
			return TAKEN;
		if (now >= give_up || fsyi_cpu_count() == 1 || in_the_way(w))
			return sleep_as(w, &fsyi_park_arrival);
		now = fsyi_delay(LOOK_NS);
		seen = fsy_atomic_u32_load_rlx(w->lock->word);
	}
}

/* How long until the searcher's next look: doubling, but not past its patience. */
static int64_t
next_pause(int64_t pause, int64_t now, int64_t bar_at)
{
	if (now >= bar_at)
		return LOOK_NS;
	return pause < bar_at - now ? pause : bar_at - now;
}

static enum outcome
search(struct fsyi_waiting *w)
{
	int64_t now = fsyi_now(), bar_at = now + fsyi_tune.patience_ns, give_up = now + fsyi_tune.spin_ns, before;
	uint32_t seen = fsy_atomic_u32_load_rlx(w->lock->word);
	bool pressed = fsyi_lockword_is_pressed(w->lock), sampled = false;
	/* A pressed lock is left alone for a while, the longer the more threads wait for it: tenures are worth their length. */
	int64_t pause = !pressed ? LOOK_NS : (seen & LW_QUEUED) ? fsyi_tune.patience_ns : fsyi_tune.first_look_ns;
	uint32_t hold_off = pressed ? LW_QUEUED : 0;

	fsyi_lockword_i_search(w->lock);
	for (;;) {
		if (!(seen & LW_LOCKED) && ((seen & LW_BARRED) || !(seen & hold_off))) {
			if (take_over(w, &seen))
				return TAKEN;
			continue;
		}
		if (now >= w->deadline) {
			fsyi_lockword_abandon(w->lock);
			return TIMEDOUT;
		}
		if (!w->fresh && !w->asked && (seen & LW_QUEUED) && fsyi_lockword_may_turn(w->lock, now)) {
			w->asked = true;
			return sleep_as(w, &fsyi_park_turn);
		}
		if ((seen & LW_LOCKED) && (now >= give_up || fsyi_cpu_count() == 1))
			return sleep_as(w, w->fresh ? &fsyi_park_loser : &fsyi_park_searcher);
		/* While others sleep even a free lock is barred before it is taken: the thread that has just released it,
		 * and is about to come back, then turns up as the second, and nobody need be woken in its place. */
		if ((now >= bar_at || !(seen & LW_LOCKED)) && !(seen & LW_BARRED)) {
			if (!fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen | LW_BARRED))
				continue;
			bar_at = now;
		}
		before = now;
		now = fsyi_delay(next_pause(pause, now, bar_at));
		if (now - before > PREEMPTED_NS)
			give_up += now - before;        /* that was not spinning */
		if (pause < LONGEST_PAUSE_NS)
			pause *= 2;
		seen = fsy_atomic_u32_load_rlx(w->lock->word);
		if (!sampled && !(seen & LW_BARRED))
			fsyi_lockword_sample(w->lock, (seen & LW_LOCKED) != 0);
		sampled = true;
	}
}

int
fsyi_lockword_lock(const struct fsyi_lockword *lock, fsy_deadline_t deadline)
{
	struct fsyi_waiting w = { .lock = lock, .deadline = deadline };
	enum outcome outcome = AGAIN;

	fsyi_fork_check();
	while (outcome == AGAIN)
		outcome = w.searcher ? search(&w) : arrive(&w);
	if (outcome == TIMEDOUT)
		return FSY_ETIMEDOUT;
	fsyi_lockword_note(&w, outcome == SPUN);
	return 0;
}

bool
fsyi_lockword_trylock(const struct fsyi_lockword *lock)
{
	struct fsyi_waiting w = { .lock = lock };
	uint32_t seen = fsy_atomic_u32_load_rlx(lock->word);

	fsyi_fork_check();
	while (takeable(seen)) {
		if (!take(&w, &seen, 0))
			continue;
		fsyi_lockword_note(&w, true);
		return true;
	}
	return false;
}
