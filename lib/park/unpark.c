/* SPDX-License-Identifier: MIT */
/*
 * unpark.c - the plain doors of the lot: wake one, wake all, move, look.
 *
 * INVARIANTS, ORDER, LIFETIME: those of park.c, through fsyi_scene_wake and the bucket lock. Two bucket locks are
 * taken in address order.
 */
#include "park.h"
#include "../sys/clock.h"

struct unpark {
	enum fsyi_token token;
	uint32_t woken;
};

static void
wake_eldest(struct fsyi_scene *scene, void *arg)
{
	struct unpark *unpark = (struct unpark *)arg;

	if (scene->queue == NULL)
		return;
	fsyi_scene_wake(scene, scene->queue->all.head, unpark->token);
	unpark->woken = 1;
}

bool
fsyi_unpark_one(struct fsyi_lot *lot, const void *key, enum fsyi_token token)
{
	struct unpark unpark = { token, 0 };

	fsyi_visit(lot, key, wake_eldest, &unpark);
	return unpark.woken != 0;
}

static void
wake_every(struct fsyi_scene *scene, void *arg)
{
	struct unpark *unpark = (struct unpark *)arg;

	unpark->woken = fsyi_scene_wake_all(scene, 0, unpark->token);
}

uint32_t
fsyi_unpark_all(struct fsyi_lot *lot, const void *key, enum fsyi_token token)
{
	struct unpark unpark = { token, 0 };

	fsyi_visit(lot, key, wake_every, &unpark);
	return unpark.woken;
}

static void
lock_both(struct fsyi_bucket *a, struct fsyi_bucket *b)
{
	fsyi_bucket_lock(a < b ? a : b);
	if (a != b)
		fsyi_bucket_lock(a < b ? b : a);
}

uint32_t
fsyi_requeue(struct fsyi_lot *lot, const void *from, const void *to, uint32_t kind, uint32_t wake)
{
	struct fsyi_bucket *source = fsyi_lot_bucket(lot, from), *target = fsyi_lot_bucket(lot, to);
	struct fsyi_waitq *queue;
	struct fsyi_thread *thread;
	uint32_t moved = 0;

	while (wake-- > 0)
		if (!fsyi_unpark_one(lot, from, FSYI_TOKEN_NORMAL))
			return 0;
	lock_both(source, target);
	while ((queue = fsyi_queue_find(source, from)) != NULL) {
		thread = queue->all.head;
		fsyi_queue_remove(source, thread);
		fsy_atomic_ptr_store_rlx(&thread->key, (void *)(uintptr_t)to);
		thread->kind = kind;
		fsyi_queue_insert(target, thread, false);
		moved++;
	}
	if (source != target)
		fsyi_bucket_unlock(source);
	fsyi_bucket_unlock(target);
	return moved;
}

void
fsyi_park_each(struct fsyi_lot *lot, void (*show)(const struct fsyi_thread *thread, void *arg), void *arg)
{
	uint32_t count = (1u << FSY_ATTENTION_BITS_) >> lot->shift;

	for (uint32_t i = 0; i < count; i++) {
		struct fsyi_bucket *bucket = &lot->buckets[i];

		fsyi_bucket_lock(bucket);
		for (struct fsyi_waitq *queue = bucket->queues; queue != NULL; queue = queue->chain)
			for (struct fsyi_thread *thread = queue->all.head; thread != NULL; thread = thread->next)
				show(thread, arg);
		fsyi_bucket_unlock(bucket);
	}
}
