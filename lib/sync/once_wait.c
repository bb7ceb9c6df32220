/* SPDX-License-Identifier: MIT */
/*
 * once_wait.c - waiting for somebody else's run, and what its end does to those who wait. Decisions under the bucket lock.
 *
 * WORD, STATES, ORDER, LIFETIME: those of once.c; waiting itself: lib/park/wait.c.
 * INVARIANTS
 *         E5  nobody parks whom nothing would wake: enlist looks at the word and sets WAITED in it under the bucket lock,
 *             and every change of the word that could concern a waiter is made there, or visits there after it, if WAITED was set.
 *         E6  a run is passed on under the bucket lock while it is on, so its once exists: HANDOFF never comes by mistake. A NORMAL
 *             token may (the memory has become another once), and means no more than: look again.
 *         E7  poison wakes everybody but those who wait for somebody to force it, in the same visit that writes it.
 */
#include "once.h"

struct waiting {
	fsy_once_t *once;
	enum once_kind kind;
};

static bool
must_wait(uint64_t seen, enum once_kind kind)
{
	if (seen == ONCE_DONE)
		return false;
	if (once_is_running(seen))
		return true;
	return kind == ONCE_WATCH_FORCE || (kind == ONCE_WATCH && !(seen & ONCE_POISONED));
}

static bool
pending(void *arg)
{
	struct waiting *w = (struct waiting *)arg;

	return must_wait(fsy_atomic_u64_load_acq(&w->once->word_), w->kind);                    /* O2 <- O1,O3 */
}

static bool
enlist(struct fsyi_scene *scene, void *arg)
{
	struct waiting *w = (struct waiting *)arg;
	uint64_t seen = fsy_atomic_u64_load_rlx(&w->once->word_);

	(void)scene;
	do
		if (!must_wait(seen, w->kind))
			return false;
	while (!(seen & ONCE_WAITED) && !fsy_atomic_u64_cas_rlx(&w->once->word_, &seen, seen | ONCE_WAITED));
	return true;
}

/* The deadline came first. DONE has no WAITED to clear. */
static void
left(struct fsyi_scene *scene, void *arg)
{
	struct waiting *w = (struct waiting *)arg;

	if (scene->queue == NULL)
		fsy_atomic_u64_and_rlx(&w->once->word_, ~ONCE_WAITED);
}

enum fsyi_waited
fsyi_once_wait(fsy_once_t *o, enum once_kind kind, fsy_deadline_t deadline)
{
	struct fsyi_word_op op = { (uint32_t)kind, pending, enlist, left, false };
	struct waiting w = { o, kind };

	return fsyi_word_wait(&fsyi_lot, o, &op, &w, deadline);
}

static void
wake_kinds(struct fsyi_scene *scene, enum once_kind last)
{
	for (uint32_t kind = ONCE_RUN; kind <= (uint32_t)last; kind++)
		fsyi_scene_wake_all(scene, kind, FSYI_TOKEN_NORMAL);
}

static void
wake_everybody(struct fsyi_scene *scene, void *arg)
{
	(void)arg;
	wake_kinds(scene, ONCE_WATCH_FORCE);
}

void
fsyi_once_wake(const fsy_once_t *o)
{
	fsyi_visit(&fsyi_lot, o, wake_everybody, NULL);
}

/* Who forces may have the run after any failure; who does not, only if it leaves no poison. */
static struct fsyi_thread *
heir(const struct fsyi_scene *scene, bool poisons)
{
	struct fsyi_thread *thread = scene->queue != NULL ? scene->queue->all.head : NULL;

	while (thread != NULL && thread->kind != ONCE_FORCE && (poisons || thread->kind != ONCE_RUN))
		thread = thread->next;
	return thread;
}

struct passing {
	fsy_once_t *once;
	uint64_t mine;
	bool poisons;
};

static void
pass_on(struct fsyi_scene *scene, void *arg)
{
	struct passing *p = (struct passing *)arg;
	struct fsyi_thread *next = heir(scene, p->poisons);
	uint64_t word = p->poisons ? ONCE_POISONED : 0, seen = p->mine | ONCE_WAITED;

	if (next != NULL) {
		word |= ONCE_RUNNING | once_generation();
		if (scene->queue->count > 1)
			word |= ONCE_WAITED;
	} else {
		if (p->poisons)
			wake_kinds(scene, ONCE_WATCH);
		if (scene->queue != NULL)
			word |= ONCE_WAITED;
	}
	while (!fsy_atomic_u64_cas_rel(&p->once->word_, &seen, word))                           /* O3 -> O2,O4 */
		if ((seen & ~ONCE_WAITED) != p->mine)
			return;                 /* in a child, by somebody who took the run over: those we have woken look again */
	if (next != NULL)
		fsyi_scene_wake(scene, next, FSYI_TOKEN_HANDOFF);
}

void
fsyi_once_pass_on(fsy_once_t *o, uint64_t mine, bool poisons)
{
	struct passing passing = { o, mine, poisons };

	fsyi_visit(&fsyi_lot, o, pass_on, &passing);
}
