/* SPDX-License-Identifier: MIT */
/*
 * readers_claim.c - giving back a read hold that stands in another thread's slot.
 *
 * WORD, STATES, INVARIANTS D1..D5, ORDER, LIFETIME: those of readers.c.
 */
#include "readers_line.h"
#include "../sys/cpu.h"

/* Records move while they are searched for: one that was looked for here may be there by now (another hold of the lock was given
 * back through it). A hold that does not exist is reported after this many rounds. */
enum { ROUNDS = 64 };

/* Announces itself to every line whose slot names the lock; false: there is none. */
static bool
announce(const fsy_atomic_u32 *count)
{
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;
	uint32_t index = slot_index(count);
	bool any = false;

	while ((line = walk_next(&walk)) != NULL)
		if (fsy_atomic_ptr_load_rlx(&line->slot[index]) == count) {
			fsy_atomic_u32_or(&line->alert, ALERT_CLAIMER);
			any = true;
		}
	return any;
}

/* While a slot names a lock its claim bit is clear (D3), so that the bit set here is this claimer's. */
static bool
take(struct fsy_reader_ *line, uint32_t index, const fsy_atomic_u32 *count)
{
	void *seen = (void *)(uintptr_t)count;

	if (fsy_atomic_ptr_load_rlx(&line->slot[index]) != count)
		return false;
	fsy_atomic_u32_or(&line->alert, 1u << index);
	if (fsy_atomic_ptr_cas(&line->slot[index], &seen, TAKEN))
		return true;
	fsy_atomic_u32_and(&line->alert, ~(1u << index));
	return false;
}

/* Under the latch. Takes the first slot that names the lock after its owner could know, and withdraws what was announced. */
static bool
claim_slot(const fsy_atomic_u32 *count)
{
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;
	uint32_t index = slot_index(count);
	bool taken = false;

	if (!announce(count))
		return false;
	fsyi_readers_heavy_fence(count);
	while ((line = walk_next(&walk)) != NULL) {
		if (!(fsy_atomic_u32_load_rlx(&line->alert) & ALERT_CLAIMER))
			continue;
		taken = taken || take(line, index, count);
		fsy_atomic_u32_and(&line->alert, ~(uint32_t)ALERT_CLAIMER);
	}
	return taken;
}

bool
fsyi_reader_claim(fsy_atomic_u32 *count)
{
	bool claimed = false, counted = false;

	for (int round = 0; round < ROUNDS && !claimed && !counted; round++) {
		if (round > 0)
			fsyi_yield();
		fsyi_latch_lock(&fsyi_reader_latch);
		counted = fsyi_readers_count_out(count);
		claimed = !counted && claim_slot(count);
		fsyi_latch_unlock(&fsyi_reader_latch);
	}
	if (claimed)                            /* by address: the lock may be gone */
		fsyi_readers_wake_writer(count);
	return claimed || counted;
}
