/* SPDX-License-Identifier: MIT */
/*
 * poison.c - Rust's Mutex: the adaptive lock with an owner, and a flag that outlives an owner who did not finish.
 *
 * WORD    byte 3 bit 0: POISON, set and cleared by read-modify-writes; the rest is lockword.c's. Beside it the owner: owner.c.
 * STATES  free -> (word taken, signed) held -> (signature removed) free
 *                                           -> (owner dies) claimed by who comes first: a locker, who keeps it; or, if somebody sleeps
 *                                              for it, the dying thread itself, which gives it back as any owner would
 * INVARIANTS
 *         U1..U4 of owner.c, L1..L8 of lockword.c and lockword_queue.c.
 *         M1  POISON is set before the lock changes hands from a dead owner or out of a guard, by its holder.
 *         M2  A dead owner's lock is given back at most once, and by an ordinary unlock: one sleeper is woken, not all.
 * ORDER   R1, R2 -> A1, A2, A3 of lockword.c; the end of an owner: X3 -> X4 of owner.c. The flag is relaxed: whoever sets it
 *         before it unlocks is ordered by the lock, and whoever reads it without the lock learns nothing that lasts.
 * FAIRNESS, LIFETIME: those of lockword.c. A thread that dies touches locks only under the bucket lock of somebody who sleeps for
 *         them, or once they are its own again.
 * REFS    Rust std::sync::Mutex and poison.rs (the rules); robust mutexes of POSIX (FSY_EPOISONED is EOWNERDEAD).
 */
#include <fastsync/poison.h>
#include "owner.h"
#include "poison_word.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"

/* The slow path's guesses have no room in the lock: it borrows a place that it may share with another. A line each. */
enum { GUESS_BITS = 10 };

struct guess {
	uint16_t hint;
	uint8_t busy;
} __attribute__((aligned(FSY_CACHELINE)));

static struct guess guesses[1 << GUESS_BITS];

struct fsyi_lockword
fsyi_poison_word(fsy_poison_mutex_t *m)
{
	struct guess *guess = &guesses[fsy_attention_slot_(m) >> (FSY_ATTENTION_BITS_ - GUESS_BITS)];
	struct fsyi_lockword lock = { .lot = &fsyi_lot, .word = &m->word_, .owner = &m->owner_, .busy = &guess->busy, .hint = &guess->hint };

	return lock;
}

int
fsyi_poison_taken(fsy_poison_mutex_t *m)
{
	FSY_SELF_->held_++;
	return fsy_poison_error_(m);
}

static int
lock(fsy_poison_mutex_t *m, fsy_deadline_t deadline)
{
	struct fsyi_lockword lock = fsyi_poison_word(m);
	int error;

	fsyi_fork_check();
	fsyi_owner_enrol();
	if (deadline == FSY_FOREVER && fsyi_owner_is_me(fsy_atomic_u32_load_rlx(&m->owner_)))
		fsyi_fatal("lock of poison mutex by its owner %p", (void *)m);
	if (fsy_owner_take_(&m->word_, &m->owner_))
		return fsy_poison_error_(m);
	error = fsyi_lockword_lock(&lock, deadline);
	return error != 0 ? error : fsyi_poison_taken(m);
}

FSY_NOINLINE int
fsy_poison_mutex_lock_slow_(fsy_poison_mutex_t *m)
{
	return lock(m, FSY_FOREVER);
}

FSY_NOINLINE int
fsy_poison_mutex_lock_until_slow_(fsy_poison_mutex_t *m, fsy_deadline_t deadline)
{
	return lock(m, deadline);
}

FSY_NOINLINE int
fsy_poison_mutex_trylock_slow_(fsy_poison_mutex_t *m)
{
	struct fsyi_lockword lock = fsyi_poison_word(m);

	fsyi_fork_check();
	fsyi_owner_enrol();
	if (fsy_owner_take_(&m->word_, &m->owner_))
		return fsy_poison_error_(m);
	return fsyi_lockword_trylock(&lock) ? fsyi_poison_taken(m) : (int)FSY_EBUSY;
}

static void
wake(fsy_poison_mutex_t *m, enum fsyi_wake how)
{
	struct fsyi_lockword lock = fsyi_poison_word(m);

	fsyi_fork_check();
	fsyi_lockword_wake(&lock, how);
}

FSY_NOINLINE void
fsy_poison_mutex_wake_slow_(fsy_poison_mutex_t *m)
{
	wake(m, FSYI_WAKE_LATER);
}

void
fsyi_poison_unlock_leaving(fsy_poison_mutex_t *m)
{
	enum fsy_release_ how;

	if (!fsy_owner_give_(&m->word_, &m->owner_, &how))
		fsy_poison_mutex_unlock_slow_(m);
	else if (how != FSY_RELEASED_)
		wake(m, FSYI_WAKE_LEAVING);
}

/* By whoever has it; fenced: as its signature said. */
static void
give_back(fsy_poison_mutex_t *m, bool fenced)
{
	enum fsy_release_ how;

	fsy_atomic_u32_store_rlx(&m->owner_, 0);
	how = fenced ? fsy_lockword_give_fenced_(&m->word_) : fsy_lockword_give_(&m->word_);
	if (how == FSY_RELEASED_WAKE_)
		fsy_poison_mutex_wake_slow_(m);
}

/* A destructor that runs after the thread was declared dead unlocks what nobody has claimed yet; else it is too late, and the
 * new owner knows. */
FSY_NOINLINE void
fsy_poison_mutex_unlock_slow_(fsy_poison_mutex_t *m)
{
	uint32_t owner = fsy_atomic_u32_load_rlx(&m->owner_), former = FSY_SELF_->former_;

	if (fsyi_owner_is_me(owner)) {
		FSY_SELF_->held_--;
		give_back(m, (owner & OWNER_FENCED) != 0);
	} else if (former != 0) {
		if (fsyi_owner_bury(&m->owner_, former))
			give_back(m, (owner & OWNER_FENCED) != 0);
	} else if (fsy_atomic_u32_load_rlx(&m->word_) & LW_LOCKED) {
		fsyi_fatal("unlock of poison mutex by a thread that does not own it %p", (void *)m);
	} else {
		fsyi_fatal("unlock of unlocked poison mutex %p", (void *)m);
	}
}

void
fsy_poison_mutex_poison(fsy_poison_mutex_t *m)
{
	fsy_atomic_u32_or_rlx(&m->word_, FSY_LW_POISON_);
}

void
fsy_poison_mutex_clear_poison(fsy_poison_mutex_t *m)
{
	fsy_atomic_u32_and_rlx(&m->word_, ~FSY_LW_POISON_);
}

bool
fsy_poison_mutex_is_poisoned(const fsy_poison_mutex_t *m)
{
	return (fsy_atomic_u32_load_rlx(&m->word_) & FSY_LW_POISON_) != 0;
}

void
fsy_poison_mutex_assert_held(const fsy_poison_mutex_t *m)
{
	if (!fsyi_owner_is_me(fsy_atomic_u32_load_rlx(&m->owner_)))
		fsyi_fatal("poison mutex is not held %p", (const void *)m);
}

/* Under the bucket lock: the eldest waiter of a queue. While it is there, so is the lock. */
static bool
is_bequeathed(const struct fsyi_thread *waiter, void *arg)
{
	fsy_poison_mutex_t *m = (fsy_poison_mutex_t *)fsy_atomic_ptr_load_rlx(&waiter->key);

	return waiter->kind == FSYI_KIND_POISON && fsyi_owner_bury(&m->owner_, *(uint32_t *)arg);
}

/* Whoever goes to sleep from now on finds the owner dead by itself (L8). */
void
fsyi_poison_bequeath(uint32_t former)
{
	fsy_poison_mutex_t *m;
	uint32_t bucket = 0;

	while ((m = (fsy_poison_mutex_t *)(uintptr_t)fsyi_park_find(&fsyi_lot, &bucket, is_bequeathed, &former)) != NULL) {
		fsy_poison_mutex_poison(m);
		give_back(m, (fsy_atomic_u32_load_rlx(&m->owner_) & OWNER_FENCED) != 0);
	}
}
