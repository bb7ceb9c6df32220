/* SPDX-License-Identifier: MIT */
/*
 * fairlock_write.c - writers that wait for the word, and how everybody goes to sleep.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of fairlock.c.
 */
#include "fairlock.h"
#include <fastsync/error.h>
#include "../diag/hook.h"
#include "../park/wait.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fatal.h"

/* How often NEXT looks: ever less often, so that whoever runs keeps its cache line; closely once it is barred. */
enum { LOOK_NS = 100, LONGEST_PAUSE_NS = 4000, LOOKS = 4, PROMPT_LOOKS = 64 };

enum outcome { TAKEN, TIMEDOUT, AGAIN };

struct wait {
	fsy_fair_rwlock_t *lock;
	fsy_deadline_t deadline;
	int64_t start;
	uint32_t turn;                  /* when it became NEXT */
	bool next;                      /* has the role */
	bool slept;                     /* got it in its sleep: has a place in the queue */
	bool due;                       /* keeps its turn when it sleeps */
};

bool
fsyi_fair_change(fsy_fair_rwlock_t *l, bool (*change)(uint32_t seen, uint32_t *next, void *arg), void *arg)
{
	uint32_t found = fsy_atomic_u32_load_rlx(&l->word_), next;

	do
		if (!change(fair_living(found), &next, arg))
			return false;
	while (!fsy_atomic_u32_cas_rlx(&l->word_, &found, fair_signed(next)));
	return true;
}

static bool
validate(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_fair_sleep *sleep = (struct fsyi_fair_sleep *)arg;

	(void)scene;
	return fsyi_fair_change(sleep->lock, sleep->join, sleep->arg);
}

/* Who is left in the queue, as the bits of the word. */
static uint32_t
kinds(const struct fsyi_scene *scene)
{
	uint32_t bits = 0;

	for (struct fsyi_thread *thread = scene->queue == NULL ? NULL : scene->queue->all.head; thread != NULL; thread = thread->next)
		bits |= thread->kind == FSYI_KIND_FAIR_READER ? FAIR_READERS : FAIR_WRITERS;
	return bits;
}

/* DUE stays: it may be a downgrade's, which lets in who comes to sleep in that moment. */
static void
left(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_fair_sleep *sleep = (struct fsyi_fair_sleep *)arg;

	fsy_atomic_u32_and_rlx(&sleep->lock->word_, ~(FAIR_READERS | FAIR_WRITERS) | kinds(scene));
}

enum fsyi_parked
fsyi_fair_park(struct fsyi_fair_sleep *sleep, fsy_deadline_t deadline)
{
	static const struct fsyi_park_op last = { validate, NULL, NULL, left, FSYI_PARK_LINGERS };
	static const struct fsyi_park_op first = { validate, NULL, NULL, left, FSYI_PARK_AGAIN };
	enum fsyi_parked parked =
		fsyi_park(&fsyi_lot, &sleep->lock->word_, sleep->kind, sleep->first ? &first : &last, sleep, deadline);

	if (parked == FSYI_PARK_NO_RECORD)
		fsyi_word_nap(deadline);
	return parked;
}

/* Of NEXT: LOCKED was handed to it. */
static bool
is_given(const struct wait *w, uint32_t seen)
{
	return (seen & FAIR_TURN) != w->turn;
}

static bool
join_writers(uint32_t seen, uint32_t *next, void *arg)
{
	const struct wait *w = (const struct wait *)arg;

	if (!(seen & FAIR_LOCKED) || (w->next && is_given(w, seen)))
		return false;
	*next = seen | FAIR_WRITERS;
	if (w->next)
		*next = (*next & ~(FAIR_NEXT | FAIR_BARRED)) | (w->due ? FAIR_BARRED : 0);
	return true;
}

/* NEXT is elder than all who sleep, and goes before them. */
static enum outcome
sleep_on(struct wait *w)
{
	struct fsyi_fair_sleep sleep = { w->lock, FSYI_KIND_FAIR_WRITER, join_writers, w, w->next };
	struct fsyi_thread *self = fsyi_thread_self();

	if (w->next && !w->slept && self != NULL)
		self->seniority = 0;
	switch (fsyi_fair_park(&sleep, w->deadline)) {
	case FSYI_UNPARKED_HANDOFF:
		return TAKEN;
	case FSYI_UNPARKED_NORMAL:
		w->next = w->slept = true;
		w->turn = 0;
		return AGAIN;
	case FSYI_PARK_TIMEDOUT:
		return TIMEDOUT;
	default:
		return AGAIN;
	}
}

static enum outcome
arrive(struct wait *w)
{
	uint32_t found = fsy_atomic_u32_load_rlx(&w->lock->word_), seen;

	for (;;) {
		seen = fair_living(found);
		if (!(seen & FAIR_LOCKED)) {
			if (fsy_atomic_u32_cas_acq(&w->lock->word_, &found, fair_signed(seen | FAIR_LOCKED)))   /* V2 <- V1 */
				return TAKEN;
		} else if (w->deadline != FSY_FOREVER && fsyi_now() >= w->deadline) {
			return TIMEDOUT;
		} else if ((seen & (FAIR_NEXT | FAIR_WRITERS)) || !fair_may_enrol()) {
			break;
		} else if (fsy_atomic_u32_cas_rlx(&w->lock->word_, &found, fair_signed(seen | FAIR_NEXT))) {
			w->next = true;
			w->turn = seen & FAIR_TURN;
			return AGAIN;
		}
	}
	if (w->start == 0)
		w->start = fsyi_now();
	if (fsyi_tune.tenure_ns > 0 && fsyi_cpu_count() > 1 && fsyi_now() - w->start < fsyi_tune.brief_spin_ns) {
		fsyi_delay(LOOK_NS);
		return AGAIN;
	}
	return sleep_on(w);
}

/* One look of NEXT. */
static enum outcome
look(struct wait *w, uint32_t *found, int64_t now, int64_t bar_at)
{
	fsy_atomic_u32 *word = &w->lock->word_;
	uint32_t seen = fair_living(*found);

	if (is_given(w, seen))
		return TAKEN;
	if (!(seen & FAIR_LOCKED))
		return fsy_atomic_u32_cas_acq(word, found, fair_signed((seen | FAIR_LOCKED) & ~FAIR_NEXT)) ? TAKEN : AGAIN; /* V2 <- V1 */
	if (now >= w->deadline)
		return fsy_atomic_u32_cas_rlx(word, found, fair_signed(seen & ~FAIR_NEXT)) ? TIMEDOUT : AGAIN;
	if (now >= bar_at && !(seen & FAIR_BARRED))
		fsy_atomic_u32_cas_rlx(word, found, seen | FAIR_BARRED);
	return AGAIN;
}

/* For a few looks, or until the word changes. */
static void
look_closely(const struct wait *w, uint32_t seen, int looks)
{
	for (int i = 0; i < looks && fsy_atomic_u32_load_rlx(&w->lock->word_) == seen; i++)
		fair_relax();
}

/* Turns are strict, and everybody runs: a few looks, without the clock. */
static enum outcome
be_next_promptly(struct wait *w)
{
	uint32_t found;

	if (fsyi_tune.tenure_ns > 0 || fsyi_cpu_count() == 1)
		return AGAIN;
	for (int i = 0; i < PROMPT_LOOKS; i++) {
		found = fsy_atomic_u32_load_acq(&w->lock->word_);                               /* V3 <- V1 */
		if (is_given(w, found))
			return TAKEN;
		if (FSY_UNLIKELY(!(found & FAIR_LOCKED)) && look(w, &found, INT64_MIN, 0) == TAKEN)
			return TAKEN;
		fair_relax();
	}
	return AGAIN;
}

/* Awake, for as long as it pays. */
static enum outcome
be_next(struct wait *w)
{
	int64_t now = fsyi_now(), patience = fsyi_cpu_count() == 1 ? 0 : fsyi_tune.spin_ns;
	int64_t bar_at = now + (fair_tenure() < patience ? fair_tenure() : patience), give_up = bar_at + patience;
	int64_t pause = fsyi_fair_is_pressed(w->lock) ? fsyi_tune.first_look_ns : LOOK_NS;
	bool sampled = false;
	uint32_t found;
	enum outcome outcome;

	if (now < bar_at)
		now = fsyi_delay(pause < bar_at - now ? pause : bar_at - now);
	for (;;) {
		found = fsy_atomic_u32_load_acq(&w->lock->word_);                               /* V3 <- V1 */
		if (!sampled && !(found & FAIR_BARRED))
			fsyi_fair_note_look(w->lock, (found & FAIR_LOCKED) != 0);
		sampled = true;
		outcome = look(w, &found, now, bar_at);
		if (outcome != AGAIN)
			return outcome;
		if (now >= give_up && (found & FAIR_LOCKED)) {
			fsyi_reader_met_crowd();
			w->due = w->slept || now - w->start >= fsyi_tune.tenure_ns;
			return sleep_on(w);
		}
		if (now >= bar_at) {
			look_closely(w, found, LOOKS);
			now = fsyi_now();
			continue;
		}
		now = fsyi_delay(pause < bar_at - now ? pause : bar_at - now);
		if (pause < LONGEST_PAUSE_NS)
			pause *= 2;
	}
}

int
fsyi_fair_wait_for_word(fsy_fair_rwlock_t *l, fsy_deadline_t deadline)
{
	struct wait w = { .lock = l, .deadline = deadline };
	enum outcome outcome = AGAIN;

	fsyi_fork_check();
	if (deadline == FSY_FOREVER && fsyi_fair_is_mine(l))
		fsyi_fatal("lock of fair rwlock by its writer %p", (void *)l);
	outcome = arrive(&w);
	if (w.next && be_next_promptly(&w) == TAKEN) {
		fsyi_count_contended(l, 0);       /* too short for a clock */
		return 0;
	}
	if (w.start == 0)
		w.start = fsyi_now();
	while (outcome == AGAIN)
		outcome = w.next ? be_next(&w) : arrive(&w);
	if (outcome == TIMEDOUT)
		return FSY_ETIMEDOUT;
	fsyi_count_contended(l, fsyi_now() - w.start);
	return 0;
}
