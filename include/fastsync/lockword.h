/* SPDX-License-Identifier: MIT */
/*
 * lockword.h - the inline half of the adaptive lock: how a free word is taken and how it is
 * given back. Private to the locks built on it (mutex.h, poison.h); everything here is ABI once
 * it has been inlined into a program, and stands in docs/abi.md. lib/sync/lockword.c is the rest.
 *
 * WORD   byte 0  locked     nonzero while somebody holds the lock
 *        byte 1  barred     nonzero while only the searcher may take a free lock
 *        byte 2  queue      bit 0 queued, bit 1 searcher; the other bits belong to the slow path
 *        byte 3  the lock's own (poison, readers), but for its highest bit, call: others wait for a release than those of byte 2
 * HELD   a byte beside the word, for the misuse check: set once the word is taken, cleared before it is given back. The
 *        locked byte itself would be a slow witness: a load of bytes that a locked instruction has just written stalls for
 *        some 20 cycles, a load of their neighbour does not. 0 sends the unlock to the slow path, which asks the word. Not
 *        0 it is FSY_LW_HELD_, or where the holder was when it took the word: those who wait for its CPU need not look.
 *
 * A free lock is taken by turning the low half from 0 to 1 in one compare-and-swap. It is given
 * back by one plain store to byte 0, after which the object is not touched again: whether
 * somebody must be woken is read from the attention table, memory that the library owns and
 * never unmaps. A thread about to sleep with nobody awake to cover for it raises its slot,
 * executes membarrier, and looks at the word once more. Without membarrier fsy_attention_ is
 * NULL, and the word is given back by a read-modify-write that returns the queue bits.
 */
#ifndef FASTSYNC_LOCKWORD_H
#define FASTSYNC_LOCKWORD_H

#include <fastsync/atomic.h>
#if defined(__has_include) && !defined(FSYI_MACHINE)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define FSY_SINGLE_THREADED_ __libc_single_threaded
#endif
#endif
#ifndef FSY_SINGLE_THREADED_
#define FSY_SINGLE_THREADED_ 0
#endif

FSY_BEGIN_DECLS

#define FSY_LW_LOCKED_   0x00000001u
#define FSY_LW_BARRED_   0x00000100u
#define FSY_LW_QUEUED_   0x00010000u
#define FSY_LW_SEARCHER_ 0x00020000u
#define FSY_LW_HELD_     1
#define FSY_LW_POISON_   0x01000000u
#define FSY_LW_CALL_     0x80000000u

/* Sanitizers and the C11 model checker see no membarrier: they get the fenced form. */
#if defined(__SANITIZE_THREAD__) || defined(FSYI_FENCED)
#define FSY_ASYMMETRIC_ 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FSY_ASYMMETRIC_ 0
#endif
#endif
#ifndef FSY_ASYMMETRIC_
#define FSY_ASYMMETRIC_ 1
#endif

#define FSY_ATTENTION_BITS_ 16
extern FSY_API const uint8_t *fsy_attention_;

/* What giving the word back left to do: nothing, visit the lot, or everything: it does not look locked. */
enum fsy_release_ { FSY_RELEASED_, FSY_RELEASED_WAKE_, FSY_SUSPECT_ };

#ifndef FSY_LIGHT_BARRIER_
#define FSY_LIGHT_BARRIER_() __asm__ volatile("" ::: "memory")
#endif

typedef uint16_t fsy_half_ __attribute__((may_alias));

/* Fibonacci hashing of the address; locks are at least 4 bytes apart. */
static FSY_ALWAYS_INLINE uint32_t
fsy_attention_slot_(const void *object)
{
	return ((uint32_t)((uintptr_t)object >> 2) * 0x9E3779B1u) >> (32 - FSY_ATTENTION_BITS_);
}

static FSY_ALWAYS_INLINE bool
fsy_lockword_acquire_as_(fsy_atomic_u32 *word, uint8_t *held, uint8_t mark)
{
#if FSY_ASYMMETRIC_
	fsy_half_ *half = (fsy_half_ *)(void *)&word->cell_;
	uint16_t free = 0;

	if (FSY_UNLIKELY(FSY_SINGLE_THREADED_)) {       /* as glibc: no thread, no lock prefix */
		uint8_t *byte = (uint8_t *)(void *)half;

		/* Byte by byte: the last release stored one, and a wider load would wait until that has left the store buffer. */
		if ((FSY_RAW_LOAD_(byte, __ATOMIC_RELAXED) | FSY_RAW_LOAD_(byte + 1, __ATOMIC_RELAXED)) != 0)
			return false;
		FSY_RAW_STORE_(held, FSY_RAW_LOAD_(&fsy_attention_, __ATOMIC_RELAXED) != NULL ? mark : 0, __ATOMIC_RELAXED);
		FSY_RAW_STORE_(byte, FSY_LW_LOCKED_, __ATOMIC_RELAXED);
		FSY_LIGHT_BARRIER_();
		return true;
	}
	if (FSY_UNLIKELY(!FSY_RAW_CAS_(half, &free, FSY_LW_LOCKED_, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))      /* A1 <- R1,R2,R3 */
		return false;
	if (FSY_LIKELY(FSY_RAW_LOAD_(&fsy_attention_, __ATOMIC_RELAXED) != NULL))
		FSY_RAW_STORE_(held, mark, __ATOMIC_RELEASE);                   /* H1 -> H2 */
	return true;
#else
	uint32_t seen = fsy_atomic_u32_load_rlx(word);

	(void)held;
	(void)mark;
	while (!(seen & (FSY_LW_LOCKED_ | FSY_LW_BARRED_)))
		if (fsy_atomic_u32_cas_acq(word, &seen, seen | FSY_LW_LOCKED_))      /* A1 <- R1,R2,R3 */
			return true;
	return false;
#endif
}

static FSY_ALWAYS_INLINE bool
fsy_lockword_acquire_(fsy_atomic_u32 *word, uint8_t *held)
{
	return fsy_lockword_acquire_as_(word, held, FSY_LW_HELD_);
}

/* Gives the word back by the plain store; fsy_attention_ must not be NULL. The object is not touched after it. */
static FSY_ALWAYS_INLINE enum fsy_release_
fsy_lockword_give_(fsy_atomic_u32 *word)
{
	const uint8_t *attention = FSY_RAW_LOAD_(&fsy_attention_, __ATOMIC_RELAXED) + fsy_attention_slot_(word);

	FSY_RAW_STORE_((uint8_t *)(void *)&word->cell_, 0, __ATOMIC_RELEASE);           /* R1 -> A1,A2,A3,S4,S6 */
	FSY_LIGHT_BARRIER_();                             /* its heavy half: membarrier in lockword_queue.c */
	return FSY_UNLIKELY(FSY_RAW_LOAD_(attention, __ATOMIC_RELAXED) != 0) ? FSY_RELEASED_WAKE_ : FSY_RELEASED_;
}

/* Gives it back by a read-modify-write, whose result says what membarrier would have. */
static FSY_ALWAYS_INLINE enum fsy_release_
fsy_lockword_give_fenced_(fsy_atomic_u32 *word)
{
	uint32_t old = fsy_atomic_u32_add_rel(word, 0u - FSY_LW_LOCKED_);           /* R2 -> A1,A2,A3,S4,S6 */

	if (FSY_UNLIKELY(!(old & FSY_LW_LOCKED_))) {
		fsy_atomic_u32_add_rlx(word, FSY_LW_LOCKED_);
		return FSY_SUSPECT_;
	}
	if (FSY_LIKELY(!(old & (FSY_LW_QUEUED_ | FSY_LW_CALL_))))
		return FSY_RELEASED_;
	return (old & FSY_LW_CALL_) || !(old & FSY_LW_SEARCHER_) ? FSY_RELEASED_WAKE_ : FSY_RELEASED_;
}

static FSY_ALWAYS_INLINE enum fsy_release_
fsy_lockword_release_(fsy_atomic_u32 *word, uint8_t *held)
{
#if FSY_ASYMMETRIC_
	if (FSY_LIKELY(FSY_RAW_LOAD_(held, __ATOMIC_ACQUIRE) != 0)) {           /* H2 <- H1 */
		FSY_RAW_STORE_(held, 0, __ATOMIC_RELAXED);
		return fsy_lockword_give_(word);
	}
	if (FSY_RAW_LOAD_(&fsy_attention_, __ATOMIC_RELAXED) != NULL)
		return FSY_SUSPECT_;
#else
	(void)held;
#endif
	return fsy_lockword_give_fenced_(word);
}

FSY_END_DECLS

#endif
