/* SPDX-License-Identifier: MIT */
/* owner.h - the slow half of locks that know their owner; <fastsync/owner.h> is the inline half. */
#ifndef FSYI_OWNER_H
#define FSYI_OWNER_H

#include <fastsync/owner.h>

/* What stands in an owner word beside a serial. */
#define OWNER_SERIAL     0x0fffffffu
#define OWNER_UNWATCHED  0x10000000u    /* nobody will tell when this thread ends */
#define OWNER_UNDERTAKER 0x20000000u    /* its owner has died, and is giving it back at this moment */
#define OWNER_FENCED     FSY_SIGNED_FENCED_

/* The calling thread gets a serial if it has none, and may use the inline paths as soon as that is possible. */
void fsyi_owner_enrol(void);

/* Whether this is the calling thread's signature. */
static inline bool
fsyi_owner_is_me(uint32_t owner)
{
	return (owner & ~OWNER_FENCED) == FSY_SELF_->serial_ && owner != 0;
}

/* The calling thread, which has the lock, signs it. */
void fsyi_owner_sign(fsy_atomic_u32 *owner);

/* Whether the owner has ended without giving the lock back; what it did before is then visible. */
bool fsyi_owner_is_dead(fsy_atomic_u32 *owner);

/* If so, the lock becomes the calling thread's; one of those who try gets it. */
bool fsyi_owner_inherit(fsy_atomic_u32 *owner);

/* The calling thread, already declared dead, takes a lock of the thread that it was out of everybody's reach. False: too late. */
bool fsyi_owner_bury(fsy_atomic_u32 *owner, uint32_t former);

/* Supplied by the kinds of locks: gives back, poisoned, whatever this dead thread holds and others sleep for. */
void fsyi_poison_bequeath(uint32_t former);

#endif
