/* SPDX-License-Identifier: MIT */
/*
 * barrier.c - threads that wait for each other. The queue of those who sleep is the count of those who have come.
 *
 * WORD    there is none: an arrival is a visit to the bucket, where it either joins the queue or, being the last, takes all
 *         others from it. So the object is read under the bucket lock only, by threads whose generation is not complete.
 * STATES  arriving -> queued -> given (token HANDOFF)
 *                            -> withdrawn (deadline)
 *                  -> leader
 *         without a record: arriving -> unlisted -> given (generation_ has moved) | withdrawn; or leader
 * INVARIANTS
 *         Y1  queued + unlisted < n whenever the bucket lock is free: whoever makes it n empties both under the same lock.
 *         Y2  hence one leader per generation, and nobody is in two: to come again a thread must have been given.
 *         Y3  a thread withdraws under the bucket lock, and only if its token says that it was not given (I7).
 *         Y4  after its arrival a queued thread looks at nothing but its own record, also while it lingers awake.
 * ORDER   B1 -> B2 of lot.c: from each arrival to the last. K3 -> K2 of park.c: from the last to everybody.
 *         E1 arrive: store_rel  ->  E2 unlisted: load_acq      (MP) the same for those without a record
 * FAIRNESS does not arise.
 * LIFETIME the look of the last arrival at the object, under the bucket lock, is the last access of its generation (I1). Threads without
 *         a record are the exception, since they have nothing else to look at: where memory is so short, keep the barrier until all
 *         have returned.
 * WRONG WAYS  waiting for a generation number in the object to change: the first who sees it may unmap it under the others.
 *         POSIX lets destroy wait for them; a free() does not.
 * REFS    queue as count: the parking lot's own possibility. Sense-reversing and tree barriers (Mellor-Crummey and Scott, 1991) are
 *         faster among threads that own their CPUs, and do not let go of the object.
 */
#include <fastsync/barrier.h>
#include <fastsync/error.h>
#include "../park/wait.h"
#include "../sys/clock.h"
#include "../sys/fork.h"

/* Not one of the kinds that are woken by their address alone. */
enum { KIND_BARRIER = FSYI_KIND_WORD + 1 };

struct arrival {
	fsy_barrier_t *barrier;
	fsy_deadline_t deadline;
	bool past;                      /* the deadline is: does not wait */
	bool leader;
	bool withdrawn;
	uint32_t generation;            /* of an unlisted one */
};

/* Completes the generation, if this is the last; all others are given what they waited for. */
static bool
completes(struct fsyi_scene *scene, struct arrival *arrival)
{
	fsy_barrier_t *b = arrival->barrier;
	uint32_t waiting = scene->queue == NULL ? 0 : scene->queue->count;

	if (b->unlisted_ != 0 && b->fork_ != fsyi_fork_generation())
		b->unlisted_ = 0;               /* the fork left them behind */
	if (waiting + b->unlisted_ < b->others_)
		return false;
	arrival->leader = true;
	if (b->unlisted_ != 0) {
		b->unlisted_ = 0;
		fsy_atomic_u32_store_rel(&b->generation_, fsy_atomic_u32_load_rlx(&b->generation_) + 1); /* E1 -> E2 */
	}
	fsyi_scene_wake_all(scene, KIND_BARRIER, FSYI_TOKEN_HANDOFF);
	return true;
}

static bool
validate(struct fsyi_scene *scene, void *arg)
{
	struct arrival *arrival = (struct arrival *)arg;

	return !completes(scene, arrival) && !arrival->past;
}

static const struct fsyi_park_op park_op = { validate, NULL, NULL, NULL, FSYI_PARK_LINGERS | FSYI_PARK_CROWD };

static void
arrive_unlisted(struct fsyi_scene *scene, void *arg)
{
	struct arrival *arrival = (struct arrival *)arg;
	fsy_barrier_t *b = arrival->barrier;

	if (!validate(scene, arg))
		return;
	b->unlisted_++;
	b->fork_ = fsyi_fork_generation();
	arrival->generation = fsy_atomic_u32_load_rlx(&b->generation_);
}

static void
withdraw_unlisted(struct fsyi_scene *scene, void *arg)
{
	struct arrival *arrival = (struct arrival *)arg;

	(void)scene;
	arrival->withdrawn = fsy_atomic_u32_load_rlx(&arrival->barrier->generation_) == arrival->generation;
	if (arrival->withdrawn)
		arrival->barrier->unlisted_--;
}

/* For a thread that cannot be queued. */
static void
wait_unlisted(struct arrival *arrival)
{
	fsy_barrier_t *b = arrival->barrier;

	fsyi_visit(&fsyi_lot, b, arrive_unlisted, arrival);
	if (arrival->leader || arrival->past)
		return;
	while (fsy_atomic_u32_load_acq(&b->generation_) == arrival->generation) {               /* E2 <- E1 */
		if (arrival->deadline != FSY_FOREVER && fsyi_over(arrival->deadline, fsyi_now())) {
			fsyi_visit(&fsyi_lot, b, withdraw_unlisted, arrival);
			return;
		}
		fsyi_word_nap(arrival->deadline);
	}
}

int
fsy_barrier_wait_until(fsy_barrier_t *b, fsy_deadline_t deadline, bool *leader)
{
	struct arrival arrival = { .barrier = b, .deadline = deadline };
	enum fsyi_parked how;

	fsyi_fork_check();
	arrival.past = deadline != FSY_FOREVER && fsyi_over(deadline, fsyi_now());
	do
		how = fsyi_park(&fsyi_lot, b, KIND_BARRIER, &park_op, &arrival, deadline);
	while (how == FSYI_UNPARKED_NORMAL);    /* a late wake, meant for an object that lived here before: has not come yet */
	switch (how) {
	case FSYI_PARK_NO_RECORD:
		wait_unlisted(&arrival);
		arrival.withdrawn |= arrival.past && !arrival.leader;
		break;
	case FSYI_PARK_TIMEDOUT:
		arrival.withdrawn = true;
		break;
	case FSYI_PARK_INVALID:
		arrival.withdrawn = !arrival.leader;
		break;
	default:
		break;
	}
	if (leader != NULL)
		*leader = arrival.leader;
	return arrival.withdrawn ? FSY_ETIMEDOUT : 0;
}

bool
fsy_barrier_wait(fsy_barrier_t *b)
{
	bool leader;

	return fsy_barrier_wait_until(b, FSY_FOREVER, &leader) == 0 && leader;
}

void
fsy_barrier_init(fsy_barrier_t *b, uint32_t n)
{
	*b = (fsy_barrier_t)FSY_BARRIER_INIT(n == 0 ? 1 : n);
}
