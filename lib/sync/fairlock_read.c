/* SPDX-License-Identifier: MIT */
/*
 * fairlock_read.c - the reader's slow half: attempts by slot and by count, and the wait for a writer. fairlock_seat.c has the seats.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of fairlock.c and readers.c.
 */
#include "fairlock.h"
#include <fastsync/error.h>
#include "../diag/hook.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fatal.h"

/* How often a reader looks that has claimed nothing; and how closely one that has. */
enum { LOOK_NS = 50, LONGEST_PAUSE_NS = 4000, RELAXES = 4, PROMPT_LOOKS = 64 };

/* Where the calling thread has announced itself: in a slot, or (NULL) in the count. */
static fsy_atomic_ptr *
announce(fsy_fair_rwlock_t *l)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(&l->word_);
	fsy_atomic_ptr *slot = NULL;

	if ((seen & (FAIR_SLOTS | FAIR_FOREIGN)) == FAIR_SLOTS && fsyi_readers_enabled())
		slot = fsyi_reader_slot(&l->readers_);
	if (slot != NULL)
		fsyi_reader_announce(slot, &l->readers_);
	else if ((fsy_atomic_u32_add(&l->readers_, READERS_ONE) & READERS_COUNT) == READERS_MOST)
		fsyi_fatal("too many readers of fair rwlock %p", (void *)l);
	return slot;
}

static void
retreat(fsy_fair_rwlock_t *l, fsy_atomic_ptr *slot)
{
	/* A foreign runlock may have taken this attempt for the hold that it gives back: that one is still there. */
	if (slot != NULL)
		fsyi_reader_retreat(&l->readers_, slot);
	else if (!fsyi_readers_count_out(&l->readers_))
		fsyi_reader_claim(&l->readers_);
}

/* Whether the word that was seen after the announcement lets it in. Slots count only while writers look at them. */
static bool
is_open(uint32_t seen, const fsy_atomic_ptr *slot)
{
	return !(seen & FAIR_LOCKED) && (slot == NULL || (seen & FAIR_SLOTS));
}

/* It holds, and saw this word. */
static void
note(fsy_fair_rwlock_t *l, uint32_t seen, const fsy_atomic_ptr *slot)
{
	if (slot == NULL)
		fsyi_fair_note_count(l, seen);
	else if (++fsy_reader_->reads % FSY_READS_SAMPLED_ == 0)
		fsyi_fair_note_sample(l);
}

static bool
attempt(fsy_fair_rwlock_t *l)
{
	fsy_atomic_ptr *slot;
	uint32_t seen;

	if (fsy_atomic_u32_load_rlx(&l->word_) & FAIR_LOCKED)
		return false;
	slot = announce(l);
	seen = fsy_atomic_u32_load(&l->word_);                                                  /* S6 <- V1 */
	if (is_open(seen, slot)) {
		note(l, seen, slot);
		return true;
	}
	retreat(l, slot);
	return false;
}

/* How long it pays to look. Not at all if a writer sleeps over readers that do not run: what they need is this CPU. And whoever sleeps here has
 * looked for long enough, for a holder that does not run. */
static int64_t
patience(const fsy_fair_rwlock_t *l)
{
	if (fsy_atomic_u32_load_rlx(&l->readers_) & READERS_DRAINING) {
		fsyi_reader_met_crowd();
		return 0;
	}
	return fsy_atomic_u32_load_rlx(&l->word_) & FAIR_READERS ? fsyi_tune.brief_spin_ns : fsyi_reader_patience();
}

/* Claims nothing yet: running threads may pass, and it does not look too closely. True: it holds. */
static bool
wait_unclaimed(fsy_fair_rwlock_t *l, int64_t now, fsy_deadline_t deadline)
{
	int64_t until = now + patience(l), pause = fsyi_fair_is_pressed(l) ? fsyi_tune.first_look_ns : LOOK_NS;
	bool sampled = false;

	if (until > now + fsyi_tune.tenure_ns)
		until = now + fsyi_tune.tenure_ns;
	if (until > deadline)
		until = deadline;
	while (now < until) {
		now = fsyi_delay(pause < until - now ? pause : until - now);
		if (!sampled)
			fsyi_fair_note_look(l, (fsy_atomic_u32_load_rlx(&l->word_) & FAIR_LOCKED) != 0);
		sampled = true;
		if (attempt(l))
			return true;
		if (pause < LONGEST_PAUSE_NS)
			pause *= 2;
	}
	return false;
}

/*
 * Enters (true), or takes a seat if there is one. While an attempt stands no writer gets past it, so that a reader that does not enter has its
 * seat in the very write phase that kept it out.
 */
static bool
enter_or_sit(struct fsyi_fair_claim *claim)
{
	uint32_t found = fsy_atomic_u32_load_rlx(&claim->lock->word_);
	fsy_atomic_ptr *slot;
	bool entered;

	if (fsyi_fair_sit_down(claim, &found))
		return false;
	slot = announce(claim->lock);
	found = fsy_atomic_u32_load(&claim->lock->word_);                                       /* S6 <- V1 */
	entered = is_open(found, slot) || (!fsyi_fair_sit_down(claim, &found) && is_open(found, slot));
	if (entered)
		note(claim->lock, found, slot);
	else
		retreat(claim->lock, slot);
	return entered;
}

static bool
watch(struct fsyi_fair_claim *claim, int64_t until)
{
	do
		if (fsyi_fair_look_for_call(claim, RELAXES))
			return true;
	while (fsyi_now() < until);
	return false;
}

enum outcome { ENTERED, TIMEDOUT, AGAIN };

/* With a seat, for as long as it pays; then asleep. */
static enum outcome
wait_seated(struct fsyi_fair_claim *claim, fsy_deadline_t deadline)
{
	struct fsyi_fair_sleep sleep = { claim->lock, FSYI_KIND_FAIR_READER, fsyi_fair_join_readers, claim, false };
	int64_t until = fsyi_now() + fsyi_reader_patience();
	enum fsyi_parked parked;

	if (claim->seat != 0 && watch(claim, until < deadline ? until : deadline))
		return ENTERED;
	if (fsyi_now() >= deadline) {
		if (claim->seat == 0)
			return TIMEDOUT;
		return fsyi_fair_leave_seat(claim) ? TIMEDOUT : AGAIN;
	}
	parked = fsyi_fair_park(&sleep, deadline);
	claim->due = true;
	switch (parked) {
	case FSYI_UNPARKED_HANDOFF:
		return ENTERED;
	case FSYI_PARK_TIMEDOUT:
		return TIMEDOUT;
	case FSYI_UNPARKED_NORMAL:              /* from the queue, for which a seat is left */
		claim->seat = 0;
		return AGAIN;
	case FSYI_PARK_NO_RECORD:               /* keeps its seat */
	default:                                /* called just now, or the lock is free */
		return AGAIN;
	}
}

/* Turns are strict, and everybody runs: a claim and a few looks, without the clock. */
static bool
enter_promptly(struct fsyi_fair_claim *claim)
{
	if (fsyi_tune.tenure_ns > 0 || fsyi_cpu_count() == 1)
		return false;
	return enter_or_sit(claim) || (claim->seat != 0 && fsyi_fair_look_for_call(claim, PROMPT_LOOKS));
}

static int
wait_until(fsy_fair_rwlock_t *l, fsy_deadline_t deadline)
{
	struct fsyi_fair_claim claim = { l, 0, false };
	enum outcome outcome = AGAIN;
	int64_t start;

	fsyi_fair_note_wait();
	if (deadline == FSY_FOREVER && fsyi_fair_is_mine(l))
		fsyi_fatal("rlock of fair rwlock by its writer %p", (void *)l);
	if (deadline == FSY_FOREVER && enter_promptly(&claim)) {
		fsyi_count_contended(l, 0);       /* too short for a clock */
		return fair_error(l);
	}
	start = fsyi_now();
	if (claim.seat == 0 && fsyi_cpu_count() > 1 && wait_unclaimed(l, start, deadline))
		outcome = ENTERED;
	claim.due = claim.seat != 0 || fsyi_now() - start >= fsyi_tune.tenure_ns || !fair_may_enrol();
	while (outcome == AGAIN) {
		if (claim.seat == 0 && (claim.due ? enter_or_sit(&claim) : attempt(l)))
			break;
		outcome = wait_seated(&claim, deadline);
	}
	if (outcome == TIMEDOUT)
		return FSY_ETIMEDOUT;
	fsyi_count_contended(l, fsyi_now() - start);
	return fair_error(l);
}

/* What the inline attempt left behind goes first. */
static bool
attempt_again(fsy_fair_rwlock_t *l, fsy_atomic_ptr *slot)
{
	if (slot == FSY_READ_SAMPLED_) {
		fsyi_fair_note_sample(l);
		return true;
	}
	if (slot != NULL)
		fsyi_reader_retreat(&l->readers_, slot);
	fsyi_fork_check();
	return attempt(l);
}

FSY_NOINLINE int
fsy_fair_rwlock_rlock_until_slow_(fsy_fair_rwlock_t *l, fsy_atomic_ptr *slot, fsy_deadline_t deadline)
{
	return attempt_again(l, slot) ? fair_error(l) : wait_until(l, deadline);
}

FSY_NOINLINE int
fsy_fair_rwlock_rlock_slow_(fsy_fair_rwlock_t *l, fsy_atomic_ptr *slot)
{
	return fsy_fair_rwlock_rlock_until_slow_(l, slot, FSY_FOREVER);
}

FSY_NOINLINE int
fsy_fair_rwlock_tryrlock_slow_(fsy_fair_rwlock_t *l, fsy_atomic_ptr *slot)
{
	return attempt_again(l, slot) ? fair_error(l) : (int)FSY_EBUSY;
}
