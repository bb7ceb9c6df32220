/* SPDX-License-Identifier: MIT */
/*
 * fairlock_held.c - the fair locks that a thread holds for writing, and what becomes of them if it ends: an owner needs no room in the lock.
 *
 * STATES  held -> (unlocked, downgraded) forgotten
 *              -> (the thread ends) poisoned and unlocked
 * INVARIANTS
 *         H1  A lock that stands here is held by this thread: nobody else can unlock it. While the thread holds more than there is room
 *             for, the others are counted, and the thread is believed about locks that do not stand here.
 *         H2  Nobody else is counted as a reader of a lock that stands here but who attempts, and will count itself out. Those whom a fork has
 *             cut off never do: the child begins by forgetting them, while it has one thread and so no attempt of its own.
 * ORDER   none: a thread's own. The dying thread's unlock is an ordinary one (V1 of fairlock.c).
 * FAIRNESS none.
 * LIFETIME a lock's memory outlives its holder's hold, or it is somebody's mistake.
 * WRONG WAYS  a list threaded through the locks: 8 bytes have no room for it, and a lock that is freed while it is held would break the
 *         thread's other locks too.
 * REFS    Rust std::sync::RwLock and poison.rs (the rules).
 */
#include "fairlock.h"
#include "../sys/fatal.h"
#include "../sys/thread.h"

__thread struct fsyi_fair_held fsyi_fair_held __attribute__((tls_model("initial-exec")));

void
fsyi_fair_remember_slow(const fsy_fair_rwlock_t *l)
{
	struct fsyi_fair_held *held = &fsyi_fair_held;

	if (!held->watched)
		held->watched = fsyi_thread_self() != NULL;
	held->lost = 0;                 /* its places are needed */
	if (held->count < FAIR_ROOM)
		held->lock[held->count++] = l;
	else
		held->beyond++;
}

bool
fsyi_fair_forget_slow(const fsy_fair_rwlock_t *l)
{
	struct fsyi_fair_held *held = &fsyi_fair_held;

	for (uint32_t i = held->count; i-- > 0;) {
		if (held->lock[i] != l)
			continue;
		held->lock[i] = held->lock[--held->count];
		return true;
	}
	if (held->beyond == 0)
		return false;
	held->beyond--;
	return true;
}

bool
fsyi_fair_holds_any(void)
{
	return fsyi_fair_held.count > 0;
}

void
fsyi_fair_fork_child(bool alone)
{
	for (uint32_t i = 0; alone && i < fsyi_fair_held.count; i++)
		fsy_atomic_u32_store_rlx(&((fsy_fair_rwlock_t *)(uintptr_t)fsyi_fair_held.lock[i])->readers_, 0);
}

bool
fsyi_fair_is_mine(const fsy_fair_rwlock_t *l)
{
	for (uint32_t i = 0; i < fsyi_fair_held.count; i++)
		if (fsyi_fair_held.lock[i] == l)
			return true;
	return false;
}

bool
fsyi_fair_has_lost(const fsy_fair_rwlock_t *l)
{
	struct fsyi_fair_held *held = &fsyi_fair_held;

	for (uint32_t i = 0; i < held->lost; i++)
		if (held->lock[i] == l) {
			held->lock[i] = held->lock[--held->lost];
			return true;
		}
	if (fsy_atomic_u32_load_rlx(&l->word_) & FAIR_LOCKED)
		fsyi_fatal("unlock of fair rwlock by a thread that does not own it %p", (const void *)l);
	fsyi_fatal("unlock of unlocked fair rwlock %p", (const void *)l);
}

void
fsy_fair_rwlock_poison(fsy_fair_rwlock_t *l)
{
	fsy_atomic_u32_or_rlx(&l->word_, FAIR_POISON);
}

void
fsy_fair_rwlock_clear_poison(fsy_fair_rwlock_t *l)
{
	fsy_atomic_u32_and_rlx(&l->word_, ~FAIR_POISON);
}

bool
fsy_fair_rwlock_is_poisoned(const fsy_fair_rwlock_t *l)
{
	return (fsy_atomic_u32_load_rlx(&l->word_) & FAIR_POISON) != 0;
}

/* The thread's destructors run, in rounds; some of them may still unlock. */
bool
fsyi_fair_leaves(bool last_round)
{
	struct fsyi_fair_held *held = &fsyi_fair_held;
	uint32_t lost = held->count;
	fsy_fair_rwlock_t *l;

	if (lost > 0 && !last_round)
		return false;
	while (held->count > 0) {
		l = (fsy_fair_rwlock_t *)(uintptr_t)held->lock[held->count - 1];
		fsy_fair_rwlock_poison(l);
		fsy_fair_rwlock_unlock(l);
	}
	if (lost > 0)
		held->lost = lost;
	held->watched = false;          /* its record is gone: a destructor that locks now asks for another */
	return true;
}
