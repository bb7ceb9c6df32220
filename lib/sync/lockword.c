/* SPDX-License-Identifier: MIT */
/*
 * lockword.c - THE adaptive lock: barging, one searcher awake, the rest asleep, turns by the clock.
 *
 * WORD    31       24 23     20 19   18     17       16       15     9      8       7      1      0
 *        +-----------+---------+----+------+--------+------+---------+--------+---------+--------+
 *        | the lock's|    0    |TURN|SECOND|SEARCHER|QUEUED|    0    | BARRED |    0    | LOCKED |
 *        +-----------+---------+----+------+--------+------+---------+--------+---------+--------+
 *         LOCKED    somebody holds the lock.
 *         BARRED    only the searcher may take it: it has waited its patience. Never set without SEARCHER, unless it sleeps by the clock.
 *         QUEUED    somebody is parked. May be set with an empty queue only under the bucket lock.
 *         SEARCHER  one thread is awake, or dozes for a moment, and will take the lock, or see to it that another does.
 *         SECOND    a displaced owner waits, awake, to inherit the searcher's role.
 *         TURN      flips when a second inherits: what it remembers of it when it claims tells it so.
 * STATES  role of a waiter: arriving -> searcher -> owner
 *                           arriving -> second -> searcher ...
 *                           arriving -> parked -> searcher (token NORMAL) | owner (token HANDOFF)
 *               a cond's waiter, signalled -> parked | searcher; parked -> arriving (token AGAIN), in place of one that goes to sleep
 *                           searcher -> parked at the back (spun in vain, or the eldest's turn has come)
 *                                    -> parked at the front, where it was (woken, and spun in vain)
 * INVARIANTS
 *         L1  LOCKED goes 0 -> 1 by compare-and-swap alone, and 1 -> 0 by its holder alone.
 *         L2  If somebody is parked, QUEUED is set (I4), and: SEARCHER is set by such a thread, or the queue is armed,
 *             or the holder is on its way from taking the lock to arming it.
 *         L3  Whoever clears SEARCHER covers the parked: it hands the role on, or arms the queue.
 *         L4  Only a thread that found SEARCHER set in the same compare-and-swap parks without a heavy fence; likewise one that is
 *             parked by another (a cond's waiter), which may also join a queue: what covers the parked covers it.
 *         L5  At rest the low three bytes are 0 (I6).
 * ORDER   R1 release: store_rel byte 0          ->  A1 acquire, A2 take, A3 wake: cas_acq     (MP) the critical section
 *         R2 release (fenced): add_rel          ->  A1, A2, A3                                the same; A3 takes the lock for
 *            (fair, to a searcher): cas_rel         a sleeper, and passes it on by
 *         H1 held, not 0: store                 ->  H2 release: load of held          (MP) that attention is there to be read
 *         K1 -> K2 of park.c: HANDOFF, where the sleeper does not write the word
 *         Asymmetric store-buffering pair, forbidden outcome "the searcher sleeps and nobody visits":
 *             unlocker                            searcher about to sleep
 *             LOCKED = 0            (R1)          QUEUED = 1, SEARCHER = 0, attention = 1
 *             light barrier                       heavy barrier (membarrier)
 *             read attention                      read LOCKED
 *         Everything else on the word is relaxed: the queue it speaks of is under the bucket lock.
 * FAIRNESS barging lasts one patience (longer where sections are: lockword_worth.c); the eldest sleeper gets its turn every
 *         turn_min..turn_max, so the k-th waits at most (k + batch - 1) turns, each with one patience, one critical section
 *         and some 5 us of pauses. A sleeper that was woken and came too late keeps its place until it has had the lock, however often it looks,
 *         and after one more turn the lock is taken for it: one hand-off per turn at most. Where looks are hopeless a turn begins when a
 *         visit finds the lock free; once it is turn_max late, whoever lets go stays away for a moment, so that the next visit does.
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
#include "../park/wait.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/tune.h"

/* The searcher looks at the word ever less often, so that the owner keeps its cache line. NAP_NS: sysbench's thread test made 37,000 events a
 * second with 50 us, 44,000 with 100 and 56,000 with 300, but it is also for how long a lock may stay free. */
enum { LONGEST_PAUSE_NS = 4000, PREEMPTED_NS = 10000, NAP_NS = 100000 };

enum lw_outcome
fsyi_lockword_sleep(struct fsyi_waiting *w, const struct fsyi_park_op *op)
{
	if (w->awake) {
		if (w->searcher)
			fsyi_lockword_abandon(w->lock);
		w->searcher = false;
		return LW_TIMEDOUT;
	}
	switch (fsyi_lockword_park(w, op)) {
	case FSYI_UNPARKED_HANDOFF:
		return LW_TAKEN;
	case FSYI_UNPARKED_NORMAL:
		w->searcher = w->fresh = w->placed = true;
		return LW_AGAIN;
	case FSYI_PARK_TIMEDOUT:                /* unless a nap ended, and left it the searcher's role */
		return fsyi_over(w->deadline, fsyi_now()) && !w->searcher ? LW_TIMEDOUT : LW_AGAIN;
	default:
		return LW_AGAIN;
	}
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
	if (!fsy_atomic_u32_cas_acq(w->lock->word, seen, next))                                 /* A2 <- R1,R2,R3 */
		return false;
	w->searcher = false;
	if (!(next & LW_SEARCHER) && (next & LW_QUEUED))
		fsyi_lockword_arm(w->lock);
	return true;
}

/* How long until the searcher's next look: doubling, but not past its patience. */
static int64_t
next_pause(int64_t pause, int64_t now, int64_t bar_at)
{
	if (now >= bar_at)
		return LOOK_NS;
	return pause < bar_at - now ? pause : bar_at - now;
}

/*
 * A searcher that was woken, and keeps coming too late: until its turn is due, when the lock is taken for it, it looks now and then, and keeps its
 * role, so that no unlock wakes anybody. That its owner has died it finds out then, too. True: the lock is free.
 */
static bool
doze(const struct fsyi_waiting *w, uint32_t *seen)
{
	int64_t now, until, end = fsyi_thread_self()->turn_at;

	if (w->deadline < end)
		end = w->deadline;
	do {
		now = fsyi_now();
		until = now + NAP_NS < end ? now + NAP_NS : end;
		if (now >= until)
			return false;
		fsyi_word_nap(until);
		*seen = fsy_atomic_u32_load_rlx(w->lock->word);
	} while (fsyi_lockword_wakes_late(w->lock, (*seen & LW_LOCKED) != 0) && (*seen & LW_LOCKED));
	return !(*seen & LW_LOCKED);
}

/* What a searcher finds that was woken tells how pressed the lock is: it comes at any time, unless it was signalled, by who holds it then. True: it
 * was woken, and such come too late. */
static bool
came_late(const struct fsyi_waiting *w, uint32_t seen)
{
	bool held = (seen & LW_LOCKED) != 0;

	if (!w->fresh)
		return false;
	if (!(seen & LW_BARRED) && !fsyi_lockword_holder_waits_for_me(w->lock, seen) && !(held && fsyi_thread_self()->moved))
		fsyi_lockword_sample(w->lock, held, false, fsyi_now());
	return fsyi_lockword_wakes_late(w->lock, held) && held;
}

/* Whether to look, for length: not if that is 0, nor at a holder that waits for this CPU; unless the lock becomes free in another way. */
static bool
worth_a_look(const struct fsyi_waiting *w, uint32_t *seen, int64_t length)
{
	bool late = came_late(w, *seen), in_vain = fsyi_lockword_holder_waits_for_me(w->lock, *seen);

	if (in_vain && length > 0)
		fsyi_lockword_note_search(w->lock, length, false);
	if (length > 0 && !in_vain)
		return true;
	/* Whoever leaves a hopeless lock reckons with dozers, and nobody else does (take_stale). */
	return late && length == 0 ? doze(w, seen) : fsyi_lockword_let_run(w->lock, seen);
}

static enum lw_outcome
search(struct fsyi_waiting *w)
{
	int64_t start, now, patience, bar_at, length = fsyi_lockword_search_ns(w->lock), pause, barred_at = 0, before;
	uint32_t seen = fsy_atomic_u32_load_rlx(w->lock->word), hold_off;
	bool pressed, looked = w->fresh || w->awake, away, barred;

	if (!worth_a_look(w, &seen, length) && !fsyi_over(w->deadline, fsyi_now()))
		return fsyi_lockword_sleep(w, w->fresh ? &fsyi_park_loser : &fsyi_park_searcher);
	start = now = fsyi_now();
	pressed = fsyi_lockword_is_pressed(w->lock) && fsyi_cpu_count() > 1;
	patience = fsyi_lockword_patience_ns(w->lock);
	bar_at = now + patience;
	/* A pressed lock, be it free, is left alone for a while, the longer the more threads wait for it: tenures are worth their length. */
	pause = !pressed || length < fsyi_tune.spin_ns ? LOOK_NS : (seen & LW_QUEUED) ? patience : fsyi_lockword_first_look_ns(w->lock);
	hold_off = pressed && length > 0 ? LW_QUEUED : 0;
	fsyi_lockword_i_search(w->lock);
	for (;;) {
		away = hold_off != 0 && !looked;
		if (!(seen & LW_LOCKED) && ((seen & LW_BARRED) || !(away || (seen & hold_off)) || fsyi_over(w->deadline, now))) {
			barred = (seen & LW_BARRED) != 0;
			if (!take_over(w, &seen))
				continue;
			if (barred && barred_at == 0)
				fsyi_lockword_note_bar(w->lock, now);
			fsyi_lockword_note_search(w->lock, now - start, true);
			if (barred_at != 0)
				fsyi_lockword_note_rest(w->lock, now - barred_at);
			return LW_TAKEN;
		}
		if (fsyi_over(w->deadline, now)) {
			fsyi_lockword_abandon(w->lock);
			w->searcher = false;
			return LW_TIMEDOUT;
		}
		if (!w->fresh && !w->asked && (seen & LW_QUEUED) && fsyi_lockword_may_turn(w->lock, now)) {
			w->asked = true;
			return fsyi_lockword_sleep(w, &fsyi_park_turn);
		}
		if ((seen & LW_LOCKED) && (now - start >= length || fsyi_cpu_count() == 1 || fsyi_lockword_holder_waits_for_me(w->lock, seen))) {
			fsyi_lockword_note_search(w->lock, now - start < length ? now - start : length, false);
			return fsyi_lockword_sleep(w, w->fresh ? &fsyi_park_loser : &fsyi_park_searcher);
		}
		/* While others sleep a free lock is barred first: its last owner, about to come back, is then the second, and nobody is woken. */
		if ((now >= bar_at || !(away || (seen & LW_LOCKED))) && !(seen & LW_BARRED)) {
			if (!fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen | LW_BARRED))
				continue;
			bar_at = now;
			barred_at = (seen & LW_LOCKED) ? now : 0;
		}
		before = now;
		now = fsyi_delay(next_pause(pause, now, bar_at));
		if (now - before > PREEMPTED_NS)
			start += now - before;          /* that was not spinning */
		if (pause < LONGEST_PAUSE_NS)
			pause *= 2;
		seen = fsy_atomic_u32_load_rlx(w->lock->word);
		if (!looked && !(seen & LW_BARRED))
			fsyi_lockword_sample(w->lock, (seen & LW_LOCKED) != 0, false, now);
		looked = true;
	}
}

/* The owner has died: the lock is the calling thread's as it is. The searcher leaves its role as if it had taken the word. */
static bool
inherit(struct fsyi_waiting *w)
{
	uint32_t seen;

	if (w->lock->owner == NULL || !fsyi_owner_inherit(w->lock->owner))
		return false;
	seen = fsy_atomic_u32_or_rlx(w->lock->word, FSY_LW_POISON_) | FSY_LW_POISON_;
	while (w->searcher && !take_over(w, &seen))
		;
	return true;
}

static bool
obtain(struct fsyi_waiting *w, enum lw_outcome outcome)
{
	while (outcome == LW_AGAIN)
		outcome = inherit(w) ? LW_TAKEN : w->searcher ? search(w) : fsyi_lockword_arrive(w);
	if (outcome == LW_TIMEDOUT && !inherit(w))
		return false;
	fsyi_lockword_note(w, outcome == LW_SPUN);
	return true;
}

int
fsyi_lockword_lock(const struct fsyi_lockword *lock, fsy_deadline_t deadline)
{
	struct fsyi_waiting w = { .lock = lock, .deadline = deadline };

	if (deadline != FSY_FOREVER && fsyi_over(deadline, fsyi_now()))
		return fsyi_lockword_trylock(lock) ? 0 : FSY_ETIMEDOUT;
	fsyi_fork_check();
	return obtain(&w, LW_AGAIN) ? 0 : FSY_ETIMEDOUT;
}

bool
fsyi_lockword_lock_awake(const struct fsyi_lockword *lock, fsy_deadline_t deadline)
{
	struct fsyi_waiting w = { .lock = lock, .deadline = deadline, .awake = true };

	fsyi_fork_check();
	return obtain(&w, LW_AGAIN);
}

void
fsyi_lockword_resume(const struct fsyi_lockword *lock, enum fsyi_parked woken)
{
	bool searcher = woken == FSYI_UNPARKED_NORMAL;
	struct fsyi_waiting w = {
		.lock = lock, .deadline = FSY_FOREVER, .start = fsyi_thread_self()->since, .searcher = searcher, .fresh = searcher,
		.placed = true
	};

	obtain(&w, woken == FSYI_UNPARKED_HANDOFF ? LW_TAKEN : LW_AGAIN);
}

bool
fsyi_lockword_trylock(const struct fsyi_lockword *lock)
{
	struct fsyi_waiting w = { .lock = lock };
	uint32_t seen = fsy_atomic_u32_load_rlx(lock->word);

	fsyi_fork_check();
	while (lw_takeable(seen)) {
		if (!lw_take(&w, &seen, 0))
			continue;
		fsyi_lockword_note(&w, true);
		return true;
	}
	return inherit(&w);
}
