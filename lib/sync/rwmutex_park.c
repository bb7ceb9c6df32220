/* SPDX-License-Identifier: MIT */
/*
 * rwmutex_park.c - readers that sleep, and how they are let in.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of rwmutex.c. The readers' queue has the key word + 1: the attention slot and the
 * bucket are those of the word, the queue is not the writers'.
 */
#include "rwmutex.h"
#include "../diag/hook.h"
#include "../park/wait.h"
#include "../sys/fork.h"
#include "../sys/membarrier.h"

struct sleeper {
	fsy_rwmutex_t *rw;
	bool timed, refused;
};

static const void *
readers_key(const fsy_rwmutex_t *rw)
{
	return (const char *)&rw->word_ + 1;
}

static bool
validate(struct fsyi_scene *scene, void *arg)
{
	fsy_rwmutex_t *rw = ((struct sleeper *)arg)->rw;
	uint32_t old = fsy_atomic_u32_or_rlx(&rw->word_, RW_PARKED);

	if (old & LW_LOCKED)
		return true;
	if (scene->queue == NULL)
		fsy_atomic_u32_and_rlx(&rw->word_, ~RW_PARKED);
	return false;
}

static void
queued(struct fsyi_scene *scene, void *arg)
{
	(void)arg;
	fsyi_queue_arm(scene->queue);
}

/* The heavy half of the pair whose light half is in the writer's release. */
static bool
confirm(void *arg)
{
	struct sleeper *sleeper = (struct sleeper *)arg;
	fsy_rwmutex_t *rw = sleeper->rw;

	fsy_atomic_u32_or(&rw->word_, 0);       /* as in lockword_queue.c: who finds no attention is elder than whoever publishes it */
	if (FSY_RAW_LOAD_(&fsy_attention_, __ATOMIC_SEQ_CST) == NULL)
		return true;
	fsyi_count_membarrier(rw);
	if (!fsyi_membarrier() && !sleeper->timed) {
		sleeper->refused = true;
		return false;
	}
	return (fsy_atomic_u32_load_rlx(&rw->word_) & LW_LOCKED) != 0;
}

static void
left(struct fsyi_scene *scene, void *arg)
{
	fsy_rwmutex_t *rw = ((struct sleeper *)arg)->rw;

	if (scene->queue == NULL)
		fsy_atomic_u32_and_rlx(&rw->word_, ~RW_PARKED);
}

bool
fsyi_rwmutex_park(fsy_rwmutex_t *rw, fsy_deadline_t deadline, unsigned int *naps)
{
	static const struct fsyi_park_op op = { validate, queued, confirm, left, false };
	struct sleeper sleeper = { rw, fsyi_fork_generation() > 0 || fsyi_membarrier_lost(), false };
	fsy_deadline_t until = sleeper.timed ? fsyi_word_timed_nap(naps) : deadline;

	switch (fsyi_park(&fsyi_lot, readers_key(rw), FSYI_KIND_READER, &op, &sleeper, until < deadline ? until : deadline)) {
	case FSYI_UNPARKED_HANDOFF:
		return true;
	case FSYI_PARK_NO_RECORD:
		fsyi_word_nap(deadline);
		return false;
	default:
		return false;
	}
}

struct admission {
	fsy_rwmutex_t *rw;
	uint32_t old;                   /* out: the word that was released */
};

/* Whoever is woken may be the last to use the lock, and do away with it: it is released before that, in the same step. */
static void
admit(struct fsyi_scene *scene, void *arg)
{
	struct admission *admission = (struct admission *)arg;
	fsy_rwmutex_t *rw = admission->rw;

	if (scene->queue != NULL)
		fsy_atomic_u32_add_rlx(&rw->readers_, scene->queue->count * READERS_ONE);
	FSY_RAW_STORE_(&rw->held_, 0, __ATOMIC_RELAXED);
	admission->old = fsy_atomic_u32_and_rel(&rw->word_, ~(RW_PARKED | LW_LOCKED));          /* R3 -> A1,A2,A3,S4,S6 */
	fsyi_scene_wake_all(scene, FSYI_KIND_READER, FSYI_TOKEN_HANDOFF);
}

void
fsyi_rwmutex_unlock_admitting(fsy_rwmutex_t *rw)
{
	struct admission admission = { rw, 0 };
	struct fsyi_lockword lock = fsyi_rwmutex_word(rw);

	fsyi_visit(&fsyi_lot, readers_key(rw), admit, &admission);
	if (admission.old & LW_QUEUED)
		fsyi_lockword_wake(&lock, FSYI_WAKE_LATER);
}

/*
 * The writer did not see them when it left: they queued at that moment. They try again by themselves. Nobody else can count them now: a
 * writer may be in by the time that they are counted, and a foreign runlock may have taken what is to be counted out again.
 */
static void
call(struct fsyi_scene *scene, void *arg)
{
	fsy_rwmutex_t *rw = (fsy_rwmutex_t *)arg;

	/* Only a waiter of our kind proves that the object is alive and a rwmutex. */
	if (scene->queue == NULL || scene->queue->all.head->kind != FSYI_KIND_READER)
		return;
	if (fsy_atomic_u32_load_rlx(&rw->word_) & LW_LOCKED)
		return;                         /* the next unlock sees RW_PARKED, or comes here */
	fsy_atomic_u32_and_rlx(&rw->word_, ~RW_PARKED);
	fsyi_scene_wake_all(scene, FSYI_KIND_READER, FSYI_TOKEN_NORMAL);
}

void
fsyi_rwmutex_call_late(fsy_rwmutex_t *rw)
{
	fsyi_visit(&fsyi_lot, readers_key(rw), call, rw);
}
