/* SPDX-License-Identifier: MIT */
/*
 * lockword_arrive.c - what a thread does that found the lock taken: looks around, becomes the searcher or the second, or sleeps.
 *
 * WORD, STATES, INVARIANTS L1..L7, ORDER, FAIRNESS, LIFETIME: those of lockword.c.
 */
#include "lockword_wait.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/tune.h"

/* A lock that stays free and barred for STALE_BAR_NS has a searcher that does not run: whoever sees it takes it. Not where searchers
 * doze: there the bar is a fair unlock's, and holds until they come by. */
enum { STALE_BAR_NS = 2000, SECOND_LOOK_NS = 150, SAMPLED = 16, LOOKS_PER_CLOCK = 8, BACKOFF = 4, YIELDS = 4 };

static bool
take_stale(struct fsyi_waiting *w, uint32_t *seen, int64_t now, int64_t *idle_since, uint32_t clear)
{
	if (*seen & LW_LOCKED)
		*idle_since = 0;
	else if (*idle_since == 0)
		*idle_since = now;
	else if (now - *idle_since > STALE_BAR_NS && !fsyi_lockword_is_hopeless(w->lock))
		return lw_take(w, seen, clear);
	return false;
}

/* Waits, awake, for the searcher to take the lock and leave its role: a matter of one critical section. */
static enum lw_outcome
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
			return LW_AGAIN;
		}
		if (lw_takeable(seen) ? lw_take(w, &seen, LW_SECOND) : take_stale(w, &seen, now, &idle_since, LW_SECOND))
			return LW_TAKEN;
		if ((now >= give_up || fsyi_over(w->deadline, now)) &&
		    (seen & (LW_SECOND | LW_TURN)) == (LW_SECOND | turn) &&
		    fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen & ~LW_SECOND))
			return fsyi_over(w->deadline, now) ? LW_TIMEDOUT : fsyi_lockword_sleep(w, &fsyi_park_arrival[w->placed]);
	}
}

/* Whether this thread's last SAMPLED arrivals were at this lock, for all that is known, and followed each other closely. */
static bool
comes_often(const struct fsyi_waiting *w, bool due, int64_t now)
{
	struct fsyi_thread *self = fsyi_thread_self();

	if (self == NULL)
		return false;
	if (due) {
		self->often = self->sampled == w->lock->word && now - self->sampled_at < SAMPLED * fsyi_tune.often_ns;
		self->sampled = w->lock->word;
		self->sampled_at = now;
	}
	return self->often && self->sampled == w->lock->word;
}

/*
 * What an arrival does first. Every so often, and always while the lock is known to be pressed, it looks a second time after a
 * pause and leaves what it saw for others: a lock whose owner comes back at once is found locked again. A lock that is merely in
 * use is worth a short spin close by.
 */
static enum lw_outcome
look_around(struct fsyi_waiting *w, uint32_t *seen)
{
	struct fsyi_thread *self = fsyi_thread_self();
	bool pressed = fsyi_lockword_is_pressed(w->lock), due = self == NULL || ++self->arrivals % SAMPLED == 0;
	int64_t now;

	if (pressed || (*seen & LW_QUEUED) || due) {
		now = fsyi_delay(SECOND_LOOK_NS);
		*seen = fsy_atomic_u32_load_rlx(w->lock->word);
		if (!(*seen & LW_BARRED))
			fsyi_lockword_sample(w->lock, (*seen & LW_LOCKED) != 0, !pressed && comes_often(w, due, now), now);
	}
	for (int i = 1; !pressed && !(*seen & LW_BARRED); i++) {
		if (lw_takeable(*seen) && lw_take(w, seen, 0)) {
			fsyi_lockword_note_search(w->lock, 1, true);
			return LW_SPUN;
		}
		if (i % LOOKS_PER_CLOCK == 0) {         /* the clock costs more than a look */
			now = fsyi_now();
			w->start = w->start ? w->start : now;
			if (now - w->start > fsyi_tune.brief_spin_ns || fsyi_over(w->deadline, now))
				break;
		}
		for (int pause = 1 << (i < BACKOFF ? i : BACKOFF); pause > 0; pause--)
			fsyi_relax();
		*seen = fsy_atomic_u32_load_rlx(w->lock->word);
	}
	return LW_AGAIN;
}

/*
 * Before it sleeps. A mutex is as fast however few are awake; a lock with readers is not: threads that came to write and sleep, to be woken one
 * a turn, are missing as readers, and leave CPUs idle. What they wait for is mostly a thread that does not run, which a yield lets run.
 */
static bool
let_others_run(const struct fsyi_waiting *w, int *yields)
{
	if (!w->lock->shared || w->awake || ++*yields > YIELDS)
		return false;
	fsyi_yield();
	return true;
}

/* The holder waits for this CPU, or the searcher of a pressed lock: better sleep. */
static bool
in_the_way(const struct fsyi_waiting *w, uint32_t seen)
{
	if (fsyi_lockword_holder_waits_for_me(w->lock, seen))
		return true;
	return fsyi_lockword_is_pressed(w->lock) && fsyi_lockword_searcher_waits_for_me(w->lock);
}

enum lw_outcome
fsyi_lockword_arrive(struct fsyi_waiting *w)
{
	int64_t now = 0, give_up = 0, idle_since = 0;
	uint32_t seen = fsy_atomic_u32_load_rlx(w->lock->word);
	int yields = 0;

	if (w->start == 0 && !(seen & LW_BARRED)) {
		if (!fsyi_lockword_is_hopeless(w->lock) && !fsyi_lockword_holder_waits_for_me(w->lock, seen)) {
			if (look_around(w, &seen) == LW_SPUN)
				return LW_SPUN;
		} else if (!w->awake) {
			w->start = fsyi_now();
			fsyi_lockword_let_run(w->lock, &seen);
		}
	}
	for (;;) {
		/* A free lock that is pressed is not taken by luck: its last owner is about to come back. */
		if (lw_takeable(seen) && ((seen & LW_SEARCHER) || !fsyi_lockword_is_pressed(w->lock))) {
			if (lw_take(w, &seen, 0))
				return LW_TAKEN;
			continue;
		}
		/* Before anything else, the clock too: the searcher takes a barred lock within LOOK_NS, and should find its
		 * heir. */
		if ((seen & (LW_BARRED | LW_SECOND)) == LW_BARRED && !in_the_way(w, seen)) {
			if (fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen | LW_SECOND))
				return second(w, seen & LW_TURN);
			continue;
		}
		if (now == 0) {
			now = fsyi_now();
			give_up = now + (fsyi_lockword_is_vain(w->lock) ? 0 : fsyi_tune.brief_spin_ns);
			w->start = w->start ? w->start : now;
		}
		if (fsyi_over(w->deadline, now) && !lw_takeable(seen))
			return LW_TIMEDOUT;
		if (!(seen & LW_SEARCHER)) {
			if (fsy_atomic_u32_cas_rlx(w->lock->word, &seen, seen | LW_SEARCHER)) {
				w->searcher = true;
				return LW_AGAIN;
			}
			continue;
		}
		if (take_stale(w, &seen, now, &idle_since, 0))
			return LW_TAKEN;
		if (now >= give_up || fsyi_cpu_count() == 1 || in_the_way(w, seen))
			if (!let_others_run(w, &yields))
				return fsyi_lockword_sleep(w, &fsyi_park_arrival[w->placed]);
		now = fsyi_delay(LOOK_NS);
		seen = fsy_atomic_u32_load_rlx(w->lock->word);
	}
}
