/* SPDX-License-Identifier: MIT */
/*
 * readers_ask.c - readers that need no fence since writers ask each of them: a handshake in place of the membarrier.
 *
 * WORD    joined: NULL, or the central count of a lock that the line's thread has joined. alert: ALERT_ASKED, a writer waits for an answer.
 *             The other words: readers.c.
 * STATES  a thread and a lock: fencing -> joined (a swap by the owner, a fence) -> fencing, by the owner that finds a writer, or by a writer that
 *             has no answer. All this concerns a lock only while its word says that writers ask.
 * INVARIANTS
 *         D6  A thread that has joined reads without a fence, and a writer that has stopped new readers finds it joined, or finds all its slots.
 *         D7  An entry is set by its owner alone, with a fence behind it, and cleared by the owner, or by a writer of the very lock that it names,
 *             which keeps readers out and has executed a heavy fence.
 * ORDER   Q1 part, or another lock joined: store_rel, swap  ->  Q3 joined: load      (MP) the slots that were set before; the owner has seen the
 *             writer, or fences from now on
 *         Q2 answer: and                                  ->  Q3 alert: load_acq     the same
 *         Asymmetric store-buffering pair, forbidden outcome "a reader is in that the writer does not see":
 *             reader   slot = count; read word; read joined            writer   word = LOCKED; fence; read joined; alert |= ASKED;
 *             at its next runlock: read alert; alert &= ~ASKED (fence)          until that is cleared; read slots
 *         and, of a thread that joins:
 *             joined = count; fence; slot = count; read word           word = LOCKED; fence; read joined
 * FAIRNESS none here. A writer waits for answers as long as it would for short sections, and executes a heavy fence then.
 * LIFETIME a line is never unmapped, and an entry may outlive the lock that it names: one that is made there finds it joined, and may ask in
 *         vain once.
 * WRONG WAYS  a writer that clears an entry which by now names another lock: a reader of that one is in on the strength of it, and its
 *         writer does not ask. An entry that is a hash of the lock has the same fault.
 *         To take a slot that is seen free for an answer: the next hold may have read the word before that store left the buffer.
 * REFS    writers that wait until each reader has said that it saw them: quiescent states (liburcu qsbr), passive reader-writer locks (Liu,
 *         Zhang, Chen 2014), handshakes of garbage collectors. docs/adr/0010.
 */
#include "readers_line.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/tune.h"

enum { LOOKS_PER_CLOCK = 8 };

static fsy_atomic_ptr *
joined_of(struct fsy_reader_ *line, const fsy_atomic_u32 *count)
{
	return &line->joined[slot_index(count) / (FSY_READER_SLOTS_ / FSY_READER_JOINS_)];
}

void
fsyi_reader_join(fsy_atomic_u32 *count)
{
	fsy_atomic_ptr *joined = fsy_reader_joined_(count);

	if (fsy_atomic_ptr_load_rlx(joined) != count)
		(void)fsy_atomic_ptr_swap(joined, count);                                       /* Q1 -> Q3 */
}

/* Sequentially consistent: the load is one side of a store-buffering pair. */
static bool
has_joined(struct fsy_reader_ *line, const fsy_atomic_u32 *count)
{
	return line != fsy_reader_ && fsy_atomic_ptr_load(joined_of(line, count)) == count;     /* Q3 <- Q1 */
}

static bool
owes_answer(struct fsy_reader_ *line, const fsy_atomic_u32 *count)
{
	return has_joined(line, count) && (fsy_atomic_u32_load_acq(&line->alert) & ALERT_ASKED);         /* Q3 <- Q2 */
}

void
fsyi_reader_answer(void)
{
	if (fsy_atomic_u32_load_rlx(&fsy_reader_->alert) & ALERT_ASKED)
		fsy_atomic_u32_and(&fsy_reader_->alert, ~(uint32_t)ALERT_ASKED);                /* Q2 -> Q3 */
}

struct asking {
	const fsy_atomic_u32 *count;
	fsy_deadline_t deadline;
	int64_t start, silent_since;
};

static bool
is_seen_to_read(struct fsy_reader_ *line, const fsy_atomic_u32 *count)
{
	return fsy_atomic_ptr_load_rlx(&line->slot[slot_index(count)]) == count;
}

/* Who is seen to read has to be waited for in any case, and answers at its end. Others may ask this thread meanwhile. */
static enum fsyi_answer
await_answer(struct fsy_reader_ *line, struct asking *asking)
{
	int64_t now;

	for (int i = 1; owes_answer(line, asking->count); i++) {
		fsyi_relax();
		if (i % LOOKS_PER_CLOCK != 0)
			continue;
		fsyi_reader_answer();
		now = fsyi_now();
		if (asking->start == 0)
			asking->start = asking->silent_since = now;
		if (!is_seen_to_read(line, asking->count) || now - asking->start >= fsyi_tune.spin_ns) {
			if (now - asking->silent_since > fsyi_tune.brief_spin_ns)
				return FSYI_SILENT;
		} else if (fsyi_over(asking->deadline, now)) {
			return FSYI_READING;
		} else {
			asking->silent_since = now;
		}
	}
	return FSYI_ANSWERED;
}

static void
do_without_answers(fsy_atomic_u32 *count)
{
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;
	void *seen;

	fsyi_readers_heavy_fence(count);
	while ((line = walk_next(&walk)) != NULL) {
		seen = count;
		if (owes_answer(line, count))
			fsy_atomic_ptr_cas(joined_of(line, count), &seen, NULL);
	}
}

enum fsyi_answer
fsyi_readers_ask(fsy_atomic_u32 *count, fsy_deadline_t deadline)
{
	struct asking asking = { .count = count, .deadline = deadline };
	enum fsyi_answer answer = FSYI_NOBODY_JOINED;
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;

	while ((line = walk_next(&walk)) != NULL)
		if (has_joined(line, count)) {
			fsy_atomic_u32_or(&line->alert, ALERT_ASKED);
			answer = FSYI_ANSWERED;
		}
	walk = walk_lines();
	while (answer == FSYI_ANSWERED && (line = walk_next(&walk)) != NULL)
		answer = await_answer(line, &asking);
	if (answer == FSYI_SILENT)
		do_without_answers(count);
	return answer;
}
