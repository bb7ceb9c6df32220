/* SPDX-License-Identifier: MIT */
/*
 * pool_depot.c - where magazines wait: some depots per node, each with a stack of full magazines and one of victims, those that
 * nobody has asked for since the last tick.
 *
 * The depot of the own CPUs is used from the top, where the objects are still in the caches. A thief takes the eldest magazine:
 * what its owners would miss last. From victims objects are taken one by one, so that the rest of the magazine goes on ageing.
 *
 * A magazine goes to the depot of the node that its objects belong to; one with objects of several nodes is sorted first. So
 * what is made on one node and put on another flows back, a magazine at a time.
 */
#include "pool.h"
#include "../sys/cpu.h"

enum { DEEPEST = 64 };                           /* links that a thief follows */

uint32_t
fsyi_pool_node(const struct fsyi_pool *p)
{
	return p->nodes == 1 ? 0 : (uint32_t)fsyi_node() % p->nodes;
}

static uint32_t
own_shard(const struct fsyi_pool *p)
{
	return p->shards == 1 ? 0 : (uint32_t)fsyi_cpu() % p->shards;
}

static struct fsyi_pool_shard *
depot(struct fsyi_pool *p, uint32_t node, uint32_t shard)
{
	return fsyi_pool_depot(p, node, shard % p->shards);
}

static void
store(struct fsyi_pool *p, struct fsyi_magazine *m, uint32_t node, enum fsyi_generation generation)
{
	struct fsyi_pool_shard *to = depot(p, node, own_shard(p));

	if (fsyi_magazine_count(m) == 0) {
		fsyi_magazine_retire(p, m);
		return;
	}
	fsyi_magazine_narrow(p, m);
	fsyi_stack_push(generation == FSYI_FULL ? &to->full : &to->victims, m, m);
}

/* Moves the objects of some other node from m to a magazine of their own, with their room; NULL if there are none, or no magazine. */
static struct fsyi_magazine *
sort_out(struct fsyi_pool *p, struct fsyi_magazine *m, uint32_t here, uint32_t *home)
{
	uint32_t count = fsyi_magazine_count(m), kept = 0;
	struct fsyi_magazine *foreign;

	*home = here;
	for (uint32_t i = 0; i < count && *home == here; i++)
		*home = fsyi_object_node(p, m->objects[i]);
	if (*home == here || (foreign = fsyi_magazine_bare(p)) == NULL)
		return NULL;
	foreign->room = FSYI_MAGAZINE;
	for (uint32_t i = 0; i < count; i++) {
		if (fsyi_object_node(p, m->objects[i]) == *home)
			fsyi_magazine_push(foreign, m->objects[i]);
		else
			m->objects[kept++] = m->objects[i];
	}
	fsy_atomic_u32_store_rlx(&m->count, kept);
	foreign->room = count - kept;
	m->room -= foreign->room;
	fsyi_pool_count(&p->counts.sent_home, foreign->room);
	return foreign;
}

void
fsyi_depot_put(struct fsyi_pool *p, struct fsyi_magazine *m, enum fsyi_generation generation)
{
	uint32_t here = fsyi_pool_node(p), home;
	struct fsyi_magazine *foreign;

	if (p->nodes > 1)
		while ((foreign = sort_out(p, m, here, &home)) != NULL)
			store(p, foreign, home, generation);
	store(p, m, here, generation);
}

/* One object for the depot; magazines of one object each are not worth a depot's while. */
void
fsyi_depot_merge(struct fsyi_pool *p, struct fsyi_magazine *single)
{
	struct fsyi_pool_shard *to = depot(p, fsyi_pool_node(p), own_shard(p));
	struct fsyi_magazine *m = fsyi_stack_pop(p, &to->full);

	if (m != NULL && fsyi_magazine_count(m) < p->room) {
		m->room++;                               /* the room of single */
		single->room--;
		fsyi_magazine_push(m, fsyi_magazine_pop(single));
	}
	if (m != NULL)
		fsyi_depot_put(p, m, FSYI_FULL);
	fsyi_depot_put(p, single, FSYI_FULL);            /* retired if it is empty now */
}

/* The eldest magazine of a stack. While the thief has it off, others find the stack empty and go on; a deep one, where that would
 * take long, gives its topmost. */
static struct fsyi_magazine *
steal(struct fsyi_pool *p, fsy_atomic_u64 *stack)
{
	struct fsyi_magazine *m = fsyi_stack_top(p, stack), *first, *before = NULL;

	for (int i = 0; m != NULL; m = fsyi_magazine_below(p, m))
		if (++i > DEEPEST)
			return fsyi_stack_pop(p, stack);
	first = m = fsyi_stack_take(p, stack);
	if (m == NULL)
		return NULL;
	for (struct fsyi_magazine *below; (below = fsyi_magazine_below(p, m)) != NULL; m = below)
		before = m;
	if (before != NULL)
		fsyi_stack_push(stack, first, before);
	return m;
}

/* From the depots of one node, starting behind the own. */
static struct fsyi_magazine *
steal_from(struct fsyi_pool *p, uint32_t node, uint32_t shard, uint32_t count)
{
	struct fsyi_magazine *m = NULL;

	for (uint32_t i = 0; i < count && m == NULL; i++)
		m = steal(p, &depot(p, node, shard + i)->full);
	return m;
}

struct fsyi_magazine *
fsyi_depot_take(struct fsyi_pool *p)
{
	uint32_t here = fsyi_pool_node(p), shard = own_shard(p);
	struct fsyi_magazine *m = fsyi_stack_pop(p, &depot(p, here, shard)->full);

	if (m != NULL) {
		fsyi_pool_count(&p->counts.own_depot, 1);
		return m;
	}
	m = steal_from(p, here, shard + 1, p->shards - 1);
	fsyi_pool_count(&p->counts.node_depot, m != NULL);
	for (uint32_t i = 1; i < p->nodes && m == NULL; i++) {
		m = steal_from(p, p->order[here * p->nodes + i], shard, p->shards);
		fsyi_pool_count(&p->counts.remote_depot, m != NULL);
	}
	return m;
}

static void *
one_of(struct fsyi_pool *p, fsy_atomic_u64 *stack)
{
	struct fsyi_magazine *m = fsyi_stack_pop(p, stack);
	void *object = fsyi_magazine_pop(m);

	if (m == NULL)
		return NULL;
	fsyi_magazine_narrow(p, m);
	if (m->room > 0)
		fsyi_stack_push(stack, m, m);
	else
		fsyi_magazine_retire(p, m);
	return object;
}

void *
fsyi_depot_victim(struct fsyi_pool *p)
{
	uint32_t here = fsyi_pool_node(p), shard = own_shard(p);
	void *object = NULL;

	for (uint32_t i = 0; i < p->nodes && object == NULL; i++) {
		uint32_t node = i == 0 ? here : p->order[here * p->nodes + i];

		for (uint32_t j = 0; j < p->shards && object == NULL; j++)
			object = one_of(p, &depot(p, node, shard + j)->victims);
	}
	fsyi_pool_count(&p->counts.victims, object != NULL);
	return object;
}
