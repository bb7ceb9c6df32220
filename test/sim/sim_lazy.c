/* SPDX-License-Identifier: MIT */
/*
 * sim_lazy.c - lazy values: cells that are filled once, by whoever comes first, stored functions, and one value per node. Invariants
 * Z1..Z3 of lib/sync/lazy.c, edge O1 -> O2 of lib/sync/once.c.
 */
#include "scenario.h"
#include <fastsync/error.h>
#include <fastsync/lazy.h>
#include <park/lot.h>
#include <string.h>
#include <sys/tune.h>

enum { FAILED = 9, MADE = 42 };
static fsy_lazy_t cell;
static fsy_lazy_fn_t function;
static fsy_lazy_node_t table;
static int values[SIM_THREADS];         /* written before they are given away, read by whoever gets them */
static int inside, made, failures, given, node_value[2];
static fsy_atomic_u32 got, refused;

static int
make(void **value, void *arg)
{
	int *mine = &values[made];

	(void)arg;
	SIM_CHECK(inside++ == 0);
	sim_point();
	inside--;
	if (failures > 0 && failures-- > 0)
		return FAILED;
	made++;
	*mine = MADE;
	*value = mine;
	return 0;
}

static void
setup(void)
{
	static const int64_t spins[] = { 0, 100, 1000 };

	cell = (fsy_lazy_t)FSY_LAZY_INIT;
	memset(&table, 0, sizeof(table));
	memset(values, 0, sizeof(values));
	function = (fsy_lazy_fn_t)FSY_LAZY_FN_INIT(make, NULL);
	inside = made = failures = given = node_value[0] = node_value[1] = 0;
	got.cell_ = refused.cell_ = 0;
	sim_name(&cell, sizeof(cell), "cell");
	sim_name(&function, sizeof(function), "function");
	fsyi_tune.brief_spin_ns = spins[sim_random(3)];
}

static void
setup_failure(void)
{
	setup();
	failures = 1;
}

static void
check_value(const void *value)
{
	const int *read = (const int *)value;

	SIM_CHECK(read >= values && read < values + SIM_THREADS && *read == MADE);
}

/* Whoever is told of the failure comes again. */
static void
get_or_init(int id)
{
	void *value = NULL;
	int error;

	(void)id;
	while ((error = fsy_lazy_get_or_init(&cell, make, NULL, &value)) != 0) {
		SIM_CHECK(error == FAILED && value == NULL);
		sim_point();
	}
	check_value(value);
	SIM_CHECK(fsy_lazy_get(&cell) == value);
}

/* The last thread gives a value of its own, the others want one: one value is in the cell, whoever was first. */
static void
set(int id)
{
	int error;

	if (id < sim_threads() - 1) {
		get_or_init(id);
		return;
	}
	values[SIM_THREADS - 1] = MADE;
	error = fsy_lazy_set(&cell, &values[SIM_THREADS - 1]);
	SIM_CHECK(error == 0 || error == FSY_EBUSY);
	given = error == 0;
	SIM_CHECK((fsy_lazy_get(&cell) == &values[SIM_THREADS - 1]) == (error == 0));
}

/* T0 only waits: before anybody has come, or after. */
static void
waited_for(int id)
{
	void *value = NULL;

	if (id > 0) {
		get_or_init(id);
		return;
	}
	SIM_CHECK(fsy_lazy_wait_until(&cell, FSY_FOREVER, &value) == 0);
	check_value(value);
}

/* One of a stored function's failures is everybody's. */
static void
stored(int id)
{
	void *value = NULL;
	int error = fsy_lazy_fn_get(&function, &value);

	(void)id;
	SIM_CHECK(error == 0 || error == FAILED);
	if (error == 0)
		check_value(value);
	fsy_atomic_u32_add(error == 0 ? &got : &refused, 1);
}

static int
make_for_node(int node, void **value, void *arg)
{
	(void)arg;
	sim_point();
	if (node == 0 && failures > 0 && failures-- > 0)
		return FAILED;
	SIM_CHECK(node_value[node]++ == 0);
	*value = &node_value[node];
	return 0;
}

/* T0 and T1 on node 0, where the first attempt fails, T2 on node 1. */
static void
setup_nodes(void)
{
	setup_failure();
	sim_place(2, 1, 2);
}

static void
per_node(int id)
{
	void *value = NULL;

	while (fsy_lazy_node_get(&table, make_for_node, NULL, &value) != 0)
		sim_point();
	SIM_CHECK(value == &node_value[id / 2] && node_value[id / 2] == 1);
}

static void
lot_at_rest(void)
{
	for (unsigned i = 0; i < (1u << FSY_ATTENTION_BITS_) >> fsyi_lot.shift; i++) {
		SIM_CHECK(fsyi_lot.buckets[i].queues == NULL);
		SIM_CHECK(fsyi_lot.buckets[i].lock.cell_ == 0);
	}
}

static void
one_was_made(void)
{
	lot_at_rest();
	SIM_CHECK(made + given == 1 && cell.once_.word_.cell_ == FSY_ONCE_DONE_);
}

static void
all_agree(void)
{
	lot_at_rest();
	SIM_CHECK((got.cell_ == 0) != (refused.cell_ == 0) && made == (got.cell_ > 0));
}

#define CASE(name, threads, prepare, body, check, flags, bound) \
	{ "lazy/" name "/tso", threads, prepare, body, check, SIM_TSO | SIM_NO_MEMBARRIER | (flags), bound }
/* Two threads and three, exhaustively; and more at random. */
#define EACH(name, prepare, body, check)                               \
	CASE(name "-pair", 2, prepare, body, check, SIM_DFS_ONLY, 3),   \
	CASE(name "-trio", 3, prepare, body, check, SIM_DFS_ONLY, 2),   \
	CASE(name "-crowd", 4, prepare, body, check, SIM_NO_DFS, 0)

const struct sim_case sim_cases[] = {
	EACH("get-or-init", setup_failure, get_or_init, one_was_made),
	EACH("set", setup, set, one_was_made),
	EACH("waited-for", setup_failure, waited_for, one_was_made),
	EACH("stored", setup, stored, all_agree),
	EACH("stored-failure", setup_failure, stored, all_agree),
	CASE("nodes-pair", 2, setup_nodes, per_node, lot_at_rest, SIM_DFS_ONLY, 3),
	CASE("nodes-trio", 3, setup_nodes, per_node, lot_at_rest, 0, 2),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
