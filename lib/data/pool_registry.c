/* SPDX-License-Identifier: MIT */
/*
 * pool_registry.c - which pools there are, which cell each has, and who must not be freed just now: a pool is pinned while
 * fsy_pool_relieve or a thread that ends is at it. Only those two, fsy_pool_new and fsy_pool_free wait for the latch.
 */
#include "pool.h"
#include "../sys/fork.h"
#include "../sys/latch.h"

static struct fsyi_latch latch;
static struct fsyi_pool *first;
static bool used[FSYI_POOL_CELLS] = { true };    /* cell 0 is closed for ever */

FSY_NOINLINE void
fsyi_pool_latch(void)
{
	fsyi_latch_lock(&latch);
}

bool
fsyi_pool_trylatch(void)
{
	return fsyi_latch_trylock(&latch);
}

FSY_NOINLINE void
fsyi_pool_unlatch(void)
{
	fsyi_latch_unlock(&latch);
}

void
fsyi_pool_enlist(struct fsyi_pool *p)
{
	fsyi_pool_latch();
	for (uint32_t i = 1; i < FSYI_POOL_CELLS && p->check == NULL && p->handle.cell_ == 0; i++)
		if (!used[i]) {
			used[i] = true;
			p->handle.cell_ = i * (uint32_t)sizeof(struct fsy_pool_cell_);
		}
	p->next = first;
	if (first != NULL)
		first->prev = p;
	first = p;
	fsyi_pool_unlatch();
}

void
fsyi_pool_delist(struct fsyi_pool *p)
{
	fsyi_pool_latch();
	if (p->handle.cell_ != 0)
		used[p->handle.cell_ / sizeof(struct fsy_pool_cell_)] = false;
	fsyi_pool_unlatch();
}

/* Under the latch. */
static void
forget_strangers(struct fsyi_pool *p)
{
	if (p->pin_generation != fsyi_fork_generation())
		fsy_atomic_u32_store_rlx(&p->pins, 0);
	p->pin_generation = fsyi_fork_generation();
}

static void
pin(struct fsyi_pool *p)
{
	forget_strangers(p);
	fsy_atomic_u32_add_rlx(&p->pins, 1);
}

static void
unpin(struct fsyi_pool *p)
{
	forget_strangers(p);
	if (fsy_atomic_u32_load_rlx(&p->pins) > 0 && fsy_atomic_u32_add_rlx(&p->pins, (uint32_t)-1) == 1 && p->gone)
		fsyi_futex_wake(&p->pins, 1);
}

struct fsyi_pool *
fsyi_pool_pin_seat(struct fsyi_pool_seat *seat)
{
	struct fsyi_pool *p;

	if (fsy_atomic_ptr_load_rlx(&seat->pool) == NULL)
		return NULL;
	fsyi_pool_latch();
	p = fsy_atomic_ptr_load_rlx(&seat->pool);
	if (p != NULL && p->gone)
		p = NULL;
	if (p != NULL)
		pin(p);
	fsyi_pool_unlatch();
	return p;
}

struct fsyi_pool *
fsyi_pool_pin_next(struct fsyi_pool *p)
{
	struct fsyi_pool *next;

	fsyi_pool_latch();
	next = p == NULL ? first : p->next;
	if (next != NULL)
		pin(next);
	if (p != NULL)
		unpin(p);
	fsyi_pool_unlatch();
	return next;
}

void
fsyi_pool_unpin(struct fsyi_pool *p)
{
	fsyi_pool_latch();
	unpin(p);
	fsyi_pool_unlatch();
}

/* Off the list only once it is unpinned: whoever has it pinned goes on from it. */
void
fsyi_pool_retire(struct fsyi_pool *p)
{
	fsyi_pool_latch();
	p->gone = true;
	forget_strangers(p);
	while (fsy_atomic_u32_load_rlx(&p->pins) > 0) {
		uint32_t pins = fsy_atomic_u32_load_rlx(&p->pins);

		fsyi_pool_unlatch();
		fsyi_futex_wait(&p->pins, pins, FSY_FOREVER);
		fsyi_pool_latch();
	}
	*(p->prev != NULL ? &p->prev->next : &first) = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	fsyi_pool_unlatch();
}
