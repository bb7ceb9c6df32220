/* SPDX-License-Identifier: MIT */
/*
 * reader.h - the inline half of the readers' mode: how a thread reads under a lock without writing
 * anything that another thread writes. Private to the locks built on it (rwmutex.h, fairlock.h);
 * everything here is ABI once it has been inlined into a program, and stands in docs/abi.md.
 * lib/sync/readers.c is the rest.
 *
 * Every thread that reads has a line of its own with a few slots. A read hold is either one in the
 * lock's central count, or a slot that names that count. Which slot a lock may use in a line
 * follows from its address, so that a writer looks at one slot of each line.
 *
 *   reader    slot = count; light barrier; the lock word says "reading, no writer" -> it holds
 *   writer    word = writer; heavy barrier (membarrier); waits until no slot names the count
 *   runlock   slot = NULL; light barrier; alert != 0 -> somebody wants to hear of it
 *
 * Where writers are too frequent for that the reader executes the heavy half, or the writer asks the readers that are known to it (readers_ask.c).
 *
 * A slot is written by its thread alone, but for one case: a hold may be given back by another
 * thread, or by its thread's exit. Whoever does that announces it in alert, executes the heavy
 * barrier, and takes the slot away by compare-and-swap; the owner, which clears its slot by a plain
 * store, looks at alert afterwards and learns whether it came first.
 */
#ifndef FASTSYNC_READER_H
#define FASTSYNC_READER_H

#include <fastsync/lockword.h>

FSY_BEGIN_DECLS

#define FSY_READER_SLOTS_BITS_ 3
#define FSY_READER_SLOTS_      (1 << FSY_READER_SLOTS_BITS_)
#define FSY_READER_JOINS_BITS_ 2
#define FSY_READER_JOINS_      (1 << FSY_READER_JOINS_BITS_)

struct fsy_reader_ {
	fsy_atomic_ptr slot[FSY_READER_SLOTS_];
	fsy_atomic_u32 alert __attribute__((aligned(FSY_CACHELINE)));
	fsy_atomic_u32 fence;                    /* for a locked instruction beside what the next load reads */
	uint32_t reads;                          /* that were fenced */
	fsy_atomic_ptr joined[FSY_READER_JOINS_];        /* locks whose writers ask this thread, so that it need not fence */
};

/* The calling thread's line; before it has one, a line whose slots are all taken. */
extern FSY_API __attribute__((tls_model("initial-exec"))) __thread struct fsy_reader_ *fsy_reader_;

static FSY_ALWAYS_INLINE fsy_atomic_ptr *
fsy_reader_slot_(const fsy_atomic_u32 *count)
{
	return &fsy_reader_->slot[((uint32_t)((uintptr_t)count >> 3) * 0x9E3779B1u) >> (32 - FSY_READER_SLOTS_BITS_)];
}

/* Where it says so if the calling thread has joined a lock. */
static FSY_ALWAYS_INLINE fsy_atomic_ptr *
fsy_reader_joined_(const fsy_atomic_u32 *count)
{
	return &fsy_reader_->joined[((uint32_t)((uintptr_t)count >> 3) * 0x9E3779B1u) >> (32 - FSY_READER_JOINS_BITS_)];
}

/* Both are followed by a load that must not come before them: of the lock word, of alert. */
#if FSY_ASYMMETRIC_
#define FSY_SLOT_SET_(slot, value)                      \
	do {                                            \
		fsy_atomic_ptr_store_rlx(slot, value);  \
		FSY_LIGHT_BARRIER_();                   \
	} while (0)
#define FSY_SLOT_CLEAR_(slot)                           \
	do {                                            \
		fsy_atomic_ptr_store_rel(slot, NULL);   /* S1 -> S2 */ \
		FSY_LIGHT_BARRIER_();                   \
	} while (0)
#else
#define FSY_SLOT_SET_(slot, value) (void)fsy_atomic_ptr_swap(slot, value)
#define FSY_SLOT_CLEAR_(slot)      (void)fsy_atomic_ptr_swap(slot, NULL)
#endif

/* The fence between the slot that is set and the load of the lock word, where writers do not pay for it. */
static FSY_ALWAYS_INLINE void
fsy_reader_fence_(void)
{
#if FSY_ASYMMETRIC_ && !defined(FSYI_MACHINE) && !defined(__x86_64__)
	FSY_RAW_FENCE_();
#elif FSY_ASYMMETRIC_
	fsy_atomic_u32_or(&fsy_reader_->fence, 0);      /* a locked instruction on a line of one's own: cheaper than MFENCE */
#endif
}

/* What a lock word says to readers, if nothing else is to be said: slots are in use; and writers execute the heavy barrier; or they ask those who
 * have joined. */
#define FSY_READERS_FENCED_ 0x01000000u
#define FSY_READERS_PLAIN_  0x03000000u
#define FSY_READERS_JOINED_ 0x11000000u
#define FSY_READS_SAMPLED_  128

/* What fsy_reader_enter_ leaves behind in place of a slot: holds, and is one of the reads that the library looks at more closely. */
#define FSY_READ_SAMPLED_ ((fsy_atomic_ptr *)(void *)&fsy_reader_->fence)

/* One attempt: true = holds. False: the slot was not free (*taken = NULL), or is set (*taken) for an attempt that the library carries on since the
 * word said something else, or *taken is FSY_READ_SAMPLED_. joins: the lock has that mode; in a fair rwlock's word the bit is another's. */
static FSY_ALWAYS_INLINE bool
fsy_reader_enter_(const fsy_atomic_u32 *word, fsy_atomic_u32 *count, fsy_atomic_ptr **taken, bool joins)
{
	fsy_atomic_ptr *slot = fsy_reader_slot_(count);
	uint32_t seen;

	*taken = NULL;
	if (FSY_UNLIKELY(fsy_atomic_ptr_load_rlx(slot) != NULL))
		return false;
	FSY_SLOT_SET_(slot, count);
	*taken = slot;
	seen = fsy_atomic_u32_load(word);                                       /* S4 <- R1,R2,R3,V1 */
	if (FSY_LIKELY(seen == FSY_READERS_PLAIN_))
		return true;
	if (joins && seen == FSY_READERS_JOINED_) {
		if (FSY_LIKELY(fsy_atomic_ptr_load_rlx(fsy_reader_joined_(count)) == count))
			return true;
	} else if (seen != FSY_READERS_FENCED_) {
		return false;
	}
	fsy_reader_fence_();
	if (fsy_atomic_u32_load(word) != seen)                                  /* S4 <- R1,R2,R3,V1 */
		return false;
	if (FSY_LIKELY(++fsy_reader_->reads % FSY_READS_SAMPLED_ != 0))
		return true;
	*taken = FSY_READ_SAMPLED_;
	return false;
}

/* Gives a hold back if this thread's slot has it. alarm: somebody wants to hear of it, or gave the same hold back before. */
static FSY_ALWAYS_INLINE bool
fsy_reader_leave_(const fsy_atomic_u32 *count, bool *alarm)
{
	fsy_atomic_ptr *slot = fsy_reader_slot_(count);

	if (FSY_UNLIKELY(fsy_atomic_ptr_load_rlx(slot) != count))
		return false;
	FSY_SLOT_CLEAR_(slot);
	*alarm = fsy_atomic_u32_load_rlx(&fsy_reader_->alert) != 0;
	return true;
}

FSY_END_DECLS

#endif
