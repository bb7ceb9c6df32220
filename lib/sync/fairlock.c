/* SPDX-License-Identifier: MIT */
/*
 * fairlock.c - the phase-fair reader-writer lock: how it is released, and to whom it goes.
 *
 * WORD    31..29 28     27      26      25    24    23..16 15..8 7   6   5       4       3     2    1      0
 *        +------+------+-------+-------+-----+-----+------+-----+---+---+-------+-------+-----+----+------+------+
 *        | FORK |POISON|WRITTEN|FOREIGN|PLAIN|SLOTS|CALLED|SEATS| 0 |DUE|WRITERS|READERS| TURN|NEXT|BARRED|LOCKED|
 *        +------+------+-------+-------+-----+-----+------+-----+---+---+-------+-------+-----+----+------+------+
 *         LOCKED    a writer holds the lock, or waits for the readers that are there. No reader enters.
 *         BARRED    the writer that waits longest has waited for a tenure: the next release hands the lock to it.
 *         NEXT      that writer is awake, and sees to itself. TURN, other than when it became NEXT: it is not any more, LOCKED is its.
 *         SEATS     readers that wait awake with a claim, a bit each. CALLED: it has been let in, and has not seen it yet.
 *         READERS   readers sleep; DUE: one of them with a claim. WRITERS: writers sleep, all of them younger than NEXT.
 *         FORK      in which process NEXT and SEATS were set.
 *         SLOTS, PLAIN, FOREIGN, WRITTEN: as the rwmutex's. readers_, the slots: readers.c.
 * STATES  reader: attempting -> holding | waiting unclaimed, for a tenure -> seated -> (called) holding
 *                                                                                -> asleep, DUE -> (token HANDOFF) holding
 *                                                  -> asleep unclaimed -> (token HANDOFF) holding | (token NORMAL) attempting, then seated
 *         writer: LOCKED taken -> draining slots, then the count -> holding
 *                 arriving -> NEXT -> LOCKED taken | LOCKED given | asleep, before all writers, BARRED if it is to be given next
 *                          -> asleep -> NEXT (token NORMAL) | LOCKED is its (token HANDOFF)
 * INVARIANTS
 *         F1  READERS, DUE, BARRED, TURN without NEXT, a seat that is not called => LOCKED. A reader that finds LOCKED clear may enter, whoever
 *             waits.
 *         F2  WRITERS and not LOCKED => NEXT: somebody who is awake has the duty to take the lock, or finds it taken.
 *         F3  Readers with a claim are let in by the release that ends the write phase in which they made it; they are counted before the
 *             word says so. Those who sleep without one are let in with them, or woken to try.
 *         F4  A seat is one thread's: it alone clears the bit, after it was called or under the bucket lock. So nobody takes another's call for
 *             its own. NEXT is one thread: TURN changes with the hand-over to it, and not again before it has let go.
 *         F5  READERS and WRITERS change under the bucket lock alone, and say what is in the queue (I4). DUE stays until the release: a
 *             downgrade sets it for whoever sleeps by then, and a claim that was given up costs nobody his turn.
 *         F6  LOCKED is not clear between a hand-over and the return of its new owner's lock.
 *         W1  of rwmutex.c: reader and writer each announce themselves, then look.
 * ORDER   V1 release: cas_rel  ->  V2 take: cas_acq, V3 NEXT: load_acq, V4 seated: load_acq, S4 inline enter: load; S6 slow attempts: load, cas
 *                                           (MP) the writer's section
 *         K1, K3 -> K2 (park.c)             the same, for those who slept
 *         S1 -> S2, S3 -> S5 (readers.c)    the reader's section, to the next writer
 *         Store-buffering pairs: those of rwmutex.c. Of a writer that was handed the word the fence is its predecessor's, who took it
 *         from readers' reach. Everything else on the word is relaxed: the queue it speaks of is under the bucket lock.
 * FAIRNESS  a claim is a seat, NEXT, or a place in the queue. A reader that claimed waits for the writer that has LOCKED: what is left of its read
 *         phase, and its section. A writer that claimed waits for those before it, each with the readers that were let in before it;
 *         and while no writer is BARRED, for one tenure each. A thread claims after a tenure at the latest; if it goes to sleep before, when
 *         it has been woken: by the next release that has to do with it. That release lets sleeping readers in, all together, if one of them
 *         claimed, if turns are strict, or if they have slept for a tenure and are no more than the CPUs. Else a writer may come
 *         before them once more. Without tenures (Q = 0) each sleeps with a claim, and the bound is exact: one section of a writer for a
 *         reader, n for a writer with n before it.
 * LIFETIME V1 (S1, S3 for readers) is the last access. The bucket is visited before it; wake-ups go by the threads' records.
 * WRONG WAYS  readers that wait awake without a claim: the writer after this one, and the one after that, are faster.
 *         Waking a sleeping reader before LOCKED is clear: the last of them does away with the lock, which is then released (I1).
 *         A hand-over at each release while others sleep: each costs a context switch, and the queue never gets shorter. The same, to readers
 *         that fell asleep because a holder did not run: the next writer waits for all of them to run, each comes back once, finds it
 *         waiting, and sleeps in its turn.
 * REFS    phase-fair locks: Brandenburg and Anderson 2009 (PF-T); a lot with hand-off: WebKit, parking_lot; see docs/adr/0014.
 */
#include "fairlock.h"
#include <fastsync/error.h>
#include "../sys/cpu.h"
#include "../sys/fatal.h"

/* What a release has to see to. In a tenure NEXT sees to itself, and to those behind it. */
#define CLAIMS (FAIR_BARRED | FAIR_NEXT | FAIR_READERS | FAIR_WRITERS | FAIR_SEATS)
#define CLAIMS_IN_TENURE (FAIR_BARRED | FAIR_READERS | FAIR_SEATS)

static bool
is_simple(uint32_t seen)
{
	return (seen & CLAIMS) == 0 || ((seen & (CLAIMS_IN_TENURE | FAIR_NEXT)) == FAIR_NEXT && fsyi_tune.tenure_ns > 0 && fair_fork() == 0);
}

/* The writer that sleeps and is to go on; the readers have left the queue. */
static struct fsyi_thread *
eldest_writer(const struct fsyi_scene *scene)
{
	struct fsyi_preference preference = { fsyi_node(), -1, false, false };

	return scene->queue == NULL ? NULL : fsyi_queue_pick(scene->queue, preference);
}

/* What the word says after the release. writer: who is taken from the queue; NULL: nobody. */
static uint32_t
after_release(uint32_t seen, const struct fsyi_scene *scene, const struct fsyi_thread *writer)
{
	bool strict = fair_is_strict(seen);
	uint32_t next = (seen & ~(FAIR_BARRED | FAIR_DUE)) | (seen & FAIR_SEATS) << FAIR_CALL;

	if (scene != NULL)
		next &= ~FAIR_READERS;
	if (scene != NULL && (scene->queue == NULL || (writer != NULL && scene->queue->count == 1)))
		next &= ~FAIR_WRITERS;
	if (strict && (seen & FAIR_NEXT))
		return (next & ~FAIR_NEXT) ^ FAIR_TURN;
	if (strict && writer != NULL)
		return next;
	next = fair_unlocked(next);
	return writer != NULL ? next | FAIR_NEXT : next;
}

static uint32_t
waiting_seats(uint32_t seen)
{
	uint32_t seats = seen & FAIR_SEATS & ~(seen >> FAIR_CALL), count = 0;

	for (; seats != 0; seats &= seats - 1)
		count++;
	return count;
}

/* Somebody sleeps who has to be let in, or to go on. */
static bool
needs_scene(uint32_t seen)
{
	return (seen & FAIR_READERS) || (seen & (FAIR_WRITERS | FAIR_NEXT)) == FAIR_WRITERS;
}

/* The readers that come in are counted in before the word says so. */
static uint32_t
count_in(fsy_fair_rwlock_t *l, uint32_t admitted, uint32_t counted)
{
	if (admitted != counted)
		fsy_atomic_u32_add_rlx(&l->readers_, (admitted - counted) * READERS_ONE);
	return admitted;
}

/*
 * found: the word, a moment ago. Without a scene nobody can be woken: false if somebody has to be. There the number of readers that are awake
 * may also shrink between two looks, so that too many were counted for a moment: no harm is done while nobody reads. With a scene it does not
 * (F4).
 */
static FSY_ALWAYS_INLINE bool           /* with a release's every instruction somebody waits longer */
let_go(fsy_fair_rwlock_t *l, struct fsyi_scene *scene, uint32_t found)
{
	uint32_t counted = 0, seen, next;
	uint32_t asleep = scene == NULL ? 0 : fsyi_fair_call_sleepers(scene, found);
	struct fsyi_thread *writer;

	do {
		seen = fair_living(found);
		if (scene == NULL && needs_scene(seen)) {
			count_in(l, 0, counted);
			return false;
		}
		writer = scene != NULL && !(seen & FAIR_NEXT) ? eldest_writer(scene) : NULL;
		counted = count_in(l, asleep + waiting_seats(seen), counted);
		next = fair_signed(after_release(seen, scene, writer));
	} while (!fsy_atomic_u32_cas_rel(&l->word_, &found, next));                             /* V1 -> V2,V3,V4,S4,S6 */
	if (writer != NULL)
		fsyi_scene_wake(scene, writer, next & FAIR_LOCKED ? FSYI_TOKEN_HANDOFF : FSYI_TOKEN_NORMAL);
	return true;
}

static FSY_NOINLINE bool
let_go_awake(fsy_fair_rwlock_t *l, uint32_t found)
{
	return let_go(l, NULL, found);
}

static void
visit(struct fsyi_scene *scene, void *arg)
{
	fsy_fair_rwlock_t *l = (fsy_fair_rwlock_t *)arg;

	let_go(l, scene, fsy_atomic_u32_load_rlx(&l->word_));
}

void
fsyi_fair_release(fsy_fair_rwlock_t *l, bool drained)
{
	if (!drained || !let_go_awake(l, fsy_atomic_u32_load_rlx(&l->word_)))
		fsyi_visit(&fsyi_lot, &l->word_, visit, l);
}

void
fsy_fair_rwlock_unlock(fsy_fair_rwlock_t *l)
{
	uint32_t seen;

	__builtin_prefetch(l, 1);       /* to write: a waiter's look has fetched it to read */
	if (FSY_UNLIKELY(fsy_atomic_u32_load_rlx(&l->readers_) != 0))
		fsyi_fork_check();              /* an attempt: perhaps one that a fork has cut off (fairlock_held.c, H2) */
	if (FSY_UNLIKELY(!fair_forget(l) && fsyi_fair_has_lost(l)))
		return;
	seen = fsy_atomic_u32_load_rlx(&l->word_);
	if (FSY_UNLIKELY(!(seen & FAIR_LOCKED)))
		fsyi_fatal("unlock of unlocked fair rwlock %p", (void *)l);
	if (FSY_LIKELY(is_simple(seen)) &&
	    FSY_LIKELY(fsy_atomic_u32_cas_rel(&l->word_, &seen, fair_unlocked(seen))))          /* V1 -> V2,V3,V4,S4,S6 */
		return;
	fsyi_fork_check();
	if (!let_go_awake(l, seen))
		fsyi_fair_release(l, false);
}

/* By the writer that has just got LOCKED. */
static int
finish(fsy_fair_rwlock_t *l, fsy_deadline_t deadline)
{
	if (FSY_UNLIKELY(fsyi_fair_drain(l, deadline) != 0)) {
		fsyi_fair_release(l, false);
		return FSY_ETIMEDOUT;
	}
	fair_remember(l);
	return fair_error(l);
}

static inline bool
take(fsy_fair_rwlock_t *l, uint32_t *seen)
{
	*seen = fsy_atomic_u32_load_rlx(&l->word_);
	while (!(*seen & FAIR_LOCKED))
		if (FSY_LIKELY(fsy_atomic_u32_cas_acq(&l->word_, seen, *seen | FAIR_LOCKED)))    /* V2 <- V1 */
			return true;
	return false;
}

/* Where a fence is part of the compare-and-swap, a look at the count is all that is left to do if slots are not in use. */
static inline bool
is_alone(const fsy_fair_rwlock_t *l, uint32_t seen)
{
#if FSY_ASYMMETRIC_ && defined(__x86_64__)
	FSY_LIGHT_BARRIER_();
	return !(seen & (FAIR_SLOTS | FAIR_POISON)) && fsy_atomic_u32_load(&l->readers_) == 0;  /* S5 <- S3 */
#else
	(void)l;
	(void)seen;
	return false;
#endif
}

static inline int
lock(fsy_fair_rwlock_t *l, fsy_deadline_t deadline)
{
	uint32_t seen;

	if (FSY_LIKELY(take(l, &seen))) {
		if (FSY_UNLIKELY(!is_alone(l, seen)))
			return finish(l, deadline);
		fair_remember(l);
		return 0;
	}
	return fsyi_fair_wait_for_word(l, deadline) != 0 ? (int)FSY_ETIMEDOUT : finish(l, deadline);
}

int
fsy_fair_rwlock_lock_until(fsy_fair_rwlock_t *l, fsy_deadline_t deadline)
{
	return lock(l, deadline);
}

int
fsy_fair_rwlock_lock(fsy_fair_rwlock_t *l)
{
	return lock(l, FSY_FOREVER);
}

/* Readers that are seen without taking the word need not hear of it. */
int
fsy_fair_rwlock_trylock(fsy_fair_rwlock_t *l)
{
	uint32_t seen;

	fsyi_fork_check();
	if (fsyi_fair_is_read(l) || !take(l, &seen) || finish(l, INT64_MIN) == FSY_ETIMEDOUT)
		return FSY_EBUSY;
	return fair_error(l);
}

void
fsy_fair_rwlock_downgrade(fsy_fair_rwlock_t *l)
{
	fsyi_fork_check();
	if (!fair_forget(l))
		fsyi_fatal("downgrade of fair rwlock by a thread that does not own it %p", (void *)l);
	fsy_atomic_u32_add_rlx(&l->readers_, READERS_ONE);      /* published by the release, as those who are let in with it */
	fsy_atomic_u32_or_rlx(&l->word_, FAIR_DUE);             /* all who wait to read */
	fsyi_fair_release(l, true);
}

bool
fsy_fair_rwlock_try_upgrade(fsy_fair_rwlock_t *l)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(&l->word_);

	fsyi_fork_check();
	do
		if (fair_living(seen) & (FAIR_LOCKED | FAIR_NEXT))
			return false;
	while (!fsy_atomic_u32_cas_acq(&l->word_, &seen, seen | FAIR_LOCKED));                  /* V2 <- V1 */
	if (fsyi_fair_holds(l) != 1) {
		fsyi_fair_release(l, false);
		return false;
	}
	fsy_fair_rwlock_runlock(l);
	fair_remember(l);
	return true;
}
