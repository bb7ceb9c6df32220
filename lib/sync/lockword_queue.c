/* SPDX-License-Identifier: MIT */
/*
 * lockword_queue.c - what the adaptive lock decides under the bucket lock. Words, roles, invariants L1..L5 and edges are
 * those of lockword.c; whom to wake is fsyi_queue_pick's (lib/park/lot.c).
 *
 * INVARIANTS
 *         L6  The word is brought up to date before a waiter is woken: the woken thread may lock, unlock and destroy the
 *             object before the waker has dropped the bucket lock.
 *         L7  Who raises attention without holding the lock executes the heavy fence and looks at LOCKED again before it
 *             sleeps; a holder need not: its own unlock, or one that it happens before, reads the raised byte.
 */
#include "lockword_wait.h"
#include "../diag/hook.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/futex.h"
#include "../sys/membarrier.h"
#include "../sys/tune.h"

/* How long an unlock waits for somebody awake to take the lock or to search before it wakes a sleeper: a wake costs more. */
enum { GRACE_NS = 1000, LOOK_AGAIN_NS = 100 };

/* How long a sleeper trusts a SEARCHER bit in a forked child, and how long a thread without a record naps. */
enum { FORKED_NAP_NS = 10000000, RECORDLESS_NAP_NS = 1000000 };

/* The hint: searcher's CPU + 1 below, last contended owner's node + 1 above, modulo their width; 0 = unknown. Whoever writes
 * one field may lose the other's update: every reader can do without. */
enum { SEARCHER_CPU = 0, CPU_FIELD = 0x3ff, OWNER_NODE = 10, NODE_FIELD = 0x3f };

static void
set_hint(const struct fsyi_lockword *lock, int field, int shift, int value)
{
	int old = FSY_RAW_LOAD_(lock->hint, __ATOMIC_RELAXED);
	int hint = (old & ~(field << shift)) | ((value + 1) & field) << shift;

	if (hint != old)
		FSY_RAW_STORE_(lock->hint, (uint16_t)hint, __ATOMIC_RELAXED);
}

static bool
hint_says(const struct fsyi_lockword *lock, int field, int shift, int value)
{
	return (FSY_RAW_LOAD_(lock->hint, __ATOMIC_RELAXED) >> shift & field) == ((value + 1) & field);
}

void
fsyi_lockword_i_search(const struct fsyi_lockword *lock)
{
	set_hint(lock, CPU_FIELD, SEARCHER_CPU, fsyi_cpu());
}

bool
fsyi_lockword_searcher_waits_for_me(const struct fsyi_lockword *lock)
{
	return hint_says(lock, CPU_FIELD, SEARCHER_CPU, fsyi_cpu());
}

static int
owner_node(const struct fsyi_lockword *lock)
{
	return (FSY_RAW_LOAD_(lock->hint, __ATOMIC_RELAXED) >> OWNER_NODE & NODE_FIELD) - 1;
}

/* Whom to wake: somebody of the node that has the lock, and a thread for whom there is a CPU. A thread that is about to sleep
 * leaves its own; one that goes on running does not. */
static struct fsyi_thread *
choose(struct fsyi_scene *scene, const struct fsyi_lockword *lock, bool leaving, bool strict)
{
	struct fsyi_preference preference = { owner_node(lock), fsyi_cpu(), !leaving, strict };

	return fsyi_queue_pick(scene->queue, preference);
}

/* Makes a sleeper the searcher. In case the owner is in its way all the same, the next unlock is asked to come by. */
static void
wake_searcher(struct fsyi_scene *scene, const struct fsyi_lockword *lock, struct fsyi_thread *sleeper)
{
	set_hint(lock, CPU_FIELD, SEARCHER_CPU, sleeper->cpu);
	fsyi_scene_wake(scene, sleeper, FSYI_TOKEN_NORMAL);
	if (scene->queue != NULL)
		fsyi_queue_arm(scene->queue);
}

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
	struct fsyi_thread *sleeper;
	bool late;

	if (scene->queue == NULL || scene->now < scene->queue->turn_at)
		return false;
	late = scene->now - scene->queue->turn_at > fsyi_tune.turn_max_ns;
	sleeper = choose(scene, w->lock, true, !late);
	if (sleeper == NULL)                    /* the other one who is awake can serve this turn better, and soon will */
		return false;
	fsy_atomic_u32_and_rlx(w->lock->word, ~LW_BARRED);
	fsyi_queue_turn(scene->bucket, scene->queue, scene->now);
	wake_searcher(scene, w->lock, sleeper);
	w->searcher = false;
	w->covered = true;
	return true;
}

static void
queued(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;

	if (!w->covered)
		fsyi_queue_arm(scene->queue);
}

/* The heavy half of the pair in lockword.c; FSY_LIGHT_BARRIER_ of the inline unlock is its light half. */
static bool
confirm(void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;

	if (w->covered || fsy_attention_ == NULL)
		return true;
	fsyi_membarrier();
	fsyi_count_membarrier(w->lock->word);
	return (fsy_atomic_u32_load_rlx(w->lock->word) & LW_LOCKED) != 0;
}

static void
left(struct fsyi_scene *scene, void *arg)
{
	struct fsyi_waiting *w = (struct fsyi_waiting *)arg;

	if (scene->queue == NULL)
		fsy_atomic_u32_and_rlx(w->lock->word, ~LW_QUEUED);
}

const struct fsyi_park_op fsyi_park_arrival = { validate_arrival, NULL, NULL, left, false };
const struct fsyi_park_op fsyi_park_searcher = { validate_searcher, queued, confirm, left, true };
const struct fsyi_park_op fsyi_park_turn = { validate_turn, NULL, NULL, left, false };

enum fsyi_parked
fsyi_lockword_park(struct fsyi_waiting *w, const struct fsyi_park_op *op)
{
	bool forked = fsyi_fork_generation() > 0;
	fsy_deadline_t nap = fsyi_now() + FORKED_NAP_NS;
	enum fsyi_parked parked;
	fsy_atomic_u32 never = { 0 };

	parked = fsyi_park(w->lock->lot, w->lock->word, FSYI_KIND_LOCK, op, w, forked && nap < w->deadline ? nap : w->deadline);
	if (parked == FSYI_PARK_TIMEDOUT && forked) {
		/* SEARCHER may name a thread that the fork left behind. Two searchers are one too many, but safe: each
		 * covers the parked when it leaves. */
		fsy_atomic_u32_or_rlx(w->lock->word, LW_SEARCHER);
		w->searcher = w->fresh = true;
	} else if (parked == FSYI_PARK_NO_RECORD) {
		nap = fsyi_now() + RECORDLESS_NAP_NS;
		fsyi_futex_wait(&never, 0, nap < w->deadline ? nap : w->deadline);
	}
	return parked;
}

static void
arm(struct fsyi_scene *scene, void *arg)
{
	const struct fsyi_lockword *lock = (const struct fsyi_lockword *)arg;

	if (scene->queue != NULL && !(fsy_atomic_u32_load_rlx(lock->word) & LW_SEARCHER))
		fsyi_queue_arm(scene->queue);
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
		wake_searcher(scene, lock, choose(scene, lock, true, false));
}

void
fsyi_lockword_abandon(const struct fsyi_lockword *lock)
{
	fsyi_visit(lock->lot, lock->word, abandon, (void *)(uintptr_t)lock);
}

bool
fsyi_lockword_turn_is_over(const struct fsyi_lockword *lock, int64_t now)
{
	return now >= fsy_atomic_i64_load_rlx(&fsyi_lot_bucket(lock->lot, lock->word)->turn_hint);
}

struct visit {
	const struct fsyi_lockword *lock;
	int64_t grace_until;            /* until then somebody who is awake may turn up, and nobody need be woken */
	bool again;                     /* out: it is too early to tell */
	bool yield;                     /* out: the searcher waits for this CPU */
};

static void
wake(struct fsyi_scene *scene, void *arg)
{
	struct visit *visit = (struct visit *)arg;
	const struct fsyi_lockword *lock = visit->lock;
	uint32_t seen, next;

	/* Only a waiter of our kind proves that the object is alive and a lock. */
	if (scene->queue == NULL || scene->queue->all.head->kind != FSYI_KIND_LOCK)
		return;
	seen = fsy_atomic_u32_load_rlx(lock->word);
	do {
		if (seen & LW_SEARCHER) {
			fsyi_queue_disarm(scene->queue);
			visit->yield = fsyi_lockword_searcher_waits_for_me(lock);
			return;
		}
		if (seen & LW_LOCKED)           /* somebody barged in: the queue stays armed, the next unlock comes by */
			return;
		if (scene->now < visit->grace_until) {
			visit->again = true;
			return;
		}
		next = seen | LW_SEARCHER;
		if (scene->queue->count == 1)
			next &= ~LW_QUEUED;
	} while (!fsy_atomic_u32_cas_rlx(lock->word, &seen, next));
	fsyi_queue_turn(scene->bucket, scene->queue, scene->now);
	wake_searcher(scene, lock, choose(scene, lock, false, false));
}

void
fsyi_lockword_wake(const struct fsyi_lockword *lock)
{
	struct visit visit = { lock, fsyi_now() + GRACE_NS, false, false };

	fsyi_visit(lock->lot, lock->word, wake, &visit);
	while (visit.again) {
		visit.again = false;
		fsyi_delay(LOOK_AGAIN_NS);
		fsyi_visit(lock->lot, lock->word, wake, &visit);
	}
	if (visit.yield)
		fsyi_yield();
}

struct fair {
	const struct fsyi_lockword *lock;
	bool handed;
};

static void
hand_off(struct fsyi_scene *scene, void *arg)
{
	struct fair *fair = (struct fair *)arg;

	if (scene->queue == NULL || (fsy_atomic_u32_load_rlx(fair->lock->word) & LW_SEARCHER))
		return;
	fsyi_queue_arm(scene->queue);                   /* for those who remain: the new owner's unlock comes by */
	if (scene->queue->count == 1)
		fsy_atomic_u32_and_rlx(fair->lock->word, ~LW_QUEUED);
	fair->handed = true;
	fsyi_scene_wake(scene, scene->queue->all.head, FSYI_TOKEN_HANDOFF);
}

enum fsy_release_
fsyi_lockword_unlock_fair(const struct fsyi_lockword *lock)
{
	struct fair fair = { lock, false };
	uint32_t seen = fsy_atomic_u32_load_rlx(lock->word);

	if (!(seen & LW_LOCKED))
		return FSY_SUSPECT_;
	while ((seen & LW_SEARCHER) && !(seen & LW_BARRED))
		fsy_atomic_u32_cas_rlx(lock->word, &seen, seen | LW_BARRED);
	if ((seen & (LW_QUEUED | LW_SEARCHER)) == LW_QUEUED)
		fsyi_visit(lock->lot, lock->word, hand_off, &fair);
	return fair.handed ? FSY_RELEASED_ : fsy_lockword_release_(lock->word, lock->held);
}

enum fsy_release_
fsyi_lockword_unlock_suspect(const struct fsyi_lockword *lock)
{
	if (!(fsy_atomic_u32_load_rlx(lock->word) & LW_LOCKED))
		return FSY_SUSPECT_;
	if (fsy_attention_ != NULL)
		FSY_RAW_STORE_(lock->held, 1, __ATOMIC_RELAXED);
	return fsy_lockword_release_(lock->word, lock->held);
}

void
fsyi_lockword_note(struct fsyi_waiting *w)
{
	int last = owner_node(w->lock), node = fsyi_node() % NODE_FIELD;

	if (fsy_attention_ != NULL)
		FSY_RAW_STORE_(w->lock->held, 1, __ATOMIC_RELAXED);
	set_hint(w->lock, NODE_FIELD, OWNER_NODE, node);
	fsyi_count_contended(w->lock->word, w->start ? fsyi_now() - w->start : 0, last >= 0 && last != node);
}
