/* SPDX-License-Identifier: MIT */
/* pool.c - the load of the pool: objects that know whether somebody has them, handed around, aged, and counted at the end. */
#include "load.h"

#include <fastsync/pool.h>
#include <stdlib.h>

enum { OUT = 1, IDLE, GONE, MOST = 6, SHELF = 16 };

struct object {
	fsy_atomic_u32 state;
	long owner;                      /* plain: ordered by put and get */
	long pad[6];
};

static fsy_pool_t *pool;
static fsy_atomic_i64 made, destroyed;
static fsy_atomic_u32 refusals;          /* the next so many are not made */
static fsy_atomic_ptr shelf[SHELF];      /* objects on their way to somebody who puts them back */

static void *
make_object(void *arg)
{
	struct object *object;
	uint32_t refuse = fsy_atomic_u32_load(&refusals);

	(void)arg;
	if (refuse > 0 && fsy_atomic_u32_cas(&refusals, &refuse, refuse - 1))
		return NULL;
	object = calloc(1, sizeof(*object));
	if (object == NULL)
		return NULL;
	fsy_atomic_u32_store_rlx(&object->state, IDLE);
	fsy_atomic_i64_add_rlx(&made, 1);
	return object;
}

static void
free_object(void *arg, void *unused)
{
	struct object *object = arg;

	(void)unused;
	LOAD_CHECK(fsy_atomic_u32_load_rlx(&object->state) == IDLE);
	fsy_atomic_u32_store_rlx(&object->state, GONE);
	fsy_atomic_i64_add_rlx(&destroyed, 1);
	free(object);
}

static void
begin(void)
{
	fsy_pool_config_t config = { .object_size = sizeof(struct object), .new_fn = make_object, .free_fn = free_object, .max_idle = 200 };

	config.idle_ns = 3000000;
	fsy_atomic_i64_store(&made, 0);
	fsy_atomic_i64_store(&destroyed, 0);
	fsy_atomic_u32_store(&refusals, 0);
	for (int i = 0; i < SHELF; i++)
		fsy_atomic_ptr_store(&shelf[i], NULL);
	pool = fsy_pool_new(&config);
	LOAD_CHECK(pool != NULL);
}

static void
put_back(struct object *object)
{
	uint32_t out = OUT;

	LOAD_CHECK(fsy_atomic_u32_cas_rlx(&object->state, &out, IDLE));
	fsy_pool_put(pool, object);
}

static void
turn(struct hand *hand)
{
	struct object *mine[MOST];
	uint32_t count = 1 + load_below(hand, MOST), had = 0;
	long tag = (long)hand->random;

	if (pool == NULL)
		return;
	if (load_chance(hand, 100))
		fsy_atomic_u32_store(&refusals, 3);
	if (load_chance(hand, 300))
		(void)(load_chance(hand, 2) ? fsy_pool_tick(pool) : fsy_pool_trim(pool));
	for (uint32_t i = 0; i < count; i++) {
		struct object *object = fsy_pool_get(pool);
		uint32_t idle = IDLE;

		if (object == NULL)
			continue;
		LOAD_CHECK(fsy_atomic_u32_cas_rlx(&object->state, &idle, OUT));
		object->owner = tag;
		mine[had++] = object;
	}
	load_dawdle(hand);
	for (uint32_t i = 0; i < had; i++) {
		LOAD_CHECK(mine[i]->owner == tag);
		if (load_chance(hand, 4))
			mine[i] = fsy_atomic_ptr_swap(&shelf[load_below(hand, SHELF)], mine[i]);
		if (mine[i] != NULL)
			put_back(mine[i]);
	}
}

static const char *
audit(void)
{
	fsy_pool_stats_t stats;
	const char *wrong = NULL;

	if (pool == NULL)
		return "there is no pool";
	for (int i = 0; i < SHELF; i++)
		if (fsy_atomic_ptr_load(&shelf[i]) != NULL)
			put_back(fsy_atomic_ptr_swap(&shelf[i], NULL));
	fsy_pool_stats(pool, &stats);
	if (stats.idle > 200)
		wrong = "more are idle than may be";
	if (stats.created != (uint64_t)fsy_atomic_i64_load(&made) || stats.destroyed != (uint64_t)fsy_atomic_i64_load(&destroyed) ||
	    stats.idle != stats.created - stats.destroyed)
		wrong = "made and destroyed do not add up to what is idle";
	fsy_pool_free(pool);
	pool = NULL;
	if (fsy_atomic_i64_load(&made) != fsy_atomic_i64_load(&destroyed))
		wrong = "an object is lost";
	return wrong;
}

static void
dump(void)
{
	load_print("pool %p: made %ld, destroyed %ld\n", (void *)pool, (long)fsy_atomic_i64_load_rlx(&made), (long)fsy_atomic_i64_load_rlx(&destroyed));
}

const struct load load_pool = { "pool", begin, turn, NULL, audit, dump };
