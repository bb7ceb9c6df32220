/* SPDX-License-Identifier: MIT */
/*
 * fairlock_seat.c - the seats of readers that wait awake with a claim: a bit each, and a bit by which its reader is called. How they leave them
 * for the queue, and how they are called from there.
 *
 * WORD, STATES, INVARIANTS F1, F3, F4, ORDER, FAIRNESS, LIFETIME: those of fairlock.c.
 */
#include "fairlock.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"

static bool
is_called(uint32_t seen, uint32_t seat)
{
	return (seen & seat << FAIR_CALL) != 0;
}

bool
fsyi_fair_sit_down(struct fsyi_fair_claim *claim, uint32_t *found)
{
	uint32_t seen, free;

	for (;;) {
		seen = fair_living(*found);
		free = ~seen & FAIR_SEATS;
		if (!(seen & FAIR_LOCKED) || free == 0 || !fair_may_enrol())
			return false;
		claim->seat = free & (0u - free);
		if (fsy_atomic_u32_cas(&claim->lock->word_, found, fair_signed(seen | claim->seat)))    /* S6 <- V1 */
			return true;
		claim->seat = 0;
	}
}

bool
fsyi_fair_look_for_call(struct fsyi_fair_claim *claim, int looks)
{
	uint32_t both = claim->seat | claim->seat << FAIR_CALL;

	for (; looks > 0; looks--) {
		if (is_called(fsy_atomic_u32_load_acq(&claim->lock->word_), claim->seat)) {             /* V4 <- V1 */
			fair_clear(claim->lock, both);
			return true;
		}
		fair_relax();
	}
	return false;
}

/* For the queue or altogether, unless it was called. */
static bool
stand_up(uint32_t seen, uint32_t *next, void *arg)
{
	const struct fsyi_fair_claim *claim = (const struct fsyi_fair_claim *)arg;

	*next = seen & ~claim->seat;
	return !is_called(seen, claim->seat);
}

static void
leave(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_fair_claim *claim = (struct fsyi_fair_claim *)arg;

	(void)scene;
	if (fsyi_fair_change(claim->lock, stand_up, claim))
		claim->seat = 0;
}

bool
fsyi_fair_leave_seat(struct fsyi_fair_claim *claim)
{
	fsyi_visit(&fsyi_lot, &claim->lock->word_, leave, claim);
	return claim->seat == 0;
}

bool
fsyi_fair_join_readers(uint32_t seen, uint32_t *next, void *arg)
{
	const struct fsyi_fair_claim *claim = (const struct fsyi_fair_claim *)arg;

	if (!(seen & FAIR_LOCKED) || !stand_up(seen, next, arg))
		return false;
	*next |= claim->due ? FAIR_READERS | FAIR_DUE : FAIR_READERS;
	return true;
}

/* One of them has slept for a tenure, and there are no more of them than CPUs: each has one to wake up on. */
static bool
is_overdue(const struct fsyi_scene *scene)
{
	const struct fsyi_thread *thread = scene->queue == NULL ? NULL : scene->queue->all.head;
	int64_t since = scene->now;
	int readers = 0;

	for (; thread != NULL && readers <= fsyi_cpu_count(); thread = thread->next) {
		if (thread->kind != FSYI_KIND_FAIR_READER)
			continue;
		readers++;
		since = thread->since < since ? thread->since : since;
	}
	return readers <= fsyi_cpu_count() && scene->now - since >= fsyi_tune.tenure_ns;
}

uint32_t
fsyi_fair_call_sleepers(struct fsyi_scene *scene, uint32_t found)
{
	bool in = (found & FAIR_DUE) || fair_is_strict(found) || is_overdue(scene);
	uint32_t count = fsyi_scene_wake_all(scene, FSYI_KIND_FAIR_READER, in ? FSYI_TOKEN_HANDOFF : FSYI_TOKEN_NORMAL);

	return in ? count : 0;
}
