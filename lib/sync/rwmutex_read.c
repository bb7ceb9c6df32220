/* SPDX-License-Identifier: MIT */
/*
 * rwmutex_read.c - the reader's slow half: attempts by slot and by count, the wait for a writer, and the change of mode.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of rwmutex.c and readers.c.
 */
#include "rwmutex.h"
#include "../diag/hook.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"
#include "../sys/futex.h"
#include "../sys/tune.h"

/* Counted reads after which slots are used: of a new lock, and in a row without a writer of one that has been found too often written. */
enum { NEW_READS = 16, CALM_READS = 64 };

enum { SAMPLES_PER_CLOCK = 8 };

/*
 * What a waiting reader has learned. Where sections are shorter than the passage of a cache line, it pays to let one side have the lock for
 * a while (as in the mutex); where they are longer, readers join at once. That is tried: DENSE writers per 1,024 ns while this thread
 * waited its turn show that it was right; otherwise the next few waits join at once, ever more of them.
 */
enum { NAP_NS = 100000, NAPS = 4, LONGEST_NAP = 6, LOOKS = 16, RELAXES = 4, LOOK_NS = 100, DENSE = 2, MOST_JOINS = 64 };

static __thread struct {
	const void *lock;
	int joins, next_joins;
} learned __attribute__((tls_model("initial-exec")));

/* Each nap is twice as long as the one before, until naps are over in time: the more threads want to run, the fewer may. */
static __thread int nap_level __attribute__((tls_model("initial-exec")));

/* Since when this thread, in its samples, has seen no write of that lock. The clock is read in a few of them. */
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

static uint16_t
writes(const fsy_rwmutex_t *rw)
{
	return FSY_RAW_LOAD_(&rw->writes_, __ATOMIC_RELAXED);
}

/* By a reader that holds rw by slot, with a fence at each read. Once writers have become rare they may pay for the fences instead. */
static void
stop_fencing(fsy_rwmutex_t *rw)
{
	uint32_t seen = RW_SLOTS;
	int64_t now;

	if (quiet.lock == rw && quiet.writes == writes(rw) && ++quiet.samples % SAMPLES_PER_CLOCK != 0)
		return;
	now = fsyi_now();
	if (quiet.lock != rw || quiet.writes != writes(rw)) {
		quiet.lock = rw;
		quiet.writes = writes(rw);
		quiet.since = now;
	} else if (FSY_ASYMMETRIC_ && fsyi_readers_enabled() && now - quiet.since >= fsyi_tune.readers_calm_ns) {
		fsy_atomic_u32_cas_rlx(&rw->word_, &seen, RW_READING);
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
	fsyi_reader_announce(slot, &rw->readers_);
	if ((fsy_atomic_u32_load(&rw->word_) & (LW_LOCKED | RW_SLOTS)) == RW_SLOTS) {       /* S6 <- R1,R2,R3 */
		return true;
	}
	fsyi_reader_retreat(&rw->readers_, slot);
	return false;
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

	if ((old & READERS_COUNT) == READERS_MOST)
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

static bool
attempt(fsy_rwmutex_t *rw)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(&rw->word_);
	fsy_atomic_ptr *slot;

	if (seen & LW_LOCKED)
		return false;
	if ((seen & (RW_SLOTS | RW_FOREIGN)) == RW_SLOTS && fsyi_readers_enabled()) {
		slot = fsyi_reader_slot(&rw->readers_);
		if (slot != NULL)
			return enter_by_slot(rw, slot);
	}
	return enter_by_count(rw);
}

/* With the writers' word taken: a hold that needs no fence, since the release comes after it. The readers that queued come too. */
static void
enter_as_owner(fsy_rwmutex_t *rw)
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

static void
learn(const fsy_rwmutex_t *rw, int passed, int64_t waited)
{
	if ((int64_t)passed * 1024 >= waited * DENSE) {
		learned.next_joins = 1;
		return;
	}
	learned.lock = rw;
	learned.joins = learned.next_joins;
	if (learned.next_joins < MOST_JOINS)
		learned.next_joins *= 2;
}

/* Leaves the lock to the other side for a while; then joins it, or takes its turn among the writers that are awake. */
static bool
stay_away(fsy_rwmutex_t *rw, int64_t start, fsy_deadline_t deadline)
{
	struct fsyi_lockword lock = fsyi_rwmutex_word(rw);
	uint16_t before = writes(rw);
	int64_t now;

	if (learned.lock != rw) {
		learned.lock = rw;
		learned.joins = 0;
		learned.next_joins = 1;
	}
	if (learned.joins > 0) {
		learned.joins--;
		return false;
	}
	now = fsyi_delay(fsyi_tune.first_look_ns);
	learn(rw, (uint16_t)(writes(rw) - before), now - start);
	if (attempt(rw))
		return true;
	if (!fsyi_lockword_lock_awake(&lock, deadline))
		return false;
	enter_as_owner(rw);
	return true;
}

/* Close by, for about as long as a short section takes. */
static bool
watch(fsy_rwmutex_t *rw)
{
	for (int look = 0; look < LOOKS; look++) {
		__builtin_prefetch(fsy_reader_slot_(&rw->readers_), 1);
		for (int i = 0; i < RELAXES; i++)
			fsyi_relax();
		if (attempt(rw))
			return true;
	}
	return false;
}

static bool
is_drained(const fsy_rwmutex_t *rw)
{
	return (fsy_atomic_u32_load_rlx(&rw->readers_) & READERS_DRAINING) != 0;
}

/*
 * The writer has gone to sleep over readers that do not run, and what they need is this CPU; or this thread has met that lately. Not by the
 * queue: whoever is queued is let in before the next writer, which would then wait for threads that do not run yet, and so on. Whoever
 * naps comes back by itself.
 */
static int64_t
nap(int64_t now, fsy_deadline_t deadline)
{
	fsy_atomic_u32 never = { 0 };
	fsy_deadline_t until = now + ((int64_t)NAP_NS << nap_level);

	fsyi_reader_met_crowd();
	if (nap_level < LONGEST_NAP)
		nap_level++;
	fsyi_futex_wait(&never, 0, until < deadline ? until : deadline);
	return fsyi_now();
}

static int
wait_until(fsy_rwmutex_t *rw, fsy_deadline_t deadline)
{
	int64_t start = fsyi_now(), now = start, sleep_at = start + fsyi_reader_patience();
	int naps = 0;

	if (now < deadline && now < sleep_at && !is_drained(rw) && (stay_away(rw, start, deadline) || watch(rw)))
		return 0;
	do {
		if (now >= deadline)
			return FSY_ETIMEDOUT;
		if ((is_drained(rw) || (now >= sleep_at && fsyi_reader_in_crowd())) && naps++ < NAPS)
			now = nap(now, deadline);
		else if (now < sleep_at)
			now = fsyi_delay(LOOK_NS);
		else if (fsyi_rwmutex_park(rw, deadline))
			break;
		else
			now = fsyi_now();
	} while (!attempt(rw));
	if (nap_level > 0)
		nap_level--;
	fsyi_count_contended(rw, fsyi_now() - start, false);
	return 0;
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
	return attempt(rw);
}

FSY_NOINLINE void
fsy_rwmutex_rlock_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot)
{
	if (!attempt_again(rw, slot))
		wait_until(rw, FSY_FOREVER);
}

FSY_NOINLINE bool
fsy_rwmutex_tryrlock_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot)
{
	return attempt_again(rw, slot);
}

FSY_NOINLINE int
fsy_rwmutex_rlock_until_slow_(fsy_rwmutex_t *rw, fsy_atomic_ptr *slot, fsy_deadline_t deadline)
{
	return attempt_again(rw, slot) ? 0 : wait_until(rw, deadline);
}
