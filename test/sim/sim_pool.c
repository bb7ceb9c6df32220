/* SPDX-License-Identifier: MIT */
/*
 * sim_pool.c - pools on simulated machines: no object in two hands, none lost, none destroyed twice, the limit kept; against reapers,
 * thieves, threads that end and threads that a fork leaves behind.
 */
#include "pool_case.h"

static void
setup(void)
{
	make_pool(0);
}

static void
setup_limited(void)
{
	make_pool(4);
}

static void
setup_nodes(void)
{
	make_pool(0);
	sim_place(1, 1, 1);
}

static void
setup_steal(void)
{
	make_pool(0);
	for (int i = 1; i < sim_threads(); i++)
		sim_place(i, 1, i);
}

static void
some(int count)
{
	uint8_t *mine[12];

	for (int i = 0; i < count; i++)
		mine[i] = get();
	for (int i = 0; i < count; i++)
		put(mine[i]);
}

/* Bursts large enough for the depots. */
static void
exchange(int id)
{
	some(6);
	some(2 + id);
}

/* One puts several magazines into its depot, the others, of another node, take them from there. */
static void
steal(int id)
{
	some(id == 0 ? 12 : 5);
	some(id == 0 ? 12 : 5);
}

/* The last thread takes what the others keep; they go on all the while. */
static void
reaped(int id)
{
	if (id == sim_threads() - 1) {
		fsy_pool_trim(pool);
		fsy_pool_tick(pool);
	} else {
		some(2 - id);
		some(1);
		some(4);
	}
}

static void
reaped_pair(int id)
{
	if (id == 0) {
		put(get());
		put(get());
	} else {
		fsy_pool_trim(pool);
	}
}

static void
reaped_magazines(int id)
{
	if (id == 0) {
		some(3);
		some(3);
	} else {
		fsy_pool_trim(pool);
	}
}

/* Marks come and go under the owner's hands. */
static void
marked(int id)
{
	if (id == 0) {
		for (int i = 0; i < 4; i++)
			some(5);
		over = true;
	}
	while (!over)
		fsyi_pool_reap((struct fsyi_pool *)(void *)pool);
}

/* Two reapers, one owner. */
static void
reapers(int id)
{
	if (id == 0) {
		some(2);
		some(2);
	} else {
		fsy_pool_trim(pool);
	}
}

/* For what a single reaper finds there is no magazine: it destroys that at once. */
static void
no_room(int id)
{
	put(get());
	fsy_atomic_u32_add(&ready, 1);
	if (id < sim_threads() - 1)
		return;
	while (fsy_atomic_u32_load(&ready) < (uint32_t)sim_threads())
		sim_yield();
	no_memory = true;
	fsy_pool_trim(pool);
	no_memory = false;
}

/* A thread ends while it is reaped, and goes on as another one that finds its table. */
static void
ends(int id)
{
	if (id == 0) {
		for (int i = 0; i < 2; i++) {
			some(3);
			fsyi_pool_thread_exit(fsy_pool_cells_);
		}
		some(1);
	} else {
		fsy_pool_trim(pool);
		some(1);
	}
}

static void
ages(int id)
{
	for (int i = 0; i < 3; i++) {
		some(1 + id);
		fsy_pool_tick(pool);
	}
}

/* T0 forks; T2 is a thread of the child. */
static void
forked(int id)
{
	if (id == 2)
		sim_await_fork();
	if (id == 0) {
		some(2);
		sim_fork();
		for (int i = 0; i < made; i++)           /* in hands that are no more, if the get was visible by then */
			things[i] = things[i] == OUT ? IN : things[i];
	}
	if (id == 1) {
		reaped(1);
		fsy_pool_trim(pool);
		some(3);
	} else {
		some(3);
		fsy_pool_trim(pool);
		some(2);
	}
}

static void
check_limited(size_t limit)
{
	fsy_pool_stats_t stats;

	fsy_pool_stats(pool, &stats);
	SIM_CHECK((int)stats.idle == made - destroyed);
	SIM_CHECK(stats.idle <= limit);
	if (FSY_ASYMMETRIC_ && fsy_attention_ != NULL)
		SIM_CHECK(fsy_pool_trim(pool) == stats.idle || fsyi_membarrier_lost());     /* all of them can be found */
	fsy_pool_free(pool);
	SIM_CHECK(destroyed == made);
}

static void check(void) { check_limited(THINGS); }
static void check_limit(void) { check_limited(4); }

/* A thing on its way between two places, or in a reaper's hand, is lost with its thread; never twice anywhere. */
static void
check_forked(void)
{
	fsy_pool_free(pool);
	for (int i = 0; i < made; i++)
		SIM_CHECK(things[i] == DESTROYED || things[i] == IN);
}

/* In the fenced form nobody reaps, and little else differs: less of it will do. */
#define MORE (SIM_NO_DFS | (FSY_ASYMMETRIC_ ? 0 : SIM_SLOW))
#define TSO(name, threads, setup, body, end, flags)                               \
	{ "pool/" name "/tso", threads, setup, body, end, (flags) | SIM_TSO, 0 }
#define BOTH(name, threads, setup, body, end, flags)                              \
	{ "pool/" name "/sc", threads, setup, body, end, flags, 0 },              \
	TSO(name, threads, setup, body, end, flags)

const struct sim_case sim_cases[] = {
	BOTH("reaped-pair", 2, setup, reaped_pair, check, 0),
	{ "pool/reaped-trio/tso", 3, setup, reaped_pair, check, SIM_TSO | SIM_DFS_ONLY, 1 },
	BOTH("reaped-magazines", 2, setup, reaped_magazines, check, MORE),
	BOTH("reapers", 3, setup, reapers, check, MORE),
	TSO("no-room", 3, setup, no_room, check, MORE | SIM_SLOW),
	TSO("marked", 2, setup, marked, check, MORE | SIM_SLOW),
	TSO("reaped", 3, setup, reaped, check, MORE),
	TSO("reaped-limited", 3, setup_limited, reaped, check_limit, MORE | SIM_SLOW),
	TSO("exchange", 3, setup, exchange, check, SIM_NO_DFS | SIM_SLOW),
	TSO("exchange-nodes", 3, setup_nodes, exchange, check, SIM_NO_DFS | SIM_SLOW),
	TSO("exchange-limited", 3, setup_limited, exchange, check_limit, SIM_NO_DFS | SIM_SLOW),
	TSO("steal", 3, setup_steal, steal, check, MORE | SIM_SLOW),
	TSO("ends", 3, setup, ends, check, MORE),
	TSO("ages", 3, setup_nodes, ages, check, MORE | SIM_SLOW),
	TSO("forked", 3, setup, forked, check_forked, MORE),
	TSO("loses-membarrier", 3, setup, reaped, check, MORE | SIM_LOSES_MEMBARRIER),
	TSO("no-membarrier", 3, setup, reaped, check, MORE | SIM_NO_MEMBARRIER),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
