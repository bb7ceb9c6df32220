/* SPDX-License-Identifier: MIT */
/*
 * park.c - going to sleep on an address, and being woken.
 *
 * WORD    thread->park: 1 from just before the thread is queued, 2 or 3 from when it goes to sleep in the kernel, until its waker,
 *         having taken it from the queue under the bucket lock, stores 0. Who set 2 sleeps on this word; who set 3, on the
 *         bucket's crowd, where one call wakes them all, and perhaps some who wait for another key.
 * STATES  running (park 0, no queue) -> queued (park 1, then 2 or 3) -> woken (park 0, token set, no queue) -> running
 *                                                                    -> left (park 0, token NONE, no queue: deadline or confirm)
 * INVARIANTS
 *         P1  park becomes 0 only under the bucket lock of the thread's key (I3); only the futex call follows it, and only if it was 2 or 3.
 *             Only the thread itself turns 1 into those. Of many who are woken at once the tokens are set under the lock, which
 *             is what decides; park follows after it, one by one.
 *         P2  token != NONE iff a waker took the thread from its queue: a waiter whose deadline passes looks at
 *             the token under the bucket lock and accepts what it finds (I7).
 *         P3  no function of the caller runs outside the bucket lock except confirm, which runs with no lock (I2).
 *         P4  key and kind of a queued thread change only by a move, with both bucket locks held.
 *         P5  a thread that was moved and does not mind (FSYI_PARK_MOVES) has been given what it waited for: its deadline is off.
 * ORDER   K1 scene_wake: park swap_rel   ->  K2 sleep: park load_acq     (MP) publishes the token, and for HANDOFF
 *             everything that the giver did before.
 *         K3 scene_leave: park swap_rel  ->  K2                            the same, for many
 *         K4 scene_leave: crowd add_rel  ->  K5 sleep: crowd load_acq      who has seen the crowd move sees its park word at 0. It is
 *             read before the park word: whoever sleeps on what it was then is woken by the move, or finds that it has moved.
 * FAIRNESS queues are first come, first served; who is picked is the caller's choice (fsyi_queue_pick bounds it).
 * LIFETIME after K1 the woken thread may return and destroy its object; the waker touches only the bucket and the
 *         futex address, which lies in a record that is never unmapped.
 *         Between its token and K3 a thread cannot leave, whatever its deadline, so the links of those who wait for
 *         K3 are the waker's.
 * WRONG WAYS  storing park after the bucket lock is dropped, with no token set under it: the thread times out, leaves, parks
 *         elsewhere, and the late store wakes it there as if it had been chosen. Reading a link after K3: it is the thread's again.
 */
#include "park.h"
#include "../diag/hook.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fatal.h"
#include "../sys/futex.h"
#include "../sys/tune.h"

enum { AWAKE, QUEUED, ASLEEP, IN_CROWD }; /* thread->park */
FSY_STATIC_ASSERT((int)FSYI_UNPARKED_HANDOFF == FSYI_TOKEN_HANDOFF - FSYI_TOKEN_NORMAL &&
		  (int)FSYI_UNPARKED_AGAIN == FSYI_TOKEN_AGAIN - FSYI_TOKEN_NORMAL, "a token names what its thread returns");

/* A thread that lingered in vain does so again only after twice as many waits, up to this many: those take milliseconds, and one look in vain some
 * 30 us. LOOKS: per look at the clock. */
enum { MOST_SKIPPED = 1024, LOOKS = 8 };

struct fsyi_scene
fsyi_scene_enter(struct fsyi_lot *lot, const void *key, int64_t now)
{
	struct fsyi_scene scene;

	scene.key = key;
	scene.now = now;
	scene.wake = scene.rest = NULL;
	scene.here = scene.asleep = scene.crowd = false;
	scene.bucket = fsyi_lot_bucket(lot, key);
	fsyi_bucket_lock(scene.bucket);
	scene.queue = fsyi_queue_find(scene.bucket, key);
	return scene;
}

static void
wake_up(struct fsyi_scene *scene, struct fsyi_thread *thread)
{
	fsyi_futex_wake(&thread->park, 1);
	fsyi_count_wake(scene->key);
}

void
fsyi_scene_leave(struct fsyi_scene *scene)
{
	struct fsyi_thread *thread, *next;
	uint32_t was;

	fsyi_bucket_unlock(scene->bucket);
	if (scene->asleep)
		wake_up(scene, scene->wake);
	if (scene->asleep && scene->here && fsyi_thread_current != NULL && fsyi_thread_current->linger_skip == 0)
		fsyi_thread_current->linger_skip = 1;   /* whom it has woken wants its CPU */
	for (thread = scene->rest; thread != NULL; thread = next) {
		next = thread->next;
		was = fsy_atomic_u32_swap_rel(&thread->park, AWAKE);                            /* K3 -> K2 */
		if (was == ASLEEP)
			wake_up(scene, thread);
		else if (was == IN_CROWD)
			fsyi_count_wake(scene->key);
		scene->crowd |= was == IN_CROWD;
	}
	if (!scene->crowd)
		return;
	fsy_atomic_u32_add_rel(&scene->bucket->crowd, 1);                                       /* K4 -> K5 */
	fsyi_futex_wake(&scene->bucket->crowd, INT32_MAX);
}

void
fsyi_scene_wake(struct fsyi_scene *scene, struct fsyi_thread *thread, enum fsyi_token token)
{
	bool last = thread->queue->count == 1;
	uint32_t was;

	FSYI_ASSERT(scene->wake == NULL);
	fsyi_queue_remove(scene->bucket, thread);
	if (last)
		scene->queue = NULL;
	scene->wake = thread;
	thread->token = (uint32_t)token;
	scene->here = thread->cpu == fsyi_cpu();
	was = fsy_atomic_u32_swap_rel(&thread->park, AWAKE);                                    /* K1 -> K2 */
	scene->asleep = was == ASLEEP;
	scene->crowd |= was == IN_CROWD;
}

uint32_t
fsyi_scene_wake_all(struct fsyi_scene *scene, uint32_t kind, enum fsyi_token token)
{
	struct fsyi_thread *thread = scene->queue == NULL ? NULL : scene->queue->all.head, *next;
	struct fsyi_thread **end = &scene->rest;
	uint32_t count = 0;

	while (*end != NULL)
		end = &(*end)->next;
	for (; thread != NULL; thread = next) {
		next = thread->next;
		if (kind != 0 && thread->kind != kind)
			continue;
		if (scene->queue->count == 1)
			scene->queue = NULL;
		fsyi_queue_remove(scene->bucket, thread);
		thread->token = (uint32_t)token;
		thread->next = NULL;
		*end = thread;
		end = &thread->next;
		count++;
	}
	return count;
}

bool
fsyi_is_asleep(const struct fsyi_thread *thread)
{
	return fsy_atomic_u32_load_rlx(&thread->park) == ASLEEP;
}

void
fsyi_visit(struct fsyi_lot *lot, const void *key, void (*visit)(struct fsyi_scene *scene, void *arg), void *arg)
{
	struct fsyi_scene scene = fsyi_scene_enter(lot, key, fsyi_now());

	visit(&scene, arg);
	fsyi_scene_leave(&scene);
}

/* Leaves the queue without having been woken; false if a waker was faster, or has moved it to another. */
static bool
give_up(struct fsyi_lot *lot, struct fsyi_thread *self, const void *first, const struct fsyi_park_op *op, void *arg)
{
	struct fsyi_scene scene;
	const void *key;
	bool gone = false;

	for (;;) {
		key = fsy_atomic_ptr_load_rlx(&self->key);
		scene = fsyi_scene_enter(lot, key, 0);
		if (key == fsy_atomic_ptr_load_rlx(&self->key)) /* stable under its bucket lock (P4) */
			break;
		fsyi_scene_leave(&scene);               /* moved in between */
	}
	if (self->token == FSYI_TOKEN_NONE && (key == first || !(op->ways & FSYI_PARK_MOVES))) {
		if (self->queue->count == 1)
			scene.queue = NULL;
		fsyi_queue_remove(scene.bucket, self);
		fsy_atomic_u32_store_rlx(&self->park, AWAKE);
		if (op->left != NULL)
			op->left(&scene, arg);
		gone = true;
	}
	fsyi_scene_leave(&scene);
	return gone;
}

/*
 * Waits awake for a moment, if that has paid lately: a partner that answers at once is heard for a fraction of what a sleep
 * and a wake-up cost. True: it has been woken.
 */
static bool
linger(struct fsyi_thread *self, fsy_deadline_t deadline)
{
	int64_t give_up_at;

	if (self->linger_skip > 0) {
		self->linger_skip--;
		return false;
	}
	if (fsyi_cpu_count() == 1)
		return false;
	give_up_at = fsyi_now() + fsyi_tune.linger_ns;
	do {
		for (int i = 0; i < LOOKS; i++) {
			if (fsy_atomic_u32_load_rlx(&self->park) == AWAKE) {
				self->linger_vain = 0;
				return true;
			}
			fsyi_relax();
		}
	} while (fsyi_now() < (give_up_at < deadline ? give_up_at : deadline));
	self->linger_vain = self->linger_vain == 0 ? 1 : self->linger_vain < MOST_SKIPPED ? (uint16_t)(2 * self->linger_vain) : MOST_SKIPPED;
	self->linger_skip = self->linger_vain;
	return false;
}

/* May not return, if cancellable is set. */
static enum fsyi_wait
doze(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline, bool cancellable)
{
	return cancellable ? fsyi_futex_wait_cancellable(word, expected, deadline) : fsyi_futex_wait(word, expected, deadline);
}

static enum fsyi_parked
sleep_until_woken(struct fsyi_lot *lot, struct fsyi_thread *self, const void *key, const struct fsyi_park_op *op, void *arg,
		  fsy_deadline_t deadline)
{
	bool cancellable = (op->ways & FSYI_PARK_CANCELLABLE) != 0;
	fsy_atomic_u32 *crowd = op->ways & FSYI_PARK_CROWD ? &fsyi_lot_bucket(lot, key)->crowd : NULL;
	uint32_t seen, round = ASLEEP, asleep = crowd == NULL ? ASLEEP : IN_CROWD;

	if (!(op->ways & FSYI_PARK_LINGERS) || !linger(self, deadline))
		fsyi_count_park(key);
	for (;;) {
		if (crowd != NULL)
			round = fsy_atomic_u32_load_acq(crowd);                                 /* K5 <- K4 */
		seen = fsy_atomic_u32_load_acq(&self->park);                                    /* K2 <- K1,K3 */
		if (seen == AWAKE)
			break;
		if (seen == QUEUED && !fsy_atomic_u32_cas_rlx(&self->park, &seen, asleep))
			continue;
		if (doze(crowd == NULL ? &self->park : crowd, round, deadline, cancellable) != FSYI_TIMEDOUT)
			continue;
		if (give_up(lot, self, key, op, arg))
			return FSYI_PARK_TIMEDOUT;
		deadline = FSY_FOREVER;                 /* what it waits for is on its way */
	}
	return (enum fsyi_parked)(self->token - FSYI_TOKEN_NORMAL);
}

enum fsyi_parked
fsyi_park(struct fsyi_lot *lot, const void *key, uint32_t kind, const struct fsyi_park_op *op, void *arg,
	  fsy_deadline_t deadline)
{
	struct fsyi_thread *self = fsyi_thread_self();
	struct fsyi_scene scene;

	if (self == NULL || self->spare == NULL)
		return FSYI_PARK_NO_RECORD;
	self->cpu = (uint16_t)fsyi_cpu();
	self->node = (uint16_t)fsyi_node();
	scene = fsyi_scene_enter(lot, key, fsyi_now());
	if (!op->validate(&scene, arg)) {
		fsyi_scene_leave(&scene);
		return FSYI_PARK_INVALID;
	}
	fsy_atomic_ptr_store_rlx(&self->key, (void *)(uintptr_t)key);
	self->kind = kind;
	self->lost = (op->ways & FSYI_PARK_AGAIN) != 0;
	self->moved = false;
	self->token = FSYI_TOKEN_NONE;
	self->since = scene.now;
	fsy_atomic_u32_store_rlx(&self->park, QUEUED);
	fsyi_queue_insert(scene.bucket, self, self->lost);
	scene.queue = self->queue;
	if (op->queued != NULL)
		op->queued(&scene, arg);
	fsyi_scene_leave(&scene);
	if (op->confirm != NULL && !op->confirm(arg) && give_up(lot, self, key, op, arg))
		return FSYI_PARK_INVALID;
	return sleep_until_woken(lot, self, key, op, arg, deadline);
}

enum fsyi_parked
fsyi_park_break_off(struct fsyi_lot *lot, const void *key, const struct fsyi_park_op *op, void *arg)
{
	struct fsyi_park_op rest = *op;
	struct fsyi_thread *self = fsyi_thread_self();

	if (give_up(lot, self, key, op, arg))
		return FSYI_PARK_TIMEDOUT;
	rest.ways &= ~(unsigned int)(FSYI_PARK_CANCELLABLE | FSYI_PARK_LINGERS);
	return sleep_until_woken(lot, self, key, &rest, arg, FSY_FOREVER);
}
