/* SPDX-License-Identifier: MIT */
/* pool_make.c - a pool's beginning and end, and what can be said about it in between. */
#include "pool.h"
#include "heap.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/mem.h"
#include "../sys/topology.h"
#include "../sys/tune.h"

#include <string.h>

static bool
sensible(const fsy_pool_config_t *config)
{
	if (config->new_fn == NULL)
		return config->object_size > 0 && config->free_fn == NULL && config->node_fn == NULL && config->idle_ns >= 0;
	return (config->max_bytes == 0 || config->object_size > 0) && config->idle_ns >= 0;
}

static size_t
limit_of(const fsy_pool_config_t *config)
{
	size_t limit = config->max_idle == 0 ? SIZE_MAX : config->max_idle;
	size_t fit = config->max_bytes == 0 ? SIZE_MAX : config->max_bytes / config->object_size;

	return fit < limit ? fit : limit;
}

/* How many objects a magazine holds: fewer of large ones, and of those that are scarce. */
static uint32_t
room_of(const struct fsyi_pool *p)
{
	size_t room = FSYI_MAGAZINE, share = p->limit / (4 * (size_t)fsyi_cpu_count());

	if (p->config.object_size > 0 && (size_t)fsyi_tune.pool_magazine_bytes / p->config.object_size < room)
		room = (size_t)fsyi_tune.pool_magazine_bytes / p->config.object_size;
	if (room > share)
		room = share;
	return room < 2 ? 2 : (uint32_t)room;
}

/* The other nodes, the nearest first; of those at one distance the next higher number, so that not all go to node 0. */
static void
sort_by_distance(uint16_t *order, int from, int nodes)
{
	for (int i = 0; i < nodes; i++) {
		int node = (from + i) % nodes, at = i;

		for (; at > 1 && fsyi_topology_distance(from, order[at - 1]) > fsyi_topology_distance(from, node); at--)
			order[at] = order[at - 1];
		order[at] = (uint16_t)node;
	}
}

/* On their nodes, if there are any and the kernel gives pages; else together. */
static bool
have_depots(struct fsyi_pool *p)
{
	size_t size = p->shards * sizeof(struct fsyi_pool_shard);

	if (p->nodes > 1 && !fsyi_topology()->fake)
		p->depots = fsyi_mem_spread(size, (int)p->nodes, &p->depot_stride);
	p->depots_spread = p->depots != NULL;
	if (p->depots_spread)
		return true;
	p->depot_stride = size;
	p->depots = fsyi_heap_aligned(_Alignof(struct fsyi_pool_shard), p->nodes * size);
	if (p->depots != NULL)
		memset(p->depots, 0, p->nodes * size);
	return p->depots != NULL;
}

static bool
lay_out(struct fsyi_pool *p)
{
	int nodes = fsyi_topology()->nodes;
	int64_t per_node = fsyi_cpu_count() / nodes / fsyi_tune.pool_shard_cpus;

	p->nodes = (uint32_t)nodes;
	p->shards = per_node < 1 ? 1 : (uint32_t)per_node;
	if (!have_depots(p))
		return false;
	if (nodes == 1)
		return true;
	p->order = fsyi_heap(p->nodes * p->nodes * sizeof(*p->order));
	for (int i = 0; i < nodes && p->order != NULL; i++)
		sort_by_distance(&p->order[i * nodes], i, nodes);
	return p->order != NULL;
}

static void
dismantle(struct fsyi_pool *p)
{
	fsyi_magazines_free(p);
	fsyi_check_free(p->check);
	free(p->order);
	if (p->depots_spread)
		fsyi_mem_gather(p->depots, (int)p->nodes, p->depot_stride);
	else
		free(p->depots);
	free(p);
}

fsy_pool_t *
fsy_pool_new_(const fsy_pool_config_t *config, size_t config_size, bool checked)
{
	struct fsyi_pool *p = fsyi_heap_aligned(_Alignof(struct fsyi_pool), sizeof(*p));

	if (p == NULL)
		return NULL;
	memset((void *)p, 0, sizeof(*p));
	/* A program may know fewer fields than we do; none that it leaves out is set. */
	memcpy(&p->config, config, config_size < sizeof(p->config) ? config_size : sizeof(p->config));
	if (!sensible(&p->config)) {
		free(p);
		return NULL;
	}
	if (p->config.idle_ns == 0)
		p->config.idle_ns = fsyi_tune.pool_idle_ns;
	p->limit = limit_of(&p->config);
	p->room = room_of(p);
	fsy_atomic_i64_store_rlx(&p->tick_at, fsy_after_ns(p->config.idle_ns));
	if (p->config.idle_ns == FSY_FOREVER)
		fsy_atomic_i64_store_rlx(&p->tick_at, FSY_FOREVER);
	if (!lay_out(p) || (checked && (p->check = fsyi_check_new()) == NULL)) {
		dismantle(p);
		return NULL;
	}
	p->pin_generation = fsyi_fork_generation();
	fsyi_pool_enlist(p);
	return &p->handle;
}

/* Closes the cells of p and destroys what is in them. */
static void
clear_tables(struct fsyi_pool *p)
{
	uint32_t place = p->handle.cell_ / (uint32_t)sizeof(struct fsy_pool_cell_);
	struct fsyi_pool_table *table = place == 0 ? NULL : fsyi_pool_tables();

	for (; table != NULL; table = table->next) {
		struct fsyi_pool_seat *seat = &table->seats[place];
		void *object = NULL;

		fsyi_pool_latch();
		if (fsy_atomic_ptr_load_rlx(&seat->pool) == p) {
			object = fsy_atomic_ptr_load_rlx(&table->cells[place].own_);
			if (object == FSY_POOL_TAKEN_)   /* by a reaper that stayed behind at a fork */
				object = fsy_atomic_ptr_load_rlx(&seat->saved);
			memset((void *)seat, 0, sizeof(*seat));
			memset((void *)&table->cells[place], 0, sizeof(table->cells[place]));
		}
		fsyi_pool_unlatch();
		if ((uintptr_t)object > (uintptr_t)FSY_POOL_TAKEN_)
			fsyi_object_free(p, object);
	}
}

void
fsy_pool_free(fsy_pool_t *handle)
{
	struct fsyi_pool *p = (struct fsyi_pool *)(void *)handle;

	if (p == NULL)
		return;
	fsyi_fork_check();
	fsyi_pool_retire(p);
	clear_tables(p);
	/* Wherever they are: in depots, in seats, in the hands of threads that a fork left behind. */
	for (uint32_t i = 0; i < fsy_atomic_u32_load_rlx(&p->made); i++) {
		struct fsyi_magazine *m = fsyi_magazine_at(p, i);
		void *object;

		while ((object = fsyi_magazine_pop(m)) != NULL)
			fsyi_object_free(p, object);
	}
	fsyi_pool_delist(p);
	dismantle(p);
}

static uint64_t
idle(struct fsyi_pool *p)
{
	uint32_t place = p->handle.cell_ / (uint32_t)sizeof(struct fsy_pool_cell_);
	uint64_t count = 0;

	for (uint32_t i = 0; i < fsy_atomic_u32_load_rlx(&p->made); i++)
		count += fsyi_magazine_count(fsyi_magazine_at(p, i));
	for (struct fsyi_pool_table *table = place == 0 ? NULL : fsyi_pool_tables(); table != NULL; table = table->next)
		if (fsy_atomic_ptr_load_rlx(&table->seats[place].pool) == p)
			count += (uintptr_t)fsy_atomic_ptr_load_rlx(&table->cells[place].own_) > (uintptr_t)FSY_POOL_VACANT_;
	return count;
}

void
fsy_pool_stats(fsy_pool_t *handle, fsy_pool_stats_t *stats)
{
	struct fsyi_pool *p = (struct fsyi_pool *)(void *)handle;

	stats->idle = idle(p);
#define X(field) stats->field = fsy_atomic_u64_load_rlx(&p->counts.field);
	X(created) X(destroyed) X(dropped) X(aged) X(own_depot) X(node_depot) X(remote_depot) X(victims) X(sent_home) X(ticks)
#undef X
}
