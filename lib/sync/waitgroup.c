/* SPDX-License-Identifier: MIT */
/*
 * waitgroup.c - Go's WaitGroup: a counter, and those who wait for it to be zero. <fastsync/waitgroup.h> is the inline half.
 *
 * WORD    63           32 31            1      0
 *        +---------------+--------------+--------+
 *        | counter       | fork         | MARKED |
 *        +---------------+--------------+--------+
 *         MARKED  somebody may sleep; fork says in which process, counted in forks, so that a child does not take a mark
 *                 of its parent's threads for its own.
 * STATES  rest (0) -> counting (n, 0) -> awaited (n, MARKED) -> closing (0, MARKED) -> rest
 *                                     -> rest
 *         closing: the done that made the counter zero is on its way to the bucket, to let the waiters go.
 * INVARIANTS
 *         V1  a wait returns only at rest, or when it was let go by the thread that put the group at rest. So in closing the object
 *             is alive, and one thread owes it the last step: the one whose addition made the counter zero.
 *         V2  closing -> rest, and counting -> awaited, happen under the bucket lock: who is parked then is let go, and nobody parks
 *             later without seeing rest.
 *         V3  a waiter that leaves by its deadline takes the mark off only while counting: closing is another thread's to end.
 *         V4  a mark of another fork is no mark: (0, stale) is rest, whoever put it there.
 * ORDER   G1 add, done: add_rel  ->  G2 wait: load_acq; G3 the last step: cas_acq     (MP) what was done, for those who wait. All
 *             changes of the word are read-modify-writes, so each release reaches every later reader.
 *         K3 -> K2 of park.c: for those who slept, from G3.
 * FAIRNESS everybody is let go at once.
 * LIFETIME the addition, or the last step if somebody may sleep, is the last access of a done. A waiter that was let go looks at
 *         the word once more, for the diagnosis: the object lives until every wait has returned.
 * WRONG WAYS  waking after an addition that made the word zero: the object is gone. Go's runtime may (its memory is not reused
 *         while somebody looks at it), a C library may not; hence the state closing.
 * REFS    the contract and the three diagnoses: Go, sync.WaitGroup.
 */
#include <fastsync/waitgroup.h>
#include <fastsync/error.h>
#include "../park/wait.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"

static int64_t
counter_of(uint64_t word)
{
	return (int64_t)word >> 32;
}

static uint32_t
own_mark(void)
{
	return fsyi_fork_generation() << 1 | 1;
}

static bool
is_rest(uint64_t word)
{
	return counter_of(word) == 0 && (uint32_t)word != own_mark();
}

static bool
pending(void *arg)
{
	fsy_waitgroup_t *wg = (fsy_waitgroup_t *)arg;

	return !is_rest(fsy_atomic_u64_load_acq(&wg->word_));                                   /* G2 <- G1 */
}

static bool
enlist(struct fsyi_scene *scene, void *arg)
{
	fsy_waitgroup_t *wg = (fsy_waitgroup_t *)arg;
	uint64_t seen = fsy_atomic_u64_load_rlx(&wg->word_), next;

	(void)scene;
	do {
		if (is_rest(seen))
			return false;
		next = (seen & ~(uint64_t)UINT32_MAX) | own_mark();
	} while (seen != next && !fsy_atomic_u64_cas_rlx(&wg->word_, &seen, next));
	return true;
}

static void
left(struct fsyi_scene *scene, void *arg)
{
	fsy_waitgroup_t *wg = (fsy_waitgroup_t *)arg;
	uint64_t seen = fsy_atomic_u64_load_rlx(&wg->word_);

	while (scene->queue == NULL && counter_of(seen) != 0 &&
	       !fsy_atomic_u64_cas_rlx(&wg->word_, &seen, seen & ~(uint64_t)UINT32_MAX))
		;
}

static const struct fsyi_word_op wait_op = { FSYI_KIND_WORD, pending, enlist, left, true };

struct closing {
	fsy_waitgroup_t *wg;
	bool disturbed;                 /* out: it counts again */
};

static bool
put_to_rest(struct fsyi_scene *scene, void *arg)
{
	struct closing *closing = (struct closing *)arg;
	uint64_t seen = own_mark();

	(void)scene;
	closing->disturbed = !fsy_atomic_u64_cas_acq(&closing->wg->word_, &seen, 0);            /* G3 <- G1 */
	return !closing->disturbed;
}

static __attribute__((noreturn)) void
added_too_early(const fsy_waitgroup_t *wg)
{
	fsyi_fatal("wait group misuse: add called concurrently with wait %p", (const void *)wg);
}

FSY_NOINLINE void
fsy_waitgroup_add_slow_(fsy_waitgroup_t *wg, int n, uint64_t old)
{
	int64_t counter = counter_of(old) + n;
	struct closing closing = { wg, false };

	if (counter < 0 || counter > INT32_MAX)
		fsyi_fatal("negative wait group counter %p", (void *)wg);
	fsyi_fork_check();
	if (n == 0 || (uint32_t)old != own_mark())
		return;
	if (counter_of(old) == 0)
		added_too_early(wg);
	if (counter > 0)
		return;
	fsyi_word_release(&fsyi_lot, &wg->word_, wait_op.kind, put_to_rest, &closing);
	if (closing.disturbed)
		added_too_early(wg);
}

FSY_NOINLINE int
fsy_waitgroup_wait_slow_(fsy_waitgroup_t *wg, fsy_deadline_t deadline)
{
	switch (fsyi_word_wait(&fsyi_lot, &wg->word_, &wait_op, wg, deadline)) {
	case FSYI_WAIT_TIMEDOUT:
		/* At zero, but the last done owes its last step: until then an add would be taken for one into a wait. */
		if (counter_of(fsy_atomic_u64_load_rlx(&wg->word_)) == 0)
			return fsy_waitgroup_wait_slow_(wg, FSY_FOREVER);
		return FSY_ETIMEDOUT;
	case FSYI_WAIT_GIVEN:
		if (fsy_atomic_u64_load_rlx(&wg->word_) != 0)
			fsyi_fatal("wait group is reused before previous wait has returned %p", (void *)wg);
		return 0;
	default:
		return 0;
	}
}
