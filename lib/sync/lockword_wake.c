/* SPDX-License-Identifier: MIT */
/*
 * lockword_wake.c - what those who leave decide under the bucket lock: the unlocker that visits the lot, the searcher that
 * takes the lock or gives up, the fair unlock.
 *
 * WORD, STATES, INVARIANTS L1..L7, ORDER, FAIRNESS, LIFETIME: those of lockword.c and lockword_queue.c.
 */
#include "lockword_wait.h"
#include "../diag/hook.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/tune.h"

/* How long an unlock waits for somebody awake to take the lock or to search before it wakes a sleeper: a wake costs more. */
enum { GRACE_NS = 1000, LOOK_AGAIN_NS = 100, LOOKS = GRACE_NS / LOOK_AGAIN_NS };

static void
arm(struct fsyi_scene *scene, void *arg)
{
	const struct fsyi_lockword *lock = (const struct fsyi_lockword *)arg;

	if (scene->queue != NULL && !(fsy_atomic_u32_load_rlx(lock->word) & LW_SEARCHER)) {
		fsyi_queue_arm(scene->queue);
		scene->queue->known = true;
	}
}

void
fsyi_lockword_arm(const struct fsyi_lockword *lock)
{
	fsyi_visit(lock->lot, lock->word, arm, (void *)(uintptr_t)lock);
}

static void
abandon(struct fsyi_scene *scene, void *arg)
{
	const struct fsyi_lockword *lock = (const struct fsyi_lockword *)arg;
	uint32_t seen = fsy_atomic_u32_load_rlx(lock->word), next;

	do {
		next = seen & ~LW_BARRED;
		if (seen & LW_SECOND)
			next = (next & ~LW_SECOND) ^ LW_TURN;
		else if (scene->queue == NULL)
			next &= ~(LW_SEARCHER | LW_TURN);
		else if (scene->queue->count == 1)
			next &= ~LW_QUEUED;
	} while (!fsy_atomic_u32_cas_rlx(lock->word, &seen, next));
	if (!(seen & LW_SECOND) && scene->queue != NULL)
		fsyi_lockword_wake_searcher(scene, lock, fsyi_lockword_choose(scene, lock, true, false));
}

void
fsyi_lockword_abandon(const struct fsyi_lockword *lock)
{
	fsyi_visit(lock->lot, lock->word, abandon, (void *)(uintptr_t)lock);
}

/* Makes a sleeper the owner. Those who remain are covered by the attention its unlock will pay. */
static void
hand_over(struct fsyi_scene *scene, struct fsyi_thread *sleeper)
{
	fsyi_queue_arm(scene->queue);
	scene->queue->known = true;
	fsyi_scene_wake(scene, sleeper, FSYI_TOKEN_HANDOFF);
}

struct visit {
	const struct fsyi_lockword *lock;
	int64_t grace_until;            /* until then somebody who is awake may turn up, and nobody need be woken */
	int looks;                      /* at a lock that is always taken again, though a turn is late */
	bool again;                     /* out: it is too early to tell */
	bool leaving;                   /* the thread is about to sleep */
	bool yield;                     /* out: whom we woke waits for this CPU */
};

/*
 * One that waits for this CPU would wait for the end of this thread's time slice, and behind whoever else barges there: when its turn has come the
 * lock is barred for it. False: that is so in a moment.
 */
static bool
bar_for_searcher(const struct fsyi_scene *scene, const struct fsyi_lockword *lock, uint32_t seen)
{
	if ((seen & LW_BARRED) || scene->now < scene->queue->turn_at - fsyi_tune.turn_min_ns || !fsyi_lockword_may_bar(lock, scene->now))
		return true;
	if (scene->now < scene->queue->turn_at)
		return false;
	fsyi_queue_turn(scene->bucket, scene->queue, scene->now);
	fsyi_lockword_i_bar(lock, scene->now);
	while ((seen & LW_SEARCHER) && !fsy_atomic_u32_cas_rlx(lock->word, &seen, seen | LW_BARRED))
		;
	return true;
}

static void
leave_to_searcher(struct fsyi_scene *scene, struct visit *visit, uint32_t seen)
{
	const struct fsyi_lockword *lock = visit->lock;
	bool mine = fsyi_lockword_searcher_waits_for_me(lock), pressed = fsyi_lockword_is_pressed(lock);
	bool hopeless = fsyi_lockword_is_hopeless(lock);

	if (mine && pressed && !hopeless && !bar_for_searcher(scene, lock, seen))
		return;
	/* Of those who were moved the next one who leaves wakes another; and nobody yields to them, which can take as long as a time slice. */
	if (!pressed && scene->queue->all.head->moved)
		return;
	if (mine || !fsyi_lockword_is_vain(lock))       /* it will be back in a moment, and need no fence then */
		fsyi_queue_disarm(scene->queue);
	visit->yield = mine && !pressed && !hopeless;
}

static void
wake(struct fsyi_scene *scene, void *arg)
{
	struct visit *visit = (struct visit *)arg;
	const struct fsyi_lockword *lock = visit->lock;
	struct fsyi_thread *sleeper;
	uint32_t seen, next;
	bool due, hand, here, bar, pressed, hopeless;

	/* Only a waiter of our kind proves that the object is alive and a lock. */
	if (scene->queue == NULL || scene->queue->all.head->kind != lw_kind(lock))
		return;
	fsyi_lockword_note_release(lock);
	seen = fsy_atomic_u32_load_rlx(lock->word);
	pressed = fsyi_lockword_is_pressed(lock);
	hopeless = fsyi_lockword_is_hopeless(lock);
	do {
		if (seen & LW_SEARCHER) {
			if (visit->leaving && fsyi_lockword_take_my_place(scene, lock, seen))
				return;
			leave_to_searcher(scene, visit, seen);
			return;
		}
		/* Somebody barged in: the queue stays armed, the next unlock comes by. Once a turn that is not good enough: two who barge
		 * past each other at every unlock would leave nobody else a chance, so somebody is woken to search; or, where nobody would, the
		 * turn stays due until a visit finds the lock free. Where that takes long, they stay out of each other's way for it. */
		due = scene->now >= scene->queue->turn_at;
		if ((seen & LW_LOCKED) && (!due || hopeless)) {
			visit->again = scene->now - scene->queue->turn_at > fsyi_tune.turn_max_ns && visit->looks++ < LOOKS;
			return;
		}
		/* One that came from a cond is no part of a crowd around the lock: nobody else need be about. */
		if (scene->now < visit->grace_until && (pressed || !scene->queue->all.head->moved)) {
			visit->again = true;
			return;
		}
		/* Nobody is woken in vain for more than a turn: then the lock is taken for the eldest. Whom we would choose counts
		 * as well: else it might be preferred, and too late, for ever. */
		sleeper = fsyi_lockword_choose(scene, lock, visit->leaving, false);
		hand = due && !(seen & LW_LOCKED) && (sleeper->lost || scene->queue->all.head->lost);
		if (hand)
			sleeper = scene->queue->all.head;
		here = sleeper->cpu == fsyi_cpu();
		bar = here && pressed && due && !hopeless && fsyi_lockword_may_bar(lock, scene->now);
		/* One that waits for this CPU runs when this thread sleeps. It is made to do so once a turn, no oftener: two of one CPU change
		 * places by a context switch, and where others want the CPU too, wait for those as well. */
		next = seen | (hand ? LW_LOCKED : bar ? LW_SEARCHER | LW_BARRED : LW_SEARCHER);
		if (scene->queue->count == 1)
			next &= ~LW_QUEUED;
	} while (!fsy_atomic_u32_cas_acq(lock->word, &seen, next));                             /* A3 <- R1,R2,R3 */
	if (due)
		fsyi_queue_turn(scene->bucket, scene->queue, scene->now);
	if (next & LW_BARRED)
		fsyi_lockword_i_bar(lock, scene->now);
	visit->yield = here && (hand || (!pressed && !sleeper->moved)) && !hopeless;
	if (hand)
		hand_over(scene, sleeper);
	else
		fsyi_lockword_wake_searcher(scene, lock, sleeper);
}

void
fsyi_lockword_wake(const struct fsyi_lockword *lock, enum fsyi_wake how)
{
	struct visit visit = { .lock = lock, .leaving = how == FSYI_WAKE_LEAVING };

	if (how == FSYI_WAKE_LATER && !fsyi_lockword_is_vain(lock))
		visit.grace_until = fsyi_now() + GRACE_NS;
	fsyi_visit(lock->lot, lock->word, wake, &visit);
	while (visit.again) {
		visit.again = false;
		fsyi_delay(LOOK_AGAIN_NS);
		fsyi_visit(lock->lot, lock->word, wake, &visit);
	}
	if (visit.yield && how == FSYI_WAKE_LATER)
		fsyi_yield();
}

struct fair {
	const struct fsyi_lockword *lock;
	bool handed, alone;
};

static void
hand_off(struct fsyi_scene *scene, void *arg)
{
	struct fair *fair = (struct fair *)arg;

	if (fsy_atomic_u32_load_rlx(fair->lock->word) & LW_SEARCHER)
		return;
	fair->alone = scene->queue == NULL;
	if (fair->alone)
		return;
	if (scene->queue->count == 1)
		fsy_atomic_u32_and_rlx(fair->lock->word, ~LW_QUEUED);
	fair->handed = true;
	if (fair->lock->held != NULL && FSY_RAW_LOAD_(fair->lock->held, __ATOMIC_RELAXED) != 0)
		FSY_RAW_STORE_(fair->lock->held, FSY_LW_HELD_, __ATOMIC_RELAXED);         /* where the next one is it says itself */
	hand_over(scene, scene->queue->all.head);
}

enum fsy_release_
fsyi_lockword_unlock_fair(const struct fsyi_lockword *lock)
{
	struct fair fair = { .lock = lock };
	uint32_t seen;

	while (!fair.handed) {
		seen = fsy_atomic_u32_load_rlx(lock->word);
		if (!(seen & LW_LOCKED))
			return FSY_SUSPECT_;
		if (seen & LW_SEARCHER) {       /* in one step: it may be about to sleep, and let go of the role */
			FSY_RAW_STORE_(lock->held, 0, __ATOMIC_RELAXED);
			if (fsy_atomic_u32_cas_rel(lock->word, &seen, (seen | LW_BARRED) & ~LW_LOCKED))        /* R2 -> A1,A2,A3 */
				return FSY_RELEASED_WAKE_;
		} else if ((seen & LW_QUEUED) && !fair.alone) {
			fsyi_visit(lock->lot, lock->word, hand_off, &fair);
		} else {
			return fsy_lockword_release_(lock->word, lock->held);
		}
	}
	return FSY_RELEASED_;
}

enum fsy_release_
fsyi_lockword_unlock_suspect(const struct fsyi_lockword *lock)
{
	if (!(fsy_atomic_u32_load_rlx(lock->word) & LW_LOCKED))
		return FSY_SUSPECT_;
	if (fsy_attention_ != NULL)
		FSY_RAW_STORE_(lock->held, FSY_LW_HELD_, __ATOMIC_RELEASE);          /* H1 -> H2 */
	return fsy_lockword_release_(lock->word, lock->held);
}

void
fsyi_lockword_note(struct fsyi_waiting *w, bool spun)
{
	int last, node;

	if (w->lock->owner != NULL)
		fsyi_owner_sign(w->lock->owner);
	else if (fsy_attention_ != NULL)
		FSY_RAW_STORE_(w->lock->held, fsyi_cpu_mark(fsyi_cpu()), __ATOMIC_RELEASE);       /* H1 -> H2 */
	if (spun) {
		fsyi_count_contended(w->lock->word, 0);
		fsyi_count_handover(w->lock->word, false);
		return;
	}
	last = fsyi_lockword_owner_node(w->lock);
	node = fsyi_lockword_i_own(w->lock);
	fsyi_count_contended(w->lock->word, w->start ? fsyi_now() - w->start : 0);
	fsyi_count_handover(w->lock->word, last >= 0 && last != node);
}

static void
forget_the_vanished(struct fsyi_scene *scene, void *arg)
{
	const struct fsyi_lockword *lock = (const struct fsyi_lockword *)arg;

	if (scene->queue == NULL)
		fsy_atomic_u32_and_rlx(lock->word, ~(LW_BUSY & ~LW_LOCKED));
}

bool
fsyi_lockword_has_waiters(const struct fsyi_lockword *lock)
{
	fsyi_fork_check();
	if (fsyi_fork_generation() > 0)
		fsyi_visit(lock->lot, lock->word, forget_the_vanished, (void *)(uintptr_t)lock);
	return (fsy_atomic_u32_load_rlx(lock->word) & (LW_BUSY & ~LW_LOCKED)) != 0;
}
