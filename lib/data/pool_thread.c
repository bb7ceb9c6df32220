/* SPDX-License-Identifier: MIT */
/*
 * pool_thread.c - a thread's table: its cells, which the inline path uses, and its seats, which the slow path uses.
 *
 * INVARIANTS
 *   T1   While busy is set its thread alone changes the cell's object, while inside is set its thread alone changes the seat's
 *        magazines, from what it has read since. Whoever else wants them (pool_reap.c) changes them first to something that the
 *        thread will not take for its own, fences all threads, and believes them to be its own only if busy (inside) is clear then.
 *   T2   A cell is closed (0) unless a place in it is reserved.
 *   T3   Tables are never unmapped, so a reaper may look at one whose thread has ended, or that has found a new one.
 *   T4   A table whose generation is not that of the process belongs to the thread that forked, or to one left behind. There is
 *        one of the former kind at most; once it has come by, the others are known to be dead.
 *   While a call of the user runs, neither flag is set.
 * ORDER
 *   J1 -> J2   who takes an object out of a cell sees what its thread wrote into it.
 *   J3 -> J4   who finds a thread outside sees all that it did inside.
 *   J5 -> J6   who takes a magazine out of a seat sees what is in it.
 *   T5 -> T6   a table is seen as it was made.
 *   T7 -> T8   who has heard of the forker sees its table as one of this process.
 *   That a thread inside is found inside is no matter of orders among atomics: it is the light barrier here, and membarrier there.
 */
#include "pool.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/mem.h"
#include "../sys/thread.h"

struct fsyi_pool_table fsyi_pool_nobody;         /* all cells closed: sends every call to the slow path */

__thread char *fsy_pool_cells_ __attribute__((tls_model("initial-exec"))) = (char *)fsyi_pool_nobody.cells;

static fsy_atomic_ptr tables;
static struct fsyi_pool_table *free_tables[FSYI_NODE_QUEUES];     /* by home; under the latch */
/* The generation of a table without a thread. */
#define NOBODYS UINT32_MAX

static fsy_atomic_u32 forker_seen;               /* T4: the generation in which it has been here */

static struct fsyi_pool_table *
current(void)
{
	return (struct fsyi_pool_table *)(void *)fsy_pool_cells_;
}

struct fsyi_pool_table *
fsyi_pool_tables(void)
{
	return fsy_atomic_ptr_load_acq(&tables);         /* T6 <- T5 */
}

/* The order of the two looks matters: the forker first makes its table one of the process again, and then says so. */
bool
fsyi_pool_table_dead(struct fsyi_pool_table *table)
{
	uint32_t now = fsyi_fork_generation(), then;

	if (fsy_atomic_u32_load_acq(&forker_seen) != now)                /* T8 <- T7 */
		return false;
	then = fsy_atomic_u32_load_rlx(&table->generation);
	return then != now && then != NOBODYS;
}

bool
fsyi_pool_table_alive(struct fsyi_pool_table *table)
{
	uint32_t then = fsy_atomic_u32_load_rlx(&table->generation);

	return then == fsyi_fork_generation() || then == NOBODYS;
}

static struct fsyi_pool_table *
take_free(int node)
{
	struct fsyi_pool_table **list = &free_tables[node % FSYI_NODE_QUEUES], *table;

	if (!fsyi_pool_trylatch())
		return NULL;                     /* nobody waits here: rather a table more */
	table = *list;
	if (table != NULL)
		*list = table->free_next;
	fsyi_pool_unlatch();
	return table;
}

static struct fsyi_pool_table *
make(int node)
{
	struct fsyi_pool_table *table = fsyi_mem_alloc(sizeof(*table), node);
	void *head;

	if (table == NULL)
		return NULL;
	table->home = node;
	fsy_atomic_u32_store_rlx(&table->generation, fsyi_fork_generation());
	head = fsy_atomic_ptr_load_rlx(&tables);
	do
		table->next = head;
	while (!fsy_atomic_ptr_cas_rel(&tables, &head, table));   /* T5 -> T6 */
	return table;
}

/* For the first time, after a fork, or in a destructor that runs after ours. A thread without a record would not be heard of when it
 * ends: it gets no table. */
static __attribute__((cold, noinline)) struct fsyi_pool_table *
enlist(void)
{
	struct fsyi_pool_table *table = current();
	struct fsyi_thread *self = fsyi_thread_self();

	if (self == NULL)
		return NULL;
	if (table != &fsyi_pool_nobody) {
		fsy_atomic_u32_store_rlx(&table->generation, fsyi_fork_generation());
		fsy_atomic_u32_store_rel(&forker_seen, fsyi_fork_generation());   /* T7 -> T8 */
	} else {
		int node = fsyi_node();

		table = take_free(node);
		if (table == NULL)
			table = make(node);
		if (table == NULL)
			return NULL;
		fsy_atomic_u32_store_rlx(&table->generation, fsyi_fork_generation());
		fsy_pool_cells_ = (char *)table->cells;
	}
	self->pools = table;
	return table;
}

static struct fsyi_pool_table *
own_table(void)
{
	struct fsyi_pool_table *table = current();

	if (FSY_LIKELY(table != &fsyi_pool_nobody && fsyi_pool_table_alive(table)))
		return table;
	return enlist();
}

struct fsyi_pool_seat *
fsyi_seat_enter(struct fsyi_pool *p, struct fsy_pool_cell_ **cell)
{
	struct fsyi_pool_table *table;
	struct fsyi_pool_seat *seat;

	fsyi_fork_check();
	if (p->handle.cell_ == 0 || (table = own_table()) == NULL)
		return NULL;
	seat = &table->seats[p->handle.cell_ / sizeof(**cell)];
	*cell = &table->cells[p->handle.cell_ / sizeof(**cell)];
	fsyi_seat_inside(seat, *cell);
	if (fsy_atomic_ptr_load_rlx(&seat->pool) != p)
		fsy_atomic_ptr_store_rlx(&seat->pool, p);
	return seat;
}

/* Room for what the cell held goes along with it. */
void *
fsyi_pool_pack(struct fsyi_pool *p, struct fsyi_magazine *loaded, struct fsyi_magazine *previous, void *object,
	       enum fsyi_generation to)
{
	struct fsyi_magazine *m = loaded != NULL && fsyi_magazine_count(loaded) < FSYI_MAGAZINE ? loaded : previous;

	if (object != NULL) {
		if (m == NULL || fsyi_magazine_count(m) == FSYI_MAGAZINE)
			m = fsyi_magazine_bare(p);
		if (m == NULL) {
			fsyi_pool_release(p, 1);
		} else {
			m->room++;
			fsyi_magazine_push(m, object);
			object = NULL;
		}
	}
	if (m != NULL && m != loaded && m != previous)
		fsyi_depot_put(p, m, to);
	if (previous != NULL)
		fsyi_depot_put(p, previous, to);
	if (loaded != NULL)
		fsyi_depot_put(p, loaded, to);
	return object;
}

void *
fsyi_seat_strip(struct fsyi_pool *p, struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell, enum fsyi_generation to)
{
	struct fsyi_magazine *loaded, *previous;
	void *object;

	fsyi_seat_inside(seat, cell);
	object = fsy_atomic_ptr_load_rlx(&cell->own_);
	if (object != FSY_POOL_TAKEN_)
		fsy_atomic_ptr_store_rlx(&cell->own_, NULL);
	if (object == FSY_POOL_VACANT_)
		fsyi_pool_release(p, 1);
	if ((uintptr_t)object <= (uintptr_t)FSY_POOL_TAKEN_)
		object = NULL;
	loaded = fsyi_seat_magazine(&seat->loaded);
	previous = fsyi_seat_magazine(&seat->previous);
	if (loaded != NULL)
		fsy_atomic_ptr_store_rlx(&seat->loaded, NULL);
	if (previous != NULL)
		fsy_atomic_ptr_store_rlx(&seat->previous, NULL);
	object = fsyi_pool_pack(p, loaded, previous, object, to);
	fsyi_seat_leave(seat, cell);
	return object;
}

void
fsyi_pool_thread_exit(void *pools)
{
	struct fsyi_pool_table *table = pools, **list = &free_tables[table->home % FSYI_NODE_QUEUES];

	if (current() != table)
		return;
	for (uint32_t i = 1; i < FSYI_POOL_CELLS; i++) {
		struct fsyi_pool *p = fsyi_pool_pin_seat(&table->seats[i]);
		void *left;

		if (p == NULL)
			continue;
		left = fsyi_seat_strip(p, &table->seats[i], &table->cells[i], FSYI_FULL);
		if (left != NULL)
			fsyi_object_free(p, left);
		fsyi_pool_unpin(p);
	}
	fsy_pool_cells_ = (char *)fsyi_pool_nobody.cells;
	fsy_atomic_u32_store_rlx(&table->generation, NOBODYS);
	fsyi_pool_latch();
	table->free_next = *list;
	*list = table;
	fsyi_pool_unlatch();
}
