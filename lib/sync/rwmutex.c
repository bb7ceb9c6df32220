/* SPDX-License-Identifier: MIT */
/*
 * rwmutex.c - Go's RWMutex on the adaptive lock: writers take the word; readers look at it, and announce themselves in a slot of their own or
 * in the count.
 *
 * WORD    31     28     26      25    24    23..0
 *        +------+------+-------+-----+-----+-------------------------------+
 *        |PARKED|JOINED|FOREIGN|PLAIN|SLOTS| the adaptive lock, for writers |
 *        +------+------+-------+-----+-----+-------------------------------+
 *         LOCKED    a writer holds the lock, or waits for the readers that are there. No reader enters.
 *         SLOTS     slots may name the lock: the writer looks.
 *         PLAIN     readers rely on the writer's membarrier. Without it they fence,
 *         JOINED    unless they have joined: those the writer asks (readers_ask.c).
 *         FOREIGN   a hold was given back by another thread than took it: readers count, for good.
 *         PARKED    readers are queued (at word + 1): the unlock lets them in before it releases.
 *         readers_, the slots: readers.c. calm_, writes_: guesses about how often the lock is written.
 *         doubt_: whether readers answer.
 * STATES  mode: counting (0) -> fencing (SLOTS) -> plain (SLOTS, PLAIN), where nobody writes -> fencing, by a writer
 *                                              -> joined (SLOTS, JOINED), where reads are many times more frequent -> fencing, by a writer
 *                                              -> counting, by a writer that finds the lock hardly read
 *         reader: attempting (slot or count, then the word is read) -> holding | retreating -> awake, waiting -> parked -> holding
 *         writer: as the mutex's -> LOCKED, draining slots, then the count -> holding
 * INVARIANTS
 *         W1  A reader holds only after its announcement and, later, the word without LOCKED were seen; a writer only after LOCKED was set
 *             and, later, no announcement was there. The fences between are the pairs below.
 *         W2  SLOTS, PLAIN and JOINED are set by a reader that holds, in a compare-and-swap that finds the word at rest otherwise; PLAIN is
 *             cleared by the writer before its membarrier, JOINED after it has asked, SLOTS after no slot names the lock.
 *         W3  PARKED is set while a reader is queued; it changes under the bucket lock alone (I4).
 *         W4  A queued reader is counted under the bucket lock by the holder of LOCKED, which clears it in the same hold of the bucket; or it
 *             is woken to try again.
 * ORDER   R1, R2 release (lockword.h), R3 admit: and_rel -> A1, A2, A3 (lockword.c)       the same
 *         R1, R2, R3                            ->  S4 inline enter: load_acq; S6 slow attempts: load     (MP) the writer's section
 *         S1 -> S2, S3 -> S5 (readers.c)        the reader's section, to the next writer
 *         K1, K3 -> K2 (park.c)                 the admitted reader hears of the writer that admitted it
 *         Store-buffering pairs, forbidden outcome "both are in":
 *             reader   slot = lock; fence; read word     writer   take the word (full fence); read slots
 *             reader   slot = lock; light; read word     writer   take the word; membarrier; read slots
 *             reader that has joined: the same           writer   take the word (full fence); ask (Q1, Q2 -> Q3); read slots
 *             reader   count += 1;  fence; read word     writer   take the word (full fence); read count
 *         and "a reader sleeps and nobody comes": as in lockword.c, with the readers' queue for the searcher.
 * FAIRNESS a reader that is queued when a writer unlocks holds the lock before the next writer does: the count goes up while LOCKED is still set.
 *         Writers among themselves: lockword.c. A reader is awake, and not queued, for one spin at most.
 * LIFETIME the release of the word (S1, S3 for readers) is the last access. What follows goes by address, and reads the word only while a reader
 *         is queued there.
 * WRONG WAYS  admitting the queued readers after the release: the next writer is faster than their wake-ups, for ever. Waking them
 *         before it: the last of them does away with the lock, which is then released (I1).
 *         Counting a reader for a moment, to see whether it may enter, and counting it out as if the count were its own: a foreign runlock may
 *         have consumed it, and then the hold that was meant is still there.
 *         Clearing PLAIN by a byte store: it would undo a PARKED that is set at that moment.
 * REFS    Go's sync.RWMutex (the contract); see readers.c and docs/adr/0010 for the modes.
 */
#include "rwmutex.h"
#include "readers_line.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"
#include <fastsync/error.h>

/* The writer has taken the word: its full fence against readers that fence or count. */
static void
fence_after_take(fsy_rwmutex_t *rw)
{
#if FSY_ASYMMETRIC_ && defined(__x86_64__)
	(void)rw;                               /* the compare-and-swap was one */
	FSY_LIGHT_BARRIER_();
#else
	fsy_atomic_u32_or(&rw->word_, 0);
#endif
}

/* Byte 3 of the word. A load of the bytes that the compare-and-swap has just written would stall; of their neighbour it does not. */
static uint32_t
mode_of(fsy_rwmutex_t *rw)
{
#if FSY_ASYMMETRIC_
	return (uint32_t)FSY_RAW_LOAD_((const uint8_t *)(const void *)&rw->word_ + 3, __ATOMIC_RELAXED) << 24;
#else
	return fsy_atomic_u32_load_rlx(&rw->word_);
#endif
}

int
fsyi_rwmutex_drain(fsy_rwmutex_t *rw, fsy_deadline_t deadline)
{
	int error = 0;
	uint32_t mode;

	fence_after_take(rw);
	mode = mode_of(rw);
	if (FSY_UNLIKELY(mode & RW_SLOTS)) {
		fsyi_fork_check();
		if (mode & RW_PLAIN) {
			fsy_atomic_u32_and_rlx(&rw->word_, ~RW_PLAIN);
			fsyi_readers_heavy_fence(rw);
		} else if (mode & RW_JOINED) {
			error = fsyi_rwmutex_ask(rw, deadline);
		}
		if (error == 0 && readers_in_slots(&rw->readers_))
			error = fsyi_readers_drain_slots(&rw->readers_, deadline);
		if (error != 0)
			return error;
		fsyi_rwmutex_judge(rw, mode);
	} else if ((mode & RW_WRITTEN) && rwmutex_get(&rw->calm_) != 0) {
		rwmutex_put(&rw->calm_, 0);
	}
	FSY_RAW_STORE_(&rw->writes_, (uint16_t)(FSY_RAW_LOAD_(&rw->writes_, __ATOMIC_RELAXED) + 1), __ATOMIC_RELAXED);
	if (FSY_LIKELY((fsy_atomic_u32_load(&rw->readers_) & ~READERS_DRAINING) == 0))        /* S5 <- S3 */
		return 0;
	return fsyi_readers_drain_count(&rw->readers_, deadline);
}

void
fsy_rwmutex_unlock(fsy_rwmutex_t *rw)
{
	struct fsyi_lockword lock = fsyi_rwmutex_word(rw);
	enum fsy_release_ how;

	if (FSY_UNLIKELY(mode_of(rw) & RW_PARKED) && (fsy_atomic_u32_load_rlx(&rw->word_) & LW_LOCKED)) {
		fsyi_fork_check();
		fsyi_rwmutex_unlock_admitting(rw);
		return;
	}
	how = fsy_lockword_release_(&rw->word_, &rw->held_);
	if (FSY_LIKELY(how == FSY_RELEASED_))
		return;
	if (how == FSY_SUSPECT_)
		how = fsyi_lockword_unlock_suspect(&lock);
	if (how == FSY_SUSPECT_)
		fsyi_fatal("unlock of unlocked rwmutex %p", (void *)rw);
	if (how == FSY_RELEASED_WAKE_) {
		fsyi_fork_check();
		fsyi_rwmutex_call_late(rw);
		fsyi_lockword_wake(&lock, FSYI_WAKE_LATER);
	}
}

int
fsyi_rwmutex_stop(fsy_rwmutex_t *rw, fsy_deadline_t deadline)
{
	struct fsyi_lockword lock = fsyi_rwmutex_word(rw);

	if (FSY_LIKELY(fsy_lockword_acquire_(&rw->word_, &rw->held_)))
		return 0;
	fsyi_reader_part(&rw->readers_);        /* instead of the answer that the writer waits for */
	return fsyi_lockword_lock(&lock, deadline);
}

static int
take(fsy_rwmutex_t *rw, fsy_deadline_t deadline)
{
	int error = fsyi_rwmutex_stop(rw, deadline);

	if (error != 0)
		return error;
	error = fsyi_rwmutex_drain(rw, deadline);
	if (error != 0)
		fsy_rwmutex_unlock(rw);
	return error;
}

void
fsy_rwmutex_lock(fsy_rwmutex_t *rw)
{
	take(rw, FSY_FOREVER);
}

int
fsy_rwmutex_lock_until(fsy_rwmutex_t *rw, fsy_deadline_t deadline)
{
	return take(rw, deadline);
}

/* Readers that are seen without taking the word need not hear of it. */
bool
fsy_rwmutex_trylock(fsy_rwmutex_t *rw)
{
	struct fsyi_lockword lock = fsyi_rwmutex_word(rw);
	uint32_t seen = fsy_atomic_u32_load_rlx(&rw->word_);

	fsyi_fork_check();
	if ((fsy_atomic_u32_load_rlx(&rw->readers_) & READERS_COUNT) != 0 || ((seen & RW_SLOTS) && readers_in_slots(&rw->readers_)))
		return false;
	if (!fsy_lockword_acquire_(&rw->word_, &rw->held_) && !fsyi_lockword_trylock(&lock))
		return false;
	if (fsyi_rwmutex_drain(rw, INT64_MIN) == 0)
		return true;
	fsy_rwmutex_unlock(rw);
	return false;
}

bool
fsyi_rwmutex_runlock(fsy_rwmutex_t *rw, bool left)
{
	bool alarm = false;

	if (!left) {
		left = fsy_reader_leave_(&rw->readers_, &alarm);
		if (left && !alarm)
			return true;
	}
	if (left && fsyi_reader_alarm(&rw->readers_))
		return true;
	if (fsyi_readers_count_out(&rw->readers_))
		return true;
	/* Neither this thread's nor counted: somebody else's slot. A lock that is used so counts its readers from now on. */
	fsyi_fork_check();
	fsy_atomic_u32_or_rlx(&rw->word_, RW_FOREIGN);
	return fsyi_reader_claim(&rw->readers_);
}

FSY_NOINLINE void
fsy_rwmutex_runlock_slow_(fsy_rwmutex_t *rw, bool left)
{
	if (!fsyi_rwmutex_runlock(rw, left))
		fsyi_fatal("runlock of unlocked rwmutex %p", (void *)rw);
}

void
fsy_rwmutex_destroy(fsy_rwmutex_t *rw)
{
	struct fsyi_lockword lock = fsyi_rwmutex_word(rw);
	uint32_t seen = fsy_atomic_u32_load_rlx(&rw->word_);

	fsyi_fork_check();
	if ((seen & LW_LOCKED) || (fsy_atomic_u32_load_rlx(&rw->readers_) & READERS_COUNT) != 0 ||
	    ((seen & RW_SLOTS) && readers_in_slots(&rw->readers_)))
		fsyi_fatal("destroy of locked rwmutex %p", (void *)rw);
	if ((seen & LW_BUSY) && fsyi_lockword_has_waiters(&lock))
		fsyi_fatal("destroy of rwmutex with waiters %p", (void *)rw);
	*rw = (fsy_rwmutex_t)FSY_RWMUTEX_INIT;
}
