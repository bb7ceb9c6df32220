/* SPDX-License-Identifier: MIT */
/* things.c - see things.h. */
#include "things.h"
#include "gate.h"
#include "lib/sys/cpu.h"
#include "worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { HELD = 1, IDLE = 2, DESTROYED = 3 };

fsy_atomic_u32 things_refuse;
static fsy_atomic_ptr all;
static fsy_atomic_i32 made, destroyed;

void *
thing_new(void *arg)
{
	struct thing *thing;
	void *head;

	(void)arg;
	if (fsy_atomic_u32_load(&things_refuse) || (thing = calloc(1, sizeof(*thing))) == NULL)
		return NULL;
	thing->serial = fsy_atomic_i32_add(&made, 1);
	thing->node = fsyi_node();
	fsy_atomic_u32_store_rlx(&thing->state, IDLE);
	head = fsy_atomic_ptr_load(&all);
	do
		thing->next = head;
	while (!fsy_atomic_ptr_cas(&all, &head, thing));
	return thing;
}

/* Relaxed, all three: the pool has to order what the threads do with a thing. */
static bool
turn(struct thing *thing, uint32_t from, uint32_t to)
{
	return fsy_atomic_u32_cas_rlx(&thing->state, &from, to);
}

void
thing_free(void *object, void *arg)
{
	(void)arg;
	W_CHECK(turn(object, IDLE, DESTROYED));
	fsy_atomic_i32_add(&destroyed, 1);
}

int
thing_node(void *object, void *arg)
{
	(void)arg;
	return ((struct thing *)object)->node;
}

fsy_pool_t *
things_pool(fsy_pool_config_t config)
{
	fsy_pool_t *pool;

	config.new_fn = thing_new;
	config.free_fn = thing_free;
	pool = fsy_pool_new(&config);
	if (pool == NULL)
		abort();
	return pool;
}

struct thing *
thing_get(fsy_pool_t *pool)
{
	struct thing *thing = fsy_pool_get(pool);

	W_CHECK(thing != NULL || fsy_atomic_u32_load(&things_refuse));
	if (thing != NULL)
		W_CHECK(turn(thing, IDLE, HELD));
	return thing;
}

void
thing_put(fsy_pool_t *pool, struct thing *thing)
{
	W_CHECK(turn(thing, HELD, IDLE));
	fsy_pool_put(pool, thing);
}

void
things_use(fsy_pool_t *pool, int count)
{
	struct thing *mine[THINGS_MANY];

	for (int i = 0; i < count; i++)
		mine[i] = thing_get(pool);
	for (int i = 0; i < count; i++)
		thing_put(pool, mine[i]);
}

static struct gate stayer = GATE("the thread that stays");
static fsy_pool_t *stays_with;

static void *
use_and_stay(void *arg)
{
	things_use(stays_with, (int)(intptr_t)arg);
	gate_meet(&stayer, 2);
	gate_meet(&stayer, 2);
	return NULL;
}

pthread_t
things_stay(fsy_pool_t *pool, int count)
{
	pthread_t thread;

	stays_with = pool;
	thread = worker_start(use_and_stay, (void *)(intptr_t)count);
	gate_meet(&stayer, 2);
	return thread;
}

void
things_leave(pthread_t thread)
{
	gate_meet(&stayer, 2);
	worker_join(thread);
}

fsy_pool_stats_t
things_stats(fsy_pool_t *pool)
{
	fsy_pool_stats_t now;

	fsy_pool_stats(pool, &now);
	return now;
}

int
things_made(void)
{
	return fsy_atomic_i32_load(&made);
}

int
things_destroyed(void)
{
	return fsy_atomic_i32_load(&destroyed);
}

void
things_reset(void)
{
	struct thing *thing = fsy_atomic_ptr_swap(&all, NULL);

	workers_assert();
	assert_int_equal(things_destroyed(), things_made());
	fsy_atomic_i32_store(&made, 0);
	fsy_atomic_i32_store(&destroyed, 0);
	while (thing != NULL) {
		struct thing *next = thing->next;

		free(thing);
		thing = next;
	}
}
