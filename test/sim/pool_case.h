/* SPDX-License-Identifier: MIT */
/* pool_case.h - what the scenarios of pools share: a pool of things that notice when they are in two hands, lost, or destroyed twice. */
#ifndef POOL_CASE_H
#define POOL_CASE_H

#include "scenario.h"
#include <data/pool.h>
#include <fastsync/pool.h>
#include <stdlib.h>
#include <sys/membarrier.h>
#include <sys/thread.h>
#include <sys/tune.h>

enum { THINGS = 100, UNMADE = 0, OUT, IN, DESTROYED };

static fsy_pool_t *pool;
static uint8_t things[THINGS];
static int made, destroyed;
static bool over, no_memory;
static fsy_atomic_u32 ready;

/* What magazines are made of. */
void *
aligned_alloc(size_t alignment, size_t size)
{
	void *memory;

	return no_memory || posix_memalign(&memory, alignment, size) != 0 ? NULL : memory;
}

/* The user may do anything there: while its objects are destroyed a reaper has no seat. */
static inline void
check_seats(void)
{
	uint32_t place = ((struct fsyi_pool *)(void *)pool)->handle.cell_ / (uint32_t)sizeof(struct fsy_pool_cell_);

	for (struct fsyi_pool_table *table = fsyi_pool_tables(); table != NULL; table = table->next)
		SIM_CHECK(fsy_atomic_u32_load_rlx(&table->seats[place].reaper) == 0);
}

static inline void *
new_thing(void *arg)
{
	(void)arg;
	if (made == THINGS)
		sim_fail("more objects made than were ever out");
	things[made] = IN;
	return &things[made++];
}

static inline void
free_thing(void *object, void *arg)
{
	uint8_t *thing = object;

	(void)arg;
	SIM_CHECK(thing >= things && thing < things + THINGS);
	SIM_CHECK(*thing == IN);
	if (no_memory)
		check_seats();
	*thing = DESTROYED;
	destroyed++;
}

static inline uint8_t *
get(void)
{
	uint8_t *thing = fsy_pool_get(pool);

	SIM_CHECK(thing >= things && thing < things + THINGS);
	SIM_CHECK(*thing == IN);
	*thing = OUT;
	return thing;
}

static inline void
put(uint8_t *thing)
{
	SIM_CHECK(*thing == OUT);
	*thing = IN;
	fsy_pool_put(pool, thing);
}

static inline void
make_pool(size_t limit)
{
	fsy_pool_config_t config = { .object_size = 1000, .new_fn = new_thing, .free_fn = free_thing, .max_idle = limit, .idle_ns = 200 };

	made = destroyed = 0;
	over = no_memory = false;
	ready.cell_ = 0;
	for (int i = 0; i < THINGS; i++)
		things[i] = UNMADE;
	fsyi_tune.pool_magazine_bytes = 2000;            /* two objects in a magazine */
	fsyi_tune.pool_shard_cpus = 8;
	pool = fsy_pool_new(&config);
	for (int i = 0; i < sim_threads(); i++)
		sim_place(i, 0, i);
}

#endif
