/* SPDX-License-Identifier: MIT */
/*
 * rwmutex_read.c - the reader's slow half: attempts by slot and by count.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of rwmutex.c and readers.c.
 */
#include "rwmutex.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"

/* One attempt; the slot is free. */
static bool
enter_by_slot(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot)
{
	uint32_t seen;

	fsyi_reader_announce(slot, &rw->readers_);
	seen = fsy_atomic_u32_load(&rw->word_);                                                 /* S6 <- R1,R2,R3 */
	if ((seen & (LW_LOCKED | RW_SLOTS)) != RW_SLOTS) {
		fsyi_reader_retreat(&rw->readers_, slot);
		return false;
	}
	if (seen & RW_JOINED)           /* the next one needs no fence */
		fsyi_reader_join(&rw->readers_);
	return true;
}

static bool
enter_by_count(fsy_rwmutex_t *rw)
{
	uint32_t old = fsy_atomic_u32_add(&rw->readers_, READERS_ONE), seen = fsy_atomic_u32_load(&rw->word_);  /* S6 <- R1,R2,R3 */

	if ((old & READERS_COUNT) >= READERS_MOST)
		fsyi_fatal("too many readers of rwmutex %p", (void *)rw);
	if (seen & LW_LOCKED) {
		if (!fsyi_readers_count_out(&rw->readers_))
			fsyi_reader_claim(&rw->readers_);       /* for it was taken for a hold, which is still there */
		return false;
	}
	if ((seen & ~RW_WRITTEN) == 0)
		fsyi_rwmutex_count_calm(rw, seen);
	return true;
}

bool
fsyi_rwmutex_attempt(fsy_rwmutex_t *rw)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(&rw->word_);
	fsy_atomic_ptr *slot;

	if (seen & LW_LOCKED) {
		fsyi_reader_part(&rw->readers_);
		return false;
	}
	if ((seen & (RW_SLOTS | RW_FOREIGN)) == RW_SLOTS && fsyi_readers_enabled()) {
		slot = fsyi_reader_slot(&rw->readers_);
		if (slot != NULL)
			return enter_by_slot(rw, slot);
	}
	return enter_by_count(rw);
}

/* A hold that needs no fence, since the release comes after it. The readers that queued come too. */
void
fsyi_rwmutex_enter_as_owner(fsy_rwmutex_t *rw)
{
	uint32_t mode = fsy_atomic_u32_load_rlx(&rw->word_);
	bool slots = (mode & (RW_SLOTS | RW_FOREIGN)) == RW_SLOTS && fsyi_readers_enabled();
	fsy_atomic_ptr *slot = slots ? fsyi_reader_slot(&rw->readers_) : NULL;

	if (slot != NULL)
		FSY_SLOT_SET_(slot, &rw->readers_);
	else
		fsy_atomic_u32_add_rlx(&rw->readers_, READERS_ONE);
	fsy_rwmutex_unlock(rw);
}

/* What the inline attempt left behind goes first. */
static bool
attempt_again(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot)
{
	if (slot == FSY_READ_SAMPLED_) {
		fsyi_rwmutex_leave_sign(rw);
		return true;
	}
	if (slot != NULL)
		fsyi_reader_retreat(&rw->readers_, slot);
	fsyi_fork_check();
	return fsyi_rwmutex_attempt(rw);
}

FSY_NOINLINE void
fsy_rwmutex_rlock_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot)
{
	if (!attempt_again(rw, slot))
		fsyi_rwmutex_wait(rw, FSY_FOREVER);
}

FSY_NOINLINE bool
fsy_rwmutex_tryrlock_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot)
{
	return attempt_again(rw, slot);
}

FSY_NOINLINE int
fsy_rwmutex_rlock_until_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot, fsy_deadline_t deadline)
{
	return attempt_again(rw, slot) ? 0 : fsyi_rwmutex_wait(rw, deadline);
}
