/* SPDX-License-Identifier: MIT */
/*
 * lockword_admit.c - threads that waited for something else join the queue of a lock, asleep as they are; and whom of them a thread
 * that goes to sleep wakes besides the searcher.
 *
 * WORD, STATES, INVARIANTS L1..L7, ORDER, FAIRNESS, LIFETIME: those of lockword.c and lockword_queue.c.
 * INVARIANTS
 *         L9  L2 holds for a queue that is not empty, and goes on to hold if it grows. Whoever starts a queue sees to it: it finds
 *             SEARCHER set in the compare-and-swap that sets QUEUED; or sets it, and wakes the eldest in that role; or finds LOCKED set
 *             by an owner that lives, arms the queue, and then settles: heavy fence, and a visit. Between arming and settling it is awake.
 *         L10 What settles goes by the address alone: all who joined may have come and gone.
 * WRONG WAYS  waking the eldest always: it runs at once, on the CPU of the thread that woke it, and finds the lock held by that very
 *         thread. Leaving it to the holder's unlock without the fence: the holder may be another thread, which has just looked.
 */
#include "lockword_wait.h"
#include "../diag/hook.h"
#include "../sys/clock.h"
#include "../sys/membarrier.h"
#include "../sys/tune.h"

/* How often a fence that has cost too much is tried again; how often one that has not is measured; over how many its cost is averaged. */
enum { PROBED = 64, MEASURED = 8, AVERAGED = 8 };

static fsy_atomic_i64 fence_ns;
static fsy_atomic_u32 chances;

/* With no other thread of the process on a CPU it costs a tenth of a wake-up, otherwise as much as several. */
static bool
fence_is_cheap(void)
{
	uint32_t chance = fsy_atomic_u32_load_rlx(&chances);

	fsy_atomic_u32_store_rlx(&chances, chance + 1);         /* nobody minds one lost */
	return fsy_atomic_i64_load_rlx(&fence_ns) <= fsyi_tune.fence_max_ns || chance % PROBED == 0;
}

static bool
fence(const void *word)
{
	int64_t average = fsy_atomic_i64_load_rlx(&fence_ns), before;
	bool executed;

	fsyi_count_membarrier(word);
	if (average <= fsyi_tune.fence_max_ns && fsy_atomic_u32_load_rlx(&chances) % MEASURED != 0)
		return fsyi_membarrier();
	before = fsyi_now();
	executed = fsyi_membarrier();
	fsy_atomic_i64_store_rlx(&fence_ns, average + (fsyi_now() - before - average) / AVERAGED);
	return executed;
}

bool
fsyi_lockword_admits(void)
{
	return fsyi_fork_generation() == 0 && !fsyi_membarrier_lost();
}

bool
fsyi_lockword_admit(struct fsyi_scene *scene, const struct fsyi_lockword *lock, struct fsyi_scene *from, uint32_t count)
{
	struct fsyi_thread *eldest = from->queue->all.head;
	uint32_t seen = fsy_atomic_u32_load_rlx(lock->word), next = seen;
	bool covered = scene->queue != NULL;
	bool mine = lock->owner != NULL && fsyi_owner_is_me(fsy_atomic_u32_load_rlx(lock->owner));
	bool dead = lock->owner != NULL && fsyi_owner_is_dead(lock->owner);
	bool leave_it = !covered && !dead && fsyi_is_asleep(eldest) && (mine || fence_is_cheap());

	while (!covered) {
		next = (seen & LW_LOCKED) && leave_it ? seen | LW_QUEUED : seen | LW_SEARCHER;
		if ((seen & LW_SEARCHER) || count > 1)
			next |= LW_QUEUED;
		if (fsy_atomic_u32_cas_rlx(lock->word, &seen, next))
			break;
	}
	covered = covered || (seen & LW_SEARCHER);
	while (count-- > 0)
		fsyi_scene_move(from, scene, from->queue->all.head, lw_kind(lock));
	if (covered)
		return false;
	if (next & LW_SEARCHER) {
		fsyi_lockword_wake_searcher(scene, lock, eldest);
		return false;
	}
	fsyi_queue_arm(scene->queue);
	if (mine)                               /* the unlock will be the caller's own, and sees what it has just armed */
		return false;
	/* As in lockword_queue.c: fenced unlocks need no fence of ours. */
	fsy_atomic_u32_or(lock->word, 0);
	return FSY_RAW_LOAD_(&fsy_attention_, __ATOMIC_SEQ_CST) != NULL;
}

/* Without the fence nobody can be left to the holder's unlock. */
static void
wake_one(struct fsyi_scene *scene, void *arg)
{
	const struct fsyi_lockword *lock = (const struct fsyi_lockword *)arg;
	uint32_t seen, next;

	if (scene->queue == NULL || scene->queue->all.head->kind != lw_kind(lock))
		return;
	seen = fsy_atomic_u32_load_rlx(lock->word);
	do {
		if (seen & LW_SEARCHER)
			return;
		next = seen | LW_SEARCHER;
		if (scene->queue->count == 1)
			next &= ~LW_QUEUED;
	} while (!fsy_atomic_u32_cas_rlx(lock->word, &seen, next));
	fsyi_lockword_wake_searcher(scene, lock, scene->queue->all.head);
}

void
fsyi_lockword_settle(const struct fsyi_lockword *lock)
{
	if (fence(lock->word))
		fsyi_lockword_wake(lock, FSYI_WAKE_NOW);
	else
		fsyi_visit(lock->lot, lock->word, wake_one, (void *)(uintptr_t)lock);
}

/*
 * All whom a broadcast has moved here have something to do, and each that ran alone would have to come out of an idle CPU. So a thread that is
 * about to sleep leaves its CPU to one of them that slept there, besides the searcher. Such a one has no role, and keeps its place.
 */
bool
fsyi_lockword_take_my_place(struct fsyi_scene *scene, const struct fsyi_lockword *lock, uint32_t seen)
{
	struct fsyi_thread *sleeper;

	if ((seen & (LW_LOCKED | LW_BARRED)) || fsyi_lockword_is_pressed(lock))
		return false;
	sleeper = fsyi_lockword_choose(scene, lock, true, true);
	if (sleeper == NULL || !sleeper->moved)
		return false;
	if (scene->queue->count == 1)
		fsy_atomic_u32_and_rlx(lock->word, ~LW_QUEUED);
	fsyi_scene_wake(scene, sleeper, FSYI_TOKEN_AGAIN);
	return true;
}
