/* SPDX-License-Identifier: MIT */
/* sim_stack.c - the stacks that magazines lie in: each magazine with one thread at a time, none lost, and seen as its last holder left it. */
#include "scenario.h"
#include <data/pool.h>

enum { MAGAZINES = 3 };

/* Static, so that relacy watches them. */
static struct fsyi_pool parts;
static struct fsyi_pool *const pool = &parts;
static struct fsyi_pool_shard depot;
static struct fsyi_magazine chunk[16];

static fsy_atomic_u64 *
stack(void)
{
	return &depot.full;
}

static void
setup(void)
{
	pool->limit = SIZE_MAX;
	pool->depots = (char *)&depot;
	depot.full = pool->empties = (fsy_atomic_u64){ 0 };
	pool->made = (fsy_atomic_u32){ MAGAZINES };
	for (int i = 0; i < FSYI_CHUNKS; i++)
		pool->chunks[i] = (fsy_atomic_ptr){ NULL };
	for (uint32_t i = 0; i < 16; i++) {
		chunk[i].count = chunk[i].next = (fsy_atomic_u32){ 0 };
		chunk[i].index = i;
		chunk[i].objects[0] = NULL;
	}
}

/* T0 fills the stack, which starts as zeroes, and takes part then; the others look a few times. */
static struct fsyi_magazine *
begin(int id)
{
	struct fsyi_magazine *m;

	if (id == 0) {
		fsy_atomic_ptr_store_rel(&pool->chunks[0], chunk);
		for (int i = 0; i < MAGAZINES; i++)
			fsyi_stack_push(stack(), &chunk[i], &chunk[i]);
	}
	m = fsyi_stack_pop(pool, stack());
	for (int i = 0; i < 3 && m == NULL; i++) {
		sim_yield();
		m = fsyi_stack_pop(pool, stack());
	}
	return m;
}

/* Plain accesses: relacy sees a race where the stack does not order them. */
static void
hold(struct fsyi_magazine *m)
{
	SIM_CHECK(m->objects[0] == NULL);
	m->objects[0] = m;
	sim_point();
	SIM_CHECK(m->objects[0] == m);
	m->objects[0] = NULL;
}

static void
pop_push(int id)
{
	struct fsyi_magazine *m = begin(id), *other;

	if (m == NULL)
		return;
	hold(m);
	other = fsyi_stack_pop(pool, stack());
	fsyi_stack_push(stack(), m, m);
	if (other != NULL) {
		hold(other);
		fsyi_stack_push(stack(), other, other);
	}
}

/* T0 takes all and puts the chain back. */
static void
take_push(int id)
{
	struct fsyi_magazine *first, *last, *below;

	if (id != 0) {
		pop_push(id);
		return;
	}
	first = begin(id);
	if (first != NULL)
		fsyi_stack_push(stack(), first, first);
	first = last = fsyi_stack_take(pool, stack());
	if (first == NULL)
		return;
	for (hold(first); (below = fsyi_magazine_below(pool, last)) != NULL; last = below)
		hold(below);
	fsyi_stack_push(stack(), first, last);
}

/* T0 makes magazines until one lies in a chunk of its own. */
static void
grow(int id)
{
	struct fsyi_magazine *m;

	if (id != 0) {
		pop_push(id);
		return;
	}
	m = begin(id);
	if (m != NULL)
		fsyi_stack_push(stack(), m, m);
	for (int i = 0; i < 15; i++) {
		m = fsyi_magazine_fresh(pool, 2);
		m->objects[0] = NULL;
	}
	fsyi_stack_push(stack(), m, m);
}

static void
drain(int expected)
{
	int found = 0;
	struct fsyi_magazine *m;

	while ((m = fsyi_stack_pop(pool, stack())) != NULL) {
		SIM_CHECK(m->objects[0] == NULL);
		m->objects[0] = m;
		found++;
	}
	SIM_CHECK(found == expected);
	pool->chunks[0] = (fsy_atomic_ptr){ NULL };       /* what has grown is malloc's */
	fsyi_magazines_free(pool);
}

static void
check(void)
{
	drain(MAGAZINES);
}

static void
check_grown(void)
{
	drain(MAGAZINES + 1);
}

#define EACH(name, threads, body, bound)                                                                   \
	{ "stack/" name "/sc", threads, setup, body, check, 0, bound },                                   \
	{ "stack/" name "/tso", threads, setup, body, check, SIM_TSO, bound },                            \
	{ "stack/" name "/no-membarrier", threads, setup, body, check, SIM_NO_MEMBARRIER | SIM_NO_DFS, 0 }

const struct sim_case sim_cases[] = {
	EACH("pop-push", 2, pop_push, 3),
	EACH("pop-push-three", 3, pop_push, 2),
	EACH("take-push", 3, take_push, 2),
	{ "stack/grow/tso", 2, setup, grow, check_grown, SIM_TSO | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
