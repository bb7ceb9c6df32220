/* SPDX-License-Identifier: MIT */
/*
 * sim_lot.c - the real bucket lock, queues and parking, one step at a time. Edges exercised: B1 -> B2, K1 -> K2.
 */
#include "scenario.h"
#include <park/park.h>
#include <setjmp.h>
#include <string.h>
#include <sys/clock.h>
#include <sys/tune.h>

enum { KIND = 7 };
static fsy_atomic_u32 keys[1 << 12], *a, *b;
static int inside, served, timeouts;

/* Two addresses whose waiters share a bucket, if together; else two buckets. */
static void
choose_keys(bool together)
{
	a = &keys[0];
	for (b = &keys[1]; b < keys + sizeof(keys) / sizeof(keys[0]) - 1; b++)
		if ((fsyi_lot_bucket(&fsyi_lot, a) == fsyi_lot_bucket(&fsyi_lot, b)) == together)
			break;
	a->cell_ = b->cell_ = 0;
	sim_name(a, 4, "a");
	sim_name(b, 4, "b");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, a)->lock, 4, "bucket");
	inside = served = timeouts = 0;
}

static void
setup(void)
{
	choose_keys(sim_random(2) == 0);
}

static void
at_rest(void)
{
	SIM_CHECK(inside == 0);
	SIM_CHECK(fsyi_lot_bucket(&fsyi_lot, a)->queues == NULL && fsyi_lot_bucket(&fsyi_lot, a)->lock.cell_ == 0);
	SIM_CHECK(fsyi_lot_bucket(&fsyi_lot, b)->queues == NULL && fsyi_lot_bucket(&fsyi_lot, b)->lock.cell_ == 0);
}

/* Sections long enough that a waiter runs out of looks and sleeps. */
static void
bucket(int id)
{
	struct fsyi_bucket *bucket = fsyi_lot_bucket(&fsyi_lot, a);

	(void)id;
	for (int i = 0; i < 2; i++) {
		fsyi_bucket_lock(bucket);
		SIM_CHECK(inside++ == 0);
		for (uint32_t steps = sim_random(60); steps > 0; steps--)
			sim_point();
		SIM_CHECK(--inside == 0);
		fsyi_bucket_unlock(bucket);
	}
}

static bool
no_permit(struct fsyi_scene *scene, void *arg)
{
	(void)scene;
	return fsy_atomic_u32_load_rlx((fsy_atomic_u32 *)arg) == 0;
}
static const struct fsyi_park_op wait_for_permit = { no_permit, NULL, NULL, NULL, false };

static bool
take_permit(fsy_atomic_u32 *permits)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(permits);

	while (seen > 0)
		if (fsy_atomic_u32_cas_acq(permits, &seen, seen - 1))
			return true;
	return false;
}

static void
acquire(fsy_atomic_u32 *permits, fsy_deadline_t deadline)
{
	while (!take_permit(permits)) {
		enum fsyi_parked how = fsyi_park(&fsyi_lot, permits, KIND, &wait_for_permit, permits, deadline);

		SIM_CHECK(how != FSYI_UNPARKED_HANDOFF && how != FSYI_PARK_NO_RECORD);
		if (how == FSYI_PARK_TIMEDOUT) {
			SIM_CHECK(sim_now() >= deadline);
			fsy_atomic_u32_add(&keys[sizeof(keys) / sizeof(keys[0]) - 1], 1);
			return;
		}
	}
}

/* T0 and T1 wait, T2 and T3 post: no wake-up is lost. */
static void
semaphore(int id)
{
	if (id < 2) {
		acquire(a, FSY_FOREVER);
		return;
	}
	fsy_atomic_u32_add(a, 1);
	fsyi_unpark_one(&fsyi_lot, a, FSYI_TOKEN_NORMAL);
}

/*
 * T0's sleep is broken off as it begins, as by a cancellation, or it times out. A wake-up that has reached it by then is passed on: T1 waits for it.
 */
static jmp_buf out;

static bool
jump_out(void *arg)
{
	(void)arg;
	if (sim_random(2) == 0)
		longjmp(out, 1);
	return true;
}

static enum fsyi_parked
sleep_or_break_off(void)
{
	static const struct fsyi_park_op op = { no_permit, NULL, jump_out, NULL, FSYI_PARK_CANCELLABLE };

	if (setjmp(out) == 0)
		return fsyi_park(&fsyi_lot, a, KIND, &op, a, sim_now() + 500);
	return fsyi_park_break_off(&fsyi_lot, a, &op, a);
}

static void
broken_off(int id)
{
	if (id == 1) {
		acquire(a, FSY_FOREVER);
	} else if (id == 2) {
		fsy_atomic_u32_add(a, 1);
		fsyi_unpark_one(&fsyi_lot, a, FSYI_TOKEN_NORMAL);
	} else if (sleep_or_break_off() == FSYI_UNPARKED_NORMAL) {
		fsyi_unpark_one(&fsyi_lot, a, FSYI_TOKEN_NORMAL);
	}
}

/* T0 waits, T1 posts; T2, if there is one, waits for another's post, which is T1's as well. */
static void
posted(int id)
{
	if (id != 1) {
		acquire(a, FSY_FOREVER);
		return;
	}
	for (int i = 1; i < sim_threads(); i++) {
		fsy_atomic_u32_add(a, 1);
		fsyi_unpark_one(&fsyi_lot, a, FSYI_TOKEN_NORMAL);
	}
}

/* As above, but T0 has a deadline; a wake-up that reached it although it leaves must not be lost for T1 (I7). */
static void
semaphore_timed(int id)
{
	if (id == 0) {
		int64_t deadline = sim_now() + (int64_t)sim_random(2000);

		while (!take_permit(a)) {
			enum fsyi_parked how = fsyi_park(&fsyi_lot, a, KIND, &wait_for_permit, a, deadline);

			if (how == FSYI_PARK_TIMEDOUT)
				return;
			if (sim_now() >= deadline) {            /* woken, but too late: pass it on */
				if (how == FSYI_UNPARKED_NORMAL)
					fsyi_unpark_one(&fsyi_lot, a, FSYI_TOKEN_NORMAL);
				return;
			}
		}
		id = 2;                                         /* gives its permit back */
	}
	semaphore(id);
}

/* Two keys, perhaps in one bucket: waiters of one are not woken for the other. */
static void
two_keys(int id)
{
	fsy_atomic_u32 *mine = id & 1 ? a : b;

	if (id < 2) {
		acquire(mine, FSY_FOREVER);
		return;
	}
	fsy_atomic_u32_add(mine, 1);
	fsyi_unpark_one(&fsyi_lot, mine, FSYI_TOKEN_NORMAL);
}

static void
broadcast(int id)
{
	if (id < 3) {
		acquire(a, FSY_FOREVER);
		return;
	}
	fsy_atomic_u32_add(a, 3);
	fsyi_unpark_all(&fsyi_lot, a, FSYI_TOKEN_NORMAL);
}

static bool
always(struct fsyi_scene *scene, void *arg)
{
	(void)scene;
	return fsy_atomic_u32_load_rlx((fsy_atomic_u32 *)arg) == 0;
}
static const struct fsyi_park_op wait_for_move = { always, NULL, NULL, NULL, false };

/* T0, T1 park on a (T0 with a deadline); T2 moves them to b and then wakes b. Nobody is forgotten on the way. */
static void
requeue(int id)
{
	if (id < 2) {
		fsyi_park(&fsyi_lot, a, KIND, &wait_for_move, a, id == 0 ? sim_now() + (int64_t)sim_random(3000) : FSY_FOREVER);
		return;
	}
	fsy_atomic_u32_store(a, 1);
	fsyi_requeue(&fsyi_lot, a, b, KIND, sim_random(2));
	fsyi_unpark_all(&fsyi_lot, b, FSYI_TOKEN_NORMAL);
}

/*
 * The bypass bound, on the queue alone: whoever prefers a node takes at most batch - 1 waiters out of turn
 * before the eldest, however the arrivals are mixed.
 */
static struct fsyi_thread waiters[40];
static char headers[40][1024] __attribute__((aligned(64)));

static void
bypass(int id)
{
	struct fsyi_bucket *bucket = fsyi_lot_bucket(&fsyi_lot, a);
	unsigned arrived = 0, passed = 0;

	(void)id;
	fsyi_tune.node_batch = 8;
	memset(waiters, 0, sizeof(waiters));
	memset(headers, 0, sizeof(headers));
	while (arrived < 40 || bucket->queues != NULL) {
		struct fsyi_waitq *queue = bucket->queues;

		if (arrived < 40 && (queue == NULL || sim_random(2) == 0)) {
			struct fsyi_thread *t = &waiters[arrived++];

			t->spare = (struct fsyi_waitq *)(void *)headers[arrived - 1];
			t->key.cell_ = a;
			t->node = (uint16_t)(sim_random(4) != 0);       /* the eldest is of the rarer node more often than not */
			t->cpu = (uint16_t)sim_random(4);
			fsyi_queue_insert(bucket, t, false);
			continue;
		}
		struct fsyi_preference preference = { .node = 1, .cpu = (int)sim_random(4), .elsewhere = sim_random(2) == 0 };
		struct fsyi_thread *eldest = queue->all.head, *picked = fsyi_queue_pick(queue, preference);

		passed = picked == eldest ? 0 : passed + 1;
		SIM_CHECK(passed <= 7);
		fsyi_queue_remove(bucket, picked);
	}
}

const struct sim_case sim_cases[] = {
	{ "lot/bucket-lock", 3, setup, bucket, at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_NO_DFS, 0 },
	{ "lot/bucket-lock-pair", 2, setup, bucket, at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_DFS_ONLY, 2 },
	{ "lot/bucket-lock-trio", 3, setup, bucket, at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_DFS_ONLY, 1 },
	{ "lot/posted-pair", 2, setup, posted, at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_DFS_ONLY, 3 },
	{ "lot/posted-trio", 3, setup, posted, at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_DFS_ONLY, 2 },
	{ "lot/semaphore", 4, setup, semaphore, at_rest, SIM_TSO | SIM_NO_MEMBARRIER, 2 },
	{ "lot/semaphore-timed", 3, setup, semaphore_timed, at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_NO_DFS, 0 },
	{ "lot/broken-off", 3, setup, broken_off, at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_NO_DFS, 0 },
	{ "lot/two-keys", 4, setup, two_keys, at_rest, SIM_TSO | SIM_NO_MEMBARRIER, 1 },
	{ "lot/broadcast", 4, setup, broadcast, at_rest, SIM_TSO | SIM_NO_MEMBARRIER, 2 },
	{ "lot/requeue", 3, setup, requeue, at_rest, SIM_TSO | SIM_NO_MEMBARRIER, 2 },
	{ "lot/bypass-bound", 1, setup, bypass, at_rest, SIM_TSO | SIM_NO_MEMBARRIER | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
