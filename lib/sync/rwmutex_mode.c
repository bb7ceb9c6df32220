/* SPDX-License-Identifier: MIT */
/*
 * rwmutex_mode.c - how readers are to announce themselves: what writers and readers conclude from what they see of each other.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of rwmutex.c and readers.c. A wrong guess costs time, and nothing else (W2).
 */
#include "rwmutex.h"
#include "readers_line.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/tune.h"
#include <fastsync/error.h>

/* So many lines are searched for next to nothing. Of more lines each counts a point in CHEAP_LINES * POINT_WRITES writes; signs come every
 * FSY_READS_SAMPLED_ reads. So slots are used where lines are fewer than some 16 times the reads between two writes: a counted read costs
 * one locked instruction more, some 10 ns, and a look at a line 1 ns. */
enum { CHEAP_LINES = 8, POINT_WRITES = 4 };

/* Where writers have asked in vain readers begin to join at one in 2^doubt_ occasions; DOUBT_WRITES that were answered make it twice as
 * many. What holds of the mixture of reads and writes is looked at anew every LEASE_WRITES: who has joined does not count its reads. */
enum { DOUBTED = 2, MOST_DOUBT = 10, DOUBT_WRITES = 64, LEASE_WRITES = 4096 };

/* Counted reads after which slots are used: of a new lock, and in a row without a writer of one that has been found too often written. */
enum { NEW_READS = 16, CALM_READS = 64 };

/* Readers join a lock that is written, but not more than so often between two samples of one thread for each other one that runs, as far as is
 * known, and has to answer. (With 28 writes, 90 % of reads, two threads that joined all the same had 0.95 of the rate, 64 threads 0.99.) */
enum { SAMPLES_PER_CLOCK = 8, JOIN_WRITES = 4 };

/* What this thread has seen in its samples: since when no write of that lock. The clock is read in a few of them. */
static __thread struct {
	const void *lock;
	uint16_t writes;
	uint16_t samples;
	int64_t since;
} quiet __attribute__((tls_model("initial-exec")));

/* A write of a lock that readers have joined. */
static void
look_anew(fsy_rwmutex_t *rw)
{
	if (rwmutex_get(&rw->doubt_) > 0 && rwmutex_writes(rw) % DOUBT_WRITES == 0)
		rwmutex_put(&rw->doubt_, rwmutex_get(&rw->doubt_) - 1);
	if (rwmutex_writes(rw) % LEASE_WRITES == 0)
		fsy_atomic_u32_and_rlx(&rw->word_, ~RW_JOINED);
}

/* No slot names the lock: whether to go on using them. The more lines there are to search, the sooner it is not worth it. */
void
fsyi_rwmutex_judge(fsy_rwmutex_t *rw, uint32_t mode)
{
	int calm = rwmutex_get(&rw->calm_), against = calm & ~RW_READ_SIGN;

	if (mode & RW_JOINED)
		look_anew(rw);
	if (calm & RW_READ_SIGN)
		against /= 2;
	else
		against += (int)(fsy_atomic_u32_load_rlx(&fsyi_reader_lines) / CHEAP_LINES + rwmutex_writes(rw) % POINT_WRITES) / POINT_WRITES;
	if (FSY_LIKELY(against < RW_READ_SIGN && !(mode & RW_FOREIGN) && fsyi_readers_enabled())) {
		if (against != calm)
			rwmutex_put(&rw->calm_, against);
		return;
	}
	rwmutex_put(&rw->calm_, 0);
	fsy_atomic_u32_or_rlx(&rw->word_, RW_WRITTEN);
	fsy_atomic_u32_and_rlx(&rw->word_, ~(RW_READING | RW_JOINED));
}

int
fsyi_rwmutex_ask(fsy_rwmutex_t *rw, fsy_deadline_t deadline)
{
	int doubt = rwmutex_get(&rw->doubt_) + DOUBTED;

	switch (fsyi_readers_ask(&rw->readers_, deadline)) {
	case FSYI_READING:
		return FSY_ETIMEDOUT;
	case FSYI_SILENT:
		rwmutex_put(&rw->doubt_, doubt < MOST_DOUBT ? doubt : MOST_DOUBT);
		fsy_atomic_u32_and_rlx(&rw->word_, ~RW_JOINED);
		break;
	case FSYI_ANSWERED:             /* who has joined leaves no other sign that it reads */
		rwmutex_put(&rw->calm_, rwmutex_get(&rw->calm_) | RW_READ_SIGN);
		break;
	case FSYI_NOBODY_JOINED:
		break;
	}
	return 0;
}

/* Of a lock with this many writes in this many samples. Where writers have asked in vain not as often as there is reason to. */
static bool
may_join(const fsy_rwmutex_t *rw, uint32_t written, uint32_t samples)
{
	uint32_t lines = fsy_atomic_u32_load_rlx(&fsyi_reader_lines), cpus = (uint32_t)fsyi_cpu_count();
	uint32_t run = lines < cpus ? lines : cpus, others = run > 2 ? run - 1 : 1;

	return cpus > 1 && written > 0 && written * others <= JOIN_WRITES * samples &&
	       (fsy_reader_->reads / FSY_READS_SAMPLED_ & ((1u << rwmutex_get(&rw->doubt_)) - 1)) == 0;
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

	if (known && ++quiet.samples % SAMPLES_PER_CLOCK != 0 && written == 0)
		return;
	now = fsyi_now();
	calm = known && now - quiet.since >= fsyi_tune.readers_calm_ns;
	if (FSY_ASYMMETRIC_ && known && (seen & ~RW_JOINED) == RW_SLOTS && fsyi_readers_enabled()) {
		if (calm && written == 0)
			fsy_atomic_u32_cas_rlx(&rw->word_, &seen, RW_READING);
		else if (!calm && (seen & RW_JOINED))
			fsyi_reader_join(&rw->readers_);
		else if (!calm && may_join(rw, written, quiet.samples))
			fsy_atomic_u32_cas_rlx(&rw->word_, &seen, FSY_READERS_JOINED_);
	}
	if (!known || written > 0) {
		quiet.lock = rw;
		quiet.writes = rwmutex_writes(rw);
		quiet.samples = 0;
		quiet.since = now;
	}
}

/* Once in a while the first reader after a write leaves a sign in the lock: the next writer learns that it is read. */
void
fsyi_rwmutex_leave_sign(fsy_rwmutex_t *rw)
{
	int calm = rwmutex_get(&rw->calm_);

	if (!(calm & RW_READ_SIGN))
		rwmutex_put(&rw->calm_, calm | RW_READ_SIGN);
	stop_fencing(rw);
}

void
fsyi_rwmutex_count_calm(fsy_rwmutex_t *rw, uint32_t seen)
{
	int calm = rwmutex_get(&rw->calm_) + 1;

	if (calm < (seen & RW_WRITTEN ? CALM_READS : NEW_READS)) {
		rwmutex_put(&rw->calm_, calm);
		return;
	}
	rwmutex_put(&rw->calm_, 0);
	if (fsyi_readers_enabled())
		fsy_atomic_u32_cas_rlx(&rw->word_, &seen, RW_SLOTS);
}
