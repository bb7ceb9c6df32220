/* SPDX-License-Identifier: MIT */
/*
 * lazy.c - values that are made once: cells around a once, which does all of the waiting.
 *
 * STATES  the once's. A cell has its value iff its once is done.
 * INVARIANTS
 *         Z1  value_ is written only by the run of the once, before it is done, and never after it: everybody who finds the once
 *             done reads the same value (O1 -> O2 of once.c). In a child that init has made the run first makes sure that nobody takes it over.
 *         Z2  a failed init writes nothing: it fills a variable of the call, not the cell.
 *         Z3  a lazy_fn's run always ends its once, with a value or with error_; one that is aborted poisons it.
 * ORDER   all through the once.
 * LIFETIME that of the once. fsy_lazy_take needs the cell for itself.
 */
#include <fastsync/lazy.h>
#include "once.h"
#include "../sys/cpu.h"
#include "../sys/mem.h"

struct filling {
	fsy_lazy_t *cell;
	fsy_lazy_init_t init;
	void *arg, *value;
	bool filled;
};

static int
make(void *arg)
{
	struct filling *f = (struct filling *)arg;

	f->value = NULL;
	return f->init(&f->value, f->arg);
}

static void
fill(void *arg)
{
	struct filling *f = (struct filling *)arg;

	f->cell->value_ = f->value;
	f->filled = true;
}

FSY_NOINLINE int
fsy_lazy_get_or_init_slow_(fsy_lazy_t *l, fsy_lazy_init_t init, void *arg, void **value)
{
	struct filling filling = { l, init, arg, NULL, false };
	int error = fsyi_once_try(&l->once_, make, fill, &filling);

	if (error == 0)
		*value = l->value_;
	return error;
}

static int
given(void **value, void *arg)
{
	*value = arg;
	return 0;
}

int
fsy_lazy_set(fsy_lazy_t *l, void *value)
{
	struct filling filling = { l, given, value, NULL, false };
	int error = fsyi_once_try(&l->once_, make, fill, &filling);

	return error != 0 ? error : filling.filled ? 0 : FSY_EBUSY;
}

int
fsy_lazy_wait_until(fsy_lazy_t *l, fsy_deadline_t deadline, void **value)
{
	int error = fsy_once_wait_until(&l->once_, deadline);

	if (error == 0)
		*value = l->value_;
	return error;
}

void *
fsy_lazy_take(fsy_lazy_t *l)
{
	void *value = fsy_lazy_get(l);

	*l = (fsy_lazy_t)FSY_LAZY_INIT;
	return value;
}

struct filling_fn {
	fsy_lazy_fn_t *cell;
	void *value;
	int error;
};

/* Ends with the once done, whatever init said: the error is the value then. */
static int
make_stored(void *arg)
{
	struct filling_fn *f = (struct filling_fn *)arg;

	f->value = NULL;
	f->error = f->cell->init_(&f->value, f->cell->arg_);
	return 0;
}

static void
fill_stored(void *arg)
{
	struct filling_fn *f = (struct filling_fn *)arg;

	f->cell->cell_.value_ = f->value;
	f->cell->error_ = f->error;
}

FSY_NOINLINE int
fsy_lazy_fn_get_slow_(fsy_lazy_fn_t *l, void **value)
{
	struct filling_fn filling = { l, NULL, 0 };
	int error = fsyi_once_call(&l->cell_.once_, make_stored, fill_stored, &filling);

	if (error == 0)
		error = l->error_;
	if (error == 0)
		*value = l->cell_.value_;
	return error;
}

struct filling_node {
	fsy_lazy_node_t *table;
	fsy_lazy_node_init_t init;
	void *arg, *value;
};

static int
make_for(int node, void *arg)
{
	struct filling_node *f = (struct filling_node *)arg;

	f->value = NULL;
	return f->init(node, &f->value, f->arg);
}

static void
fill_for(int node, void *arg)
{
	struct filling_node *f = (struct filling_node *)arg;

	f->table->value_[node % FSY_ONCE_NODES] = f->value;
}

/* The node is asked once: the thread may be elsewhere by the time that the value is made. */
int
fsy_lazy_node_get(fsy_lazy_node_t *l, fsy_lazy_node_init_t init, void *arg, void **value)
{
	struct filling_node filling = { l, init, arg, NULL };
	int node = fsyi_node(), error = 0;

	if (!fsy_once_node_done(&l->once_, node))
		error = fsyi_once_node_try(&l->once_, node, make_for, fill_for, &filling);
	if (error == 0)
		*value = l->value_[node % FSY_ONCE_NODES];
	return error;
}

struct master {
	const void *data;
	size_t size;
};

static int
replicate(int node, void **value, void *arg)
{
	const struct master *master = (const struct master *)arg;
	void *copy = fsyi_mem_alloc(master->size, node);

	if (copy == NULL)
		return FSY_ENOMEM;
	__builtin_memcpy(copy, master->data, master->size);
	*value = copy;
	return 0;
}

const void *
fsy_lazy_node_copy(fsy_lazy_node_t *l, const void *master, size_t size)
{
	struct master what = { master, size };
	void *copy;

	return fsy_lazy_node_get(l, replicate, &what, &copy) == 0 ? copy : master;
}
