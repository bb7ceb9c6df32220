/* SPDX-License-Identifier: MIT */
/*
 * readers.c - the readers' lines: how holds leave them, and what else an owner does with its own.
 *
 * WORD    slot: NULL free; the address of a central count = a hold of that lock, or an attempt at one; TAKEN = a hold that another thread
 *             has given back.
 *         alert: bits 0..7 slot i was claimed; bit 8 a claimer is at it; bit 9 a writer asks (readers_ask.c); bits 10.. how many writers sleep
 *             until a slot of this line is cleared.
 *         count: bits 1..31 counted holds; bit 0 a writer sleeps until there are none, here or in slots.
 * STATES  slot: free -> named (owner) -> free (owner)
 *                                     -> TAKEN (claimer, claim bit set) -> free (owner, all its claim bits cleared under the latch)
 *         line: made on its thread's node -> with its record for ever, live while that has an owner that reads; the next finds all slots free
 * INVARIANTS
 *         D1  holds + attempts of a lock = its count + the slots that name it. Which record is whose does not matter: a hold that is given
 *             back consumes any one.
 *         D2  A slot is named and freed by its owner alone. TAKEN is stored by a claimer alone, under the latch.
 *         D3  Claim bit i is set and the latch is free => slot i is TAKEN, or its owner is between clearing it and looking at alert.
 *             So an owner that clears slot i and then finds bit i set gave back a hold that was consumed before.
 *         D4  While no claimer or writer has announced itself, alert is 0, once its owner has looked at it.
 *         D5  A line in which a slot is set is live: writers and claimers look at no others, however many threads there have been.
 * ORDER   S1 FSY_SLOT_CLEAR_: store_rel NULL     ->  S2 named: load_acq     (MP) the reader's section, to the writer
 *         S3 count out: cas_rel                  ->  S5 drain_count: load_acq        the same
 *         Y1 line published: swap of chunk, or of live -> Y2 each line: load  (MP) a zeroed line; set_live: load_acq, its way to its own
 *             chunk. Sequentially consistent, since a writer must not miss a line whose owner has read the word before the writer took it
 *         Y3 line left: and_rel of live          ->  Y2               (MP) what its thread has read, and the holds that are counted now
 *         Asymmetric store-buffering pairs:
 *             reader   slot = count; light; read word          writer    word = LOCKED; heavy; read slots
 *             owner    slot = NULL;  light; read alert         writer    alert += DRAIN; heavy; read slot
 *             owner    slot = NULL;  light; read alert         claimer   alert |= CLAIMER; heavy; cas slot
 *         A line that a writer misses was published after the writer's fence, so that its owner reads LOCKED.
 * FAIRNESS none here: who may enter is the lock's business.
 * LIFETIME lines live in pages that are never unmapped. After S1 (S3) the lock may be gone: from there on its address is used as a
 *         key alone. The claimer's CAS is its last access too; the exiting thread's is the addition that makes its hold a counted one.
 * WRONG WAYS  the owner clears without looking at alert again: it and a claimer consume one hold twice, and another stays for ever.
 *         The claimer stores NULL instead of TAKEN: an owner that took the slot anew could not tell its new hold from the old.
 * REFS    readers that announce themselves in lines of their own: brlock, percpu-rwsem, folly SharedMutex; asymmetric fence: liburcu. docs/adr/0010.
 */
#include "readers_line.h"
#include "../diag/hook.h"
#include "../park/wait.h"
#include "../sys/clock.h"
#include "../sys/membarrier.h"

enum { SETTLE_NS = 1000000 };

/* By the owner: what claimers have done to its line so far; the old alert. Every taken slot is free again, or each later runlock of this
 * thread would be alarmed. */
static uint32_t
settle_claims(void)
{
	uint32_t alert;

	fsyi_latch_lock(&fsyi_reader_latch);            /* a claimer is done, one way or the other */
	for (int i = 0; i < FSY_READER_SLOTS_; i++)
		if (fsy_atomic_ptr_load_rlx(&fsy_reader_->slot[i]) == TAKEN)
			fsy_atomic_ptr_store_rlx(&fsy_reader_->slot[i], NULL);
	alert = fsy_atomic_u32_and_rlx(&fsy_reader_->alert, ~(uint32_t)(ALERT_CLAIMER - 1));
	fsyi_latch_unlock(&fsyi_reader_latch);
	return alert;
}

fsy_atomic_ptr *
fsyi_reader_slot(const fsy_atomic_u32 *count)
{
	fsy_atomic_ptr *slot;

	if (!fsyi_reader_have_line())
		return NULL;
	slot = fsy_reader_slot_(count);
	if (FSY_UNLIKELY(fsy_atomic_ptr_load_rlx(slot) == TAKEN))       /* by another thread, rightly: this one is not giving it back */
		settle_claims();
	return fsy_atomic_ptr_load_rlx(slot) == NULL ? slot : NULL;
}

bool
fsyi_reader_alarm(const fsy_atomic_u32 *count)
{
	uint32_t claim = 1u << slot_index(count), alert = fsy_atomic_u32_load_rlx(&fsy_reader_->alert);

	fsyi_reader_answer();
	if (alert & (ALERT_ASKED - 1))          /* else only writers want to hear of it, and no claimer has come near (D3) */
		alert = settle_claims();
	if (alert & claim)
		return false;
	if (alert >= ALERT_SLEEPER)
		fsyi_readers_wake_writer(count);
	return true;
}

void
fsyi_reader_retreat(fsy_atomic_u32 *count, fsy_atomic_ptr *slot)
{
	FSY_SLOT_CLEAR_(slot);                                                                  /* S1 -> S2 */
	/* What was taken for a hold was an attempt: the hold that was meant is still there. */
	if (fsy_atomic_u32_load(&fsy_reader_->alert) != 0 && !fsyi_reader_alarm(count))
		fsyi_reader_claim(count);
}

void
fsyi_readers_wake_writer(const fsy_atomic_u32 *count)
{
	fsyi_word_wake_all(&fsyi_lot, drain_key(count), FSYI_KIND_WORD);
}

bool
fsyi_readers_count_out(fsy_atomic_u32 *count)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(count);

	/* Not an addition that is taken back if it was one too many: the lock may be gone by then. */
	do
		if ((seen & READERS_COUNT) == 0)
			return false;
	while (!fsy_atomic_u32_cas_rel(count, &seen, seen - READERS_ONE));                     /* S3 -> S5 */
	if (seen == (READERS_ONE | READERS_DRAINING))
		fsyi_readers_wake_writer(count);
	return true;
}

void
fsyi_readers_heavy_fence(const void *object)
{
	if (!FSY_ASYMMETRIC_)
		return;
	fsyi_count_membarrier(object);
	/* Refused by a filter that came since: a store leaves its buffer within microseconds, and new readers are counted. */
	if (!fsyi_membarrier())
		fsyi_delay(SETTLE_NS);
}
