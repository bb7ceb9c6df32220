/* SPDX-License-Identifier: MIT */
/*
 * owner.h - who holds a lock: the inline half of locks that know their owner (poison.h). Private to them; what a
 * program has inlined of it is ABI and stands in docs/abi.md. lib/sync/owner.c is the rest.
 *
 * SELF   every thread that has used such a lock has a serial number, which no other living thread has, and which no later
 *        one gets until some 268 million have been. The owner of a lock leaves its serial beside the lock word, after it
 *        has taken the word and until just before it gives it back: who finds the word taken can look up whether its owner
 *        still lives. No list of the locks a thread holds is kept, only their number.
 */
#ifndef FASTSYNC_OWNER_H
#define FASTSYNC_OWNER_H

#include <fastsync/lockword.h>

FSY_BEGIN_DECLS

/* The calling thread. id_ is how it signs: its serial, and whether what it takes is to be given back by the fenced form, since
 * it could not read attention when that was asked last; negative while it has no serial. */
struct fsy_self_ {
	int32_t id_;
	uint32_t held_;                 /* how many locks it holds */
	uint32_t serial_;               /* 0 = none yet */
	uint32_t former_;               /* its serial before it was declared dead, in its last destructors */
};

#define FSY_NOBODY_ INT32_MIN
#define FSY_SIGNED_FENCED_ 0x40000000u

/* Never kept in a pointer: a sanitizer would compare that with NULL by the flags of an instruction that the linker replaces by one
 * that sets none (add by lea, where the variable turns out to be the program's own). */
#ifndef FSY_SELF_
extern FSY_API __thread __attribute__((tls_model("initial-exec"))) struct fsy_self_ fsy_me_;
#define FSY_SELF_ (&fsy_me_)
#endif

static FSY_ALWAYS_INLINE uint32_t
fsy_owner_signature_(void)
{
	return (uint32_t)FSY_SELF_->id_ | (FSY_ASYMMETRIC_ ? 0 : FSY_SIGNED_FENCED_);
}

/* Takes a free word and signs it. False: the slow path. */
static FSY_ALWAYS_INLINE bool
fsy_owner_take_(fsy_atomic_u32 *word, fsy_atomic_u32 *owner)
{
	uint32_t signature = fsy_owner_signature_();

	if (FSY_UNLIKELY((int32_t)signature < 0))
		return false;
#if FSY_ASYMMETRIC_
	fsy_half_ *half = (fsy_half_ *)(void *)&word->cell_;
	uint16_t free = 0;

	if (FSY_UNLIKELY(!FSY_RAW_CAS_(half, &free, FSY_LW_LOCKED_, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))  /* A1 <- R1,R2 */
		return false;
#else
	if (!fsy_lockword_acquire_(word, NULL))
		return false;
#endif
	fsy_atomic_u32_store_rel(owner, signature);                                             /* X1 -> X2 */
	FSY_SELF_->held_++;
	return true;
}

/* Gives back a word that the calling thread has signed. False: it has not, or in the other form: the slow path. */
static FSY_ALWAYS_INLINE bool
fsy_owner_give_(fsy_atomic_u32 *word, fsy_atomic_u32 *owner, enum fsy_release_ *how)
{
	uint32_t signature = fsy_owner_signature_();

	if (FSY_UNLIKELY(fsy_atomic_u32_load_rlx(owner) != signature))
		return false;
	fsy_atomic_u32_store_rlx(owner, 0);
	FSY_SELF_->held_--;
	*how = FSY_UNLIKELY(signature & FSY_SIGNED_FENCED_) ? fsy_lockword_give_fenced_(word) : fsy_lockword_give_(word);
	return true;
}

FSY_END_DECLS

#endif
