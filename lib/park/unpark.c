/* SPDX-License-Identifier: MIT */
/*
 * unpark.c - the plain doors of the lot: wake one, wake all, move, look.
 *
 * INVARIANTS, ORDER, LIFETIME: those of park.c, through fsyi_scene_wake and the bucket lock. Two bucket locks are
 * taken in address order.
 */
#include "park.h"
#include "../sys/clock.h"
#include "../sys/fatal.h"

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

void
fsyi_scene_move(struct fsyi_scene *from, struct fsyi_scene *to, struct fsyi_thread *thread, uint32_t kind)
{
	if (from->queue->count == 1)
		from->queue = NULL;
	fsyi_queue_remove(from->bucket, thread);
	fsy_atomic_ptr_store_rlx(&thread->key, (void *)(uintptr_t)to->key);
	thread->kind = kind;
	thread->moved = true;
	thread->since = to->now;
	fsyi_queue_insert(to->bucket, thread, false);
	to->queue = thread->queue;
}

void
fsyi_visit_two(struct fsyi_lot *lot, const void *key, const void *(*other)(const struct fsyi_scene *scene, void *arg),
	       void (*visit)(struct fsyi_scene *scene, struct fsyi_scene *target, void *arg), void *arg)
{
	struct fsyi_scene scene, target = { 0 };
	const void *again;

	for (;;) {
		scene = fsyi_scene_enter(lot, key, 0);
		target.key = other(&scene, arg);
		if (target.key == NULL)
			break;
		target.bucket = fsyi_lot_bucket(lot, target.key);
		if (target.bucket == scene.bucket)
			break;
		if (target.bucket > scene.bucket) {
			fsyi_bucket_lock(target.bucket);
			break;
		}
		fsyi_bucket_unlock(scene.bucket);
		fsyi_bucket_lock(target.bucket);
		fsyi_bucket_lock(scene.bucket);
		scene.queue = fsyi_queue_find(scene.bucket, key);
		again = other(&scene, arg);
		if (again == target.key)
			break;
		fsyi_bucket_unlock(target.bucket);      /* what it named has changed meanwhile */
		target.key = again;
		if (again == NULL)
			break;
		fsyi_bucket_unlock(scene.bucket);
	}
	if (target.key == NULL) {
		visit(&scene, NULL, arg);
		fsyi_scene_leave(&scene);
		return;
	}
	target.queue = fsyi_queue_find(target.bucket, target.key);
	target.now = fsyi_now();
	visit(&scene, &target, arg);
	FSYI_ASSERT(scene.wake == NULL);
	if (target.bucket != scene.bucket)
		fsyi_bucket_unlock(scene.bucket);
	fsyi_scene_leave(&target);
}

struct requeue {
	const void *to;
	uint32_t kind, moved;
};

static const void *
requeue_to(const struct fsyi_scene *scene, void *arg)
{
	(void)scene;
	return ((struct requeue *)arg)->to;
}

static void
move_all(struct fsyi_scene *scene, struct fsyi_scene *target, void *arg)
{
	struct requeue *requeue = (struct requeue *)arg;

	for (; scene->queue != NULL; requeue->moved++)
		fsyi_scene_move(scene, target, scene->queue->all.head, requeue->kind);
}

uint32_t
fsyi_requeue(struct fsyi_lot *lot, const void *from, const void *to, uint32_t kind, uint32_t wake)
{
	struct requeue requeue = { to, kind, 0 };

	while (wake-- > 0)
		if (!fsyi_unpark_one(lot, from, FSYI_TOKEN_NORMAL))
			return 0;
	fsyi_visit_two(lot, from, requeue_to, move_all, &requeue);
	return requeue.moved;
}

const void *
fsyi_park_find(struct fsyi_lot *lot, uint32_t *bucket, bool (*match)(const struct fsyi_thread *eldest, void *arg), void *arg)
{
	const void *found = NULL;

	for (; *bucket < (1u << FSY_ATTENTION_BITS_) >> lot->shift; ++*bucket) {
		struct fsyi_bucket *here = &lot->buckets[*bucket];

		fsyi_bucket_lock(here);
		for (struct fsyi_waitq *queue = here->queues; queue != NULL && found == NULL; queue = queue->chain)
			if (match(queue->all.head, arg))
				found = queue->key;
		fsyi_bucket_unlock(here);
		if (found != NULL)
			break;
	}
	return found;
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
