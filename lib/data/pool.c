/* SPDX-License-Identifier: MIT */
/*
 * pool.c - getting and putting: from the own magazines, then from the depots, then from the user.
 *
 * A thread keeps for each pool one object in its cell (the inline path sees nothing else), and two magazines in its seat. A put
 * that finds the cell taken moves the old object into the loaded magazine, so the last one put is the first one got. With two
 * magazines a thread reaches the depots at most once in a magazine's length, however its gets and puts alternate (Bonwick).
 *
 * STATES of a cell
 *   closed (0)   no object may be kept here: the limit has no room, or the thread is new, or it was reaped
 *   vacant (1)   one may
 *   taken  (2)   a reaper has it in hand
 *   else         an object
 * INVARIANTS
 *   P1   An object is in one place: the user's hand, a cell, or a magazine. It changes places by one atomic operation, or within
 *        what one thread owns. pool_thread.c and pool_magazine.c say what that is.
 *   P2   Nobody waits. Where somebody else is in the middle of something, one goes on to the next place; the last is new_fn,
 *        or, for a put, free_fn.
 *   P3   What is idle never exceeds the limit: every place is reserved before it is offered (N3 in pool_magazine.c).
 * ORDER    that of pool_thread.c (J, T, V) and pool_magazine.c (D).
 * FAIRNESS none is promised: a thread that keeps an object may keep it from another that needs one, which then makes its own.
 * LIFETIME Magazines and depots go with the pool; threads' tables stay, and their cells of this pool are closed first.
 * WRONG WAYS
 *   A swap in the cell instead of the flags costs as much as all the rest together, twice. A central list under a try-lock gives up to
 *   whoever was preempted with it. docs/adr/0011 and 0012 have the numbers.
 * REFS     Bonwick and Adams, Magazines and Vmem, USENIX 2001; Go's sync.Pool (victim cache, 2019); Treiber 1986 for the stacks.
 */
#include "pool.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"

static struct fsyi_pool *
pool_of(fsy_pool_t *handle)
{
	return (struct fsyi_pool *)(void *)handle;
}

/* From inside. A closed cell is opened if there is room for an object. */
static void
open_cell(struct fsyi_pool *p, struct fsy_pool_cell_ *cell)
{
	if (fsy_atomic_ptr_load_rlx(&cell->own_) == NULL && fsyi_pool_reserve(p, 1) == 1)
		fsy_atomic_ptr_store_rlx(&cell->own_, FSY_POOL_VACANT_);
}

/* The calling thread's seat, as it is: at a thread that is new, or a pool without an inline path, it has nothing and takes nothing. */
static inline struct fsyi_pool_seat *
seat_of(struct fsyi_pool *p, struct fsy_pool_cell_ **cell)
{
	struct fsyi_pool_table *table = (struct fsyi_pool_table *)(void *)fsy_pool_cells_;
	uint32_t place = p->handle.cell_ / (uint32_t)sizeof(**cell);

	*cell = &table->cells[place];
	return &table->seats[place];
}

/* From inside. An object out of the cell, or the magazines. */
static inline void *
get_here(struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell)
{
	void *object = fsy_atomic_ptr_load_rlx(&cell->own_);
	struct fsyi_magazine *loaded, *previous;

	if (FSY_UNLIKELY((uintptr_t)object > (uintptr_t)FSY_POOL_TAKEN_)) {
		fsy_atomic_ptr_store_rlx(&cell->own_, FSY_POOL_VACANT_);
		return object;                           /* a reaper gave it back meanwhile */
	}
	loaded = fsyi_seat_magazine(&seat->loaded);
	object = fsyi_magazine_pop(loaded);
	if (FSY_LIKELY(object != NULL))
		return object;
	previous = fsyi_seat_magazine(&seat->previous);
	object = fsyi_magazine_pop(previous);
	if (object != NULL) {
		fsy_atomic_ptr_store_rel(&seat->previous, loaded);       /* J5 -> J6 */
		fsy_atomic_ptr_store_rel(&seat->loaded, previous);       /* J5 -> J6 */
	}
	return object;
}

/* From inside, with both magazines empty. One of them is kept for the puts to come. */
static void *
get_there(struct fsyi_pool *p, struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell)
{
	struct fsyi_magazine *loaded, *previous, *full;
	void *object;

	open_cell(p, cell);
	object = get_here(seat, cell);
	if (object != NULL)
		return object;
	full = fsyi_depot_take(p);
	if (full == NULL)
		return fsyi_depot_victim(p);
	object = fsyi_magazine_pop(full);
	loaded = fsyi_seat_magazine(&seat->loaded);
	previous = fsyi_seat_magazine(&seat->previous);
	fsy_atomic_ptr_store_rel(&seat->previous, loaded != NULL ? loaded : previous);   /* J5 -> J6 */
	if (loaded != NULL && previous != NULL)          /* out of the seat first: a forked child may find it as it is just now */
		fsyi_magazine_retire(p, previous);
	fsyi_magazine_widen(p, full, p->room);
	fsy_atomic_ptr_store_rel(&seat->loaded, full);                                   /* J5 -> J6 */
	return object;
}

/* Without a seat: one object from a depot, the rest of its magazine goes back. */
static void *
get_loose(struct fsyi_pool *p)
{
	struct fsyi_magazine *m = fsyi_depot_take(p);
	void *object = fsyi_magazine_pop(m);

	if (m == NULL)
		return fsyi_depot_victim(p);
	fsyi_depot_put(p, m, FSYI_FULL);
	return object;
}

static FSY_NOINLINE void *
get_deep(struct fsyi_pool *p)
{
	struct fsy_pool_cell_ *cell = NULL;
	struct fsyi_pool_seat *seat;
	void *object;

	fsyi_pool_age(p);
	seat = fsyi_seat_enter(p, &cell);
	if (seat != NULL) {
		object = get_there(p, seat, cell);
		fsyi_seat_leave(seat, cell);
	} else {
		object = get_loose(p);
		fsyi_check_get(p->check, object);
	}
	return object != NULL ? object : fsyi_object_new(p);
}

FSY_NOINLINE void *
fsy_pool_get_slow_(fsy_pool_t *handle)
{
	struct fsyi_pool *p = pool_of(handle);
	struct fsy_pool_cell_ *cell;
	struct fsyi_pool_seat *seat = seat_of(p, &cell);
	void *object;

	fsyi_seat_inside(seat, cell);
	object = get_here(seat, cell);
	fsyi_seat_leave(seat, cell);
	return FSY_LIKELY(object != NULL) ? object : get_deep(p);
}

/* These are called from inside, and return the object that has not found a place yet, or NULL. The cell takes the new one and
 * hands out the one before. */
static inline void *
put_cell(struct fsy_pool_cell_ *cell, void *object)
{
	void *old = fsy_atomic_ptr_load_rlx(&cell->own_);

	if (FSY_UNLIKELY(old == object))
		fsyi_fatal("object put twice %p", object);
	if (FSY_UNLIKELY(old == NULL || old == FSY_POOL_TAKEN_))
		return object;
	fsy_atomic_ptr_store_rel(&cell->own_, object);                   /* J1 -> J2 */
	return old == FSY_POOL_VACANT_ ? NULL : old;
}

static inline void *
put_magazines(struct fsyi_pool_seat *seat, void *object)
{
	struct fsyi_magazine *loaded = fsyi_seat_magazine(&seat->loaded), *previous;

	if (FSY_LIKELY(fsyi_magazine_push(loaded, object)))
		return NULL;
	previous = fsyi_seat_magazine(&seat->previous);
	if (!fsyi_magazine_push(previous, object))
		return object;
	fsy_atomic_ptr_store_rel(&seat->previous, loaded);               /* J5 -> J6 */
	fsy_atomic_ptr_store_rel(&seat->loaded, previous);               /* J5 -> J6 */
	return NULL;
}

/* If both magazines are full, the elder one goes to the depot. */
static void *
put_there(struct fsyi_pool *p, struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell, void *object)
{
	struct fsyi_magazine *loaded, *previous, *fresh;

	if (fsy_atomic_ptr_load_rlx(&cell->own_) == NULL) {
		open_cell(p, cell);
		object = put_cell(cell, object);
	}
	if (object != NULL)
		object = put_magazines(seat, object);
	fresh = object != NULL ? fsyi_magazine_fresh(p, p->room) : NULL;
	if (fresh == NULL)
		return object;
	loaded = fsyi_seat_magazine(&seat->loaded);
	previous = fsyi_seat_magazine(&seat->previous);
	fsyi_magazine_push(fresh, object);
	fsy_atomic_ptr_store_rel(&seat->previous, loaded);               /* J5 -> J6 */
	fsy_atomic_ptr_store_rel(&seat->loaded, fresh);                  /* J5 -> J6 */
	if (previous != NULL)
		fsyi_depot_put(p, previous, FSYI_FULL);
	return NULL;
}

/* Without a seat: into the topmost magazine of the depot, or one of its own. */
static void *
put_loose(struct fsyi_pool *p, void *object)
{
	struct fsyi_magazine *m = fsyi_magazine_fresh(p, 1);

	if (m == NULL)
		return object;
	fsyi_magazine_push(m, object);
	fsyi_depot_merge(p, m);
	return NULL;
}

static FSY_NOINLINE void
put_deep(struct fsyi_pool *p, void *object)
{
	struct fsy_pool_cell_ *cell = NULL;
	struct fsyi_pool_seat *seat;

	fsyi_check_put(p->check, object);
	fsyi_pool_age(p);
	seat = fsyi_seat_enter(p, &cell);
	if (seat != NULL) {
		object = put_there(p, seat, cell, object);
		fsyi_seat_leave(seat, cell);
	} else {
		object = put_loose(p, object);
	}
	if (object == NULL)
		return;
	fsyi_check_get(p->check, object);
	fsyi_pool_count(&p->counts.dropped, 1);
	fsyi_object_free(p, object);
}

FSY_NOINLINE void
fsy_pool_put_slow_(fsy_pool_t *handle, void *object)
{
	struct fsyi_pool *p = pool_of(handle);
	struct fsy_pool_cell_ *cell;
	struct fsyi_pool_seat *seat = seat_of(p, &cell);

	if (FSY_UNLIKELY(object == NULL))
		return;
	fsyi_seat_inside(seat, cell);
	object = put_cell(cell, object);
	if (object != NULL)
		object = put_magazines(seat, object);
	fsyi_seat_leave(seat, cell);
	if (object != NULL)
		put_deep(p, object);
}
