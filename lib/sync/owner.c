/* SPDX-License-Identifier: MIT */
/*
 * owner.c - serials of threads: who holds a lock, and whether that thread still lives.
 *
 * WORD    owner:   31  30     29         28        27        0
 *                 +---+------+----------+---------+-----------+
 *                 | 0 |FENCED|UNDERTAKER|UNWATCHED|  serial   |    0 = nobody has signed
 *                 +---+------+----------+---------+-----------+
 *         living:  the serial of the living thread whose serial has this remainder, or 0.
 * STATES  of a thread: nobody -> (first lock) enrolled -> (its destructors have run) dead: serial no longer among the living
 *                             -> (no key, no memory, no room, too late) unwatched, for ever
 *         of an owner word: 0 -> signed -> 0
 *                                       -> (owner dead) signed by another
 *                                       -> (owner dead) UNDERTAKER -> 0
 * INVARIANTS
 *         U1  An owner word is 0 whenever its lock is free, and for a moment after it was taken and before it is given back.
 *         U2  A signature is written by the thread that holds the lock; only a dead thread's is replaced, and by a
 *             compare-and-swap, so that of all who find it dead one inherits, its own last destructor among them.
 *         U3  A serial that is not among the living never signs again: a stale look at an owner word can not make a lock
 *             change hands, because the compare-and-swap finds another signature.
 *         U4  A thread that has been declared dead no longer uses the inline paths, which write the owner word blindly.
 * ORDER   X1 sign: store_rel, cas_rel  ->  X2 is_dead: load_acq      (MP) that the thread is among the living
 *         X3 leave: store_rel          ->  X4 is_dead: load_acq      (MP) all that the dead thread did; a later thread's
 *             enrolment in the same place is a read-modify-write, and goes on with the release sequence
 *             The heir's compare-and-swap needs no acquire of its own: what it finds is the signature of a thread that X4 has shown to be dead,
 *             so the last holder: only a living thread signs, and nobody else has held the lock since. Its release is X1.
 *         A waiter against the thread that dies: by the bucket lock, see lockword_queue.c.
 * FAIRNESS none: constant time for all.
 * LIFETIME the table belongs to the library. An owner word is written under its lock, or with a waiter queued on it.
 * WRONG WAYS  a list of held locks: its length is bounded, or lock must allocate. A kernel thread id instead of a serial: it is reused,
 *         and needs a system call to be asked for.
 */
#include "owner.h"
#include "../sys/fork.h"
#include "../sys/thread.h"

enum { LIVING = 1 << 15 };

static fsy_atomic_u32 living[LIVING];
static fsy_atomic_u32 last_serial, last_unwatched;
static fsy_atomic_u32 population;         /* how many places are taken, or about to be */

static fsy_atomic_u32 *
place_of(uint32_t serial)
{
	return &living[serial % LIVING];
}

/* A serial whose place is free: one that lives there keeps it, and its number with it. 0 = there is no room, and no numbers are spent on
 * finding that out. */
static uint32_t
join_the_living(void)
{
	if (fsy_atomic_u32_add_rlx(&population, 1) >= LIVING) {
		fsy_atomic_u32_add_rlx(&population, 0u - 1u);
		return 0;
	}
	for (int i = 0; i < LIVING; i++) {
		uint32_t serial = (fsy_atomic_u32_add_rlx(&last_serial, 1) + 1) & OWNER_SERIAL, nobody = 0;

		if (serial != 0 && fsy_atomic_u32_cas_rlx(place_of(serial), &nobody, serial))
			return serial;
	}
	fsy_atomic_u32_add_rlx(&population, 0u - 1u);
	return 0;
}

/* Nobody would notice its end without a record, which is what brings the destructor. */
static uint32_t
new_serial(void)
{
	uint32_t serial = fsyi_thread_self() == NULL ? 0 : join_the_living();

	if (serial != 0)
		return serial;
	do
		serial = (fsy_atomic_u32_add_rlx(&last_unwatched, 1) + 1) & OWNER_SERIAL;
	while (serial == 0);
	return OWNER_UNWATCHED | serial;
}

void
fsyi_owner_enrol(void)
{
	if (FSY_SELF_->serial_ == 0)
		FSY_SELF_->serial_ = new_serial();
	FSY_SELF_->id_ = (int32_t)FSY_SELF_->serial_;
	if (FSY_RAW_LOAD_(&fsy_attention_, __ATOMIC_RELAXED) == NULL)
		FSY_SELF_->id_ |= (int32_t)OWNER_FENCED;
}

void
fsyi_owner_sign(fsy_atomic_u32 *owner)
{
	fsy_atomic_u32_store_rel(owner, fsy_owner_signature_());                                      /* X1 -> X2 */
}

static bool
is_dead(uint32_t owner)
{
	uint32_t serial = owner & OWNER_SERIAL;

	return serial != 0 && !(owner & OWNER_UNWATCHED) && fsy_atomic_u32_load_acq(place_of(serial)) != serial; /* X4 <- X3 */
}

bool
fsyi_owner_is_dead(fsy_atomic_u32 *owner)
{
	return is_dead(fsy_atomic_u32_load_acq(owner));                                         /* X2 <- X1 */
}

bool
fsyi_owner_inherit(fsy_atomic_u32 *owner)
{
	uint32_t seen = fsy_atomic_u32_load_acq(owner);                                         /* X2 <- X1 */

	return is_dead(seen) && fsy_atomic_u32_cas_rel(owner, &seen, fsy_owner_signature_());          /* X1 -> X2 */
}

bool
fsyi_owner_bury(fsy_atomic_u32 *owner, uint32_t former)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(owner);

	return former != 0 && (seen & ~OWNER_FENCED) == former &&
	       fsy_atomic_u32_cas_rlx(owner, &seen, OWNER_UNDERTAKER | (seen & OWNER_FENCED));
}

/* Called in each round of the thread's destructors until it returns true; some of them may still unlock. */
bool
fsyi_owner_leaves(bool last_round)
{
	uint32_t serial = FSY_SELF_->serial_, held = FSY_SELF_->held_;

	if (serial == 0 || (serial & OWNER_UNWATCHED))
		return true;
	if (held > 0 && !last_round)
		return false;
	FSY_SELF_->id_ = FSY_NOBODY_;                                                                /* U4 */
	FSY_SELF_->serial_ = FSY_SELF_->held_ = 0;
	FSY_SELF_->former_ = held > 0 ? serial : 0;
	fsy_atomic_u32_store_rel(place_of(serial), 0);                                          /* X3 -> X4 */
	fsy_atomic_u32_add_rlx(&population, 0u - 1u);
	if (held > 0)
		fsyi_poison_bequeath(serial);
	return true;
}

/* The threads that a fork left behind are dead, and hold what they held. Whoever is alone in the child is known by its
 * serial; a thread that the child has made before anybody came by here is not, and leaves the rest as it is. */
void
fsyi_owner_fork_child(bool alone)
{
	uint32_t mine = FSY_SELF_->serial_;

	for (uint32_t i = 0; alone && i < LIVING; i++) {
		uint32_t serial = fsy_atomic_u32_load_rlx(&living[i]);

		if (serial != 0 && serial != mine)
			fsy_atomic_u32_store_rlx(&living[i], 0);
	}
	if (alone)
		fsy_atomic_u32_store_rlx(&population, mine != 0 && !(mine & OWNER_UNWATCHED));
}
