/* SPDX-License-Identifier: MIT */
/*
 * rwmutex_read.c - the reader's slow half: attempts by slot and by count, and the change of mode.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of rwmutex.c and readers.c.
 */
#include "rwmutex.h"
#include "../sys/clock.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"
#include "../sys/tune.h"

/* Counted reads after which slots are used: of a new lock, and in a row without a writer of one that has been found too often written. */
enum { NEW_READS = 16, CALM_READS = 64 };

/* Readers join a lock that is written, but not more than so often between two samples of one thread. (With 28 writes, 90 % of reads, threads spend
 * more time on answers than on fences.) */
enum { SAMPLES_PER_CLOCK = 8, JOIN_WRITES = 8 };

/* What this thread has seen in its samples: since when no write of that lock. The clock is read in a few of them. */
static __thread struct {
	const void *lock;
	uint16_t writes;
	uint16_t samples;
	int64_t since;
} quiet __attribute__((tls_model("initial-exec")));

static void
store_byte(uint8_t *byte, int value)
{
	FSY_RAW_STORE_(byte, (uint8_t)value, __ATOMIC_RELAXED);
}

static int
load_byte(const uint8_t *byte)
{
	return FSY_RAW_LOAD_(byte, __ATOMIC_RELAXED);
}

/* Not as often as there is reason to where writers have asked in vain. */
static bool
may_join(const fsy_rwmutex_t *rw)
{
	return (fsy_reader_->reads / FSY_READS_SAMPLED_ & ((1u << load_byte(&rw->doubt_)) - 1)) == 0;
}

/*
 * By a reader that holds rw by slot, with a fence at each read. Once writers have become rare they may pay for the fences instead; where they
 * have not, but readers come far oftener, they ask.
 */
static void
stop_fencing(fsy_rwmutex_t *rw)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(&rw->word_) & ~LW_LOCKED;
	uint16_t written = (uint16_t)(rwmutex_writes(rw) - quiet.writes);
	bool known = quiet.lock == rw, calm;
	int64_t now;

	if (seen & RW_JOINED)
		fsyi_reader_join(&rw->readers_);
	if (known && written == 0 && ++quiet.samples % SAMPLES_PER_CLOCK != 0)
		return;
	now = fsyi_now();
	calm = known && now - quiet.since >= fsyi_tune.readers_calm_ns;
	if (FSY_ASYMMETRIC_ && seen == RW_SLOTS && known && fsyi_readers_enabled()) {
		if (calm && written == 0)
			fsy_atomic_u32_cas_rlx(&rw->word_, &seen, RW_READING);
		else if (!calm && written > 0 && written <= JOIN_WRITES && may_join(rw))
			fsy_atomic_u32_cas_rlx(&rw->word_, &seen, RW_SLOTS | RW_JOINED);
	}
	if (!known || written > 0) {
		quiet.lock = rw;
		quiet.writes = rwmutex_writes(rw);
		quiet.since = now;
	}
}

/* Once in a while the first reader after a write leaves a sign in the lock: the next writer learns that it is read. */
static void
leave_sign(fsy_rwmutex_t *rw)
{
	int calm = load_byte(&rw->calm_);

	if (!(calm & RW_READ_SIGN))
		store_byte(&rw->calm_, calm | RW_READ_SIGN);
	stop_fencing(rw);
}

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

static void
count_calm(fsy_rwmutex_t *rw, uint32_t seen)
{
	int calm = load_byte(&rw->calm_) + 1;

	if (calm < (seen & RW_WRITTEN ? CALM_READS : NEW_READS)) {
		store_byte(&rw->calm_, calm);
		return;
	}
	store_byte(&rw->calm_, 0);
	if (fsyi_readers_enabled())
		fsy_atomic_u32_cas_rlx(&rw->word_, &seen, RW_SLOTS);
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
		count_calm(rw, seen);
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
		leave_sign(rw);
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
