/* SPDX-License-Identifier: MIT */
/*
 * pool_reap.c - taking the objects that other threads keep, without a word from them: they may sleep for ever.
 *
 * STATES of what a reaper wants, per cell and per magazine
 *   free     as the thread left it                       -> marked   by the reaper, compare-and-swap
 *   marked   TAKEN in the cell, bit 0 in the seat         -> claimed  by the reaper, if the thread is outside
 *                                                        -> free     by the reaper, if it is inside; or by the thread, from inside
 *   claimed  the cell closed, the seat empty: it is the reaper's
 * Between marking and the look at busy and inside lies membarrier. So a thread that had read the word before it was marked is seen inside, or
 * has left and what it did is seen; one that comes later finds the mark. A thread that is inside overwrites a mark without
 * noticing: then the reaper's second compare-and-swap fails, and it has nothing.
 *
 * INVARIANTS
 *   V1   One reaper per seat at a time, or a mark that returns could be taken for one's own. It is not waited for.
 *   V2   A thread waits for no reaper: while its cell is TAKEN it uses its magazines, a marked magazine it takes back.
 *   V3   Nobody forks with a seat locked and goes on with it in the child, where another may have undone its marks and made new ones: the
 *        user is called once all seats are settled.
 * ORDER
 *   J2, J4, J6 as in pool_thread.c; V1 -> V2 hands the seat from one reaper to the next.
 *
 * Without membarrier nothing is taken: then a thread that does not come back keeps what it has until it ends.
 */
#include "pool.h"
#include "../sys/fork.h"
#include "../sys/membarrier.h"

enum { BATCH = 32 };                             /* seats per membarrier */

struct catch {
	struct fsyi_pool_table *table;
	struct fsyi_pool_seat *seat;
	struct fsy_pool_cell_ *cell;
	void *object, *loaded, *previous;        /* as marked; NULL = not */
};

/* A reaper that stayed behind at a fork has left its marks. */
static void
undo_stranger(struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell)
{
	void *taken = FSY_POOL_TAKEN_;

	fsy_atomic_ptr_cas_rlx(&cell->own_, &taken, fsy_atomic_ptr_load_rlx(&seat->saved));
	fsyi_seat_magazine(&seat->loaded);
	fsyi_seat_magazine(&seat->previous);
}

static bool
lock_seat(struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(&seat->reaper), mine = fsyi_fork_generation() << 1 | 1;

	if (seen == mine || !fsy_atomic_u32_cas_acq(&seat->reaper, &seen, mine))   /* V2 <- V1 */
		return false;
	if (seen != 0)
		undo_stranger(seat, cell);
	return true;
}

static void *
mark_magazine(fsy_atomic_ptr *word)
{
	void *seen = fsy_atomic_ptr_load_acq(word);      /* J6 <- J5 */
	void *marked = (void *)((uintptr_t)seen | 1);

	if (seen == NULL || seen == marked || fsyi_magazine_count(seen) == 0)
		return NULL;
	return fsy_atomic_ptr_cas_acq(word, &seen, marked) ? marked : NULL;   /* J6 <- J5 */
}

/* Whether there is anything in it. Keeps the seat locked then. */
static bool
mark(struct catch *c)
{
	void *object;

	if (!lock_seat(c->seat, c->cell))
		return false;
	object = fsy_atomic_ptr_load_rlx(&c->cell->own_);
	c->object = NULL;
	if ((uintptr_t)object > (uintptr_t)FSY_POOL_TAKEN_) {
		fsy_atomic_ptr_store_rlx(&c->seat->saved, object);
		if (fsy_atomic_ptr_cas_acq(&c->cell->own_, &object, FSY_POOL_TAKEN_))   /* J2 <- J1 */
			c->object = fsy_atomic_ptr_load_rlx(&c->seat->saved);
	}
	c->loaded = mark_magazine(&c->seat->loaded);
	c->previous = mark_magazine(&c->seat->previous);
	if (c->object != NULL || c->loaded != NULL || c->previous != NULL)
		return true;
	fsy_atomic_u32_store_rel(&c->seat->reaper, 0);   /* V1 -> V2 */
	return false;
}

static struct fsyi_magazine *
settle_magazine(fsy_atomic_ptr *word, void *marked, bool mine)
{
	void *seen = marked, *plain = (void *)((uintptr_t)marked & ~(uintptr_t)1);

	if (marked == NULL)
		return NULL;
	return fsy_atomic_ptr_cas_rlx(word, &seen, mine ? NULL : plain) && mine ? plain : NULL;
}

/* fenced: membarrier was executed since the marks. Whatever is not ours for certain goes back. What there is no room for. */
static void *
settle(struct fsyi_pool *p, struct catch *c, bool fenced)
{
	bool dead = fsyi_pool_table_dead(c->table), known = fenced && (dead || fsyi_pool_table_alive(c->table));
	bool idle = known && (fsy_atomic_u32_load_acq(&c->cell->busy_) == 0 || dead);      /* J4 <- J3 */
	bool outside = known && (fsy_atomic_u32_load_acq(&c->seat->inside) == 0 || dead);  /* J4 <- J3 */
	struct fsyi_magazine *loaded, *previous;
	void *taken = FSY_POOL_TAKEN_, *object = NULL;

	if (c->object != NULL && fsy_atomic_ptr_cas_rlx(&c->cell->own_, &taken, idle ? NULL : c->object) && idle)
		object = c->object;
	loaded = settle_magazine(&c->seat->loaded, c->loaded, outside);
	previous = settle_magazine(&c->seat->previous, c->previous, outside);
	if (previous == loaded)
		previous = NULL;                 /* a thread that stayed behind at a fork was changing their places */
	fsy_atomic_u32_store_rel(&c->seat->reaper, 0);   /* V1 -> V2 */
	return fsyi_pool_pack(p, loaded, previous, object, FSYI_VICTIM);
}

void
fsyi_pool_reap(struct fsyi_pool *p)
{
	struct fsyi_pool_table *table = fsyi_pool_tables();
	uint32_t place = p->handle.cell_ / (uint32_t)sizeof(struct fsy_pool_cell_);
	struct catch caught[BATCH];

	if (place == 0 || !FSY_ASYMMETRIC_ || fsy_attention_ == NULL)
		return;
	while (table != NULL) {
		int count = 0;
		bool fenced;

		for (; table != NULL && count < BATCH; table = table->next) {
			struct catch *c = &caught[count];

			*c = (struct catch){ table, &table->seats[place], &table->cells[place], NULL, NULL, NULL };
			if (fsy_atomic_ptr_load_rlx(&c->seat->pool) == p && mark(c))
				count++;
		}
		fenced = count > 0 && fsyi_membarrier();
		for (int i = 0; i < count; i++)
			caught[i].object = settle(p, &caught[i], fenced);
		for (int i = 0; i < count; i++)         /* calls the user, who may fork: no seat is locked any more (V3) */
			if (caught[i].object != NULL)
				fsyi_object_free(p, caught[i].object);
	}
}
