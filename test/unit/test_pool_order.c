/* SPDX-License-Identifier: MIT */
/* From where a get is served, and where a put ends: own hand, own depot, own node, other nodes by distance, victims, new. */
#include "lib/data/pool.h"
#include "lib/sys/cpu.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/things.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { FULL = 62, STOCK = 5 * FULL };            /* objects of a magazine; of a thread that has ended */

static fsy_pool_t *pool;

struct supplier {
	pthread_t thread;
	int node, cpu;
	bool elsewhere;                          /* puts what main made */
	struct thing *things[STOCK];             /* in the order in which they were put */
};

static struct supplier suppliers[4];
static struct gate all_have_theirs = GATE("all have theirs");

static void
run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	CHILD_CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
}

/* Ends with everything it had in the depots. */
static void *
supply(void *arg)
{
	struct supplier *self = arg;

	if (self->cpu >= 0)
		run_on(self->cpu);
	else
		CHILD_CHECK(fsy_thread_set_node(self->node) == 0);
	for (int i = 0; i < STOCK && !self->elsewhere; i++)
		self->things[i] = thing_get(pool);
	if (!self->elsewhere && self->cpu < 0)
		gate_meet(&all_have_theirs, 4);          /* or some would get what others have put */
	for (int i = 0; i < STOCK; i++)
		thing_put(pool, self->things[i]);
	return NULL;
}

static int
position(const struct supplier *supplier, const struct thing *thing)
{
	for (int i = 0; i < STOCK; i++)
		if (supplier->things[i] == thing)
			return i;
	return -1;
}

/* Everything idle becomes a victim. */
static void
age_once(void)
{
	fsy_atomic_i64_store(&((struct fsyi_pool *)(void *)pool)->tick_at, fsy_now());
	CHILD_CHECK(fsy_pool_tick(pool) == 0 && things_stats(pool).ticks == 1);
}

/* Two CPUs, each with a depot: its own from the top, the other's from the bottom, then what is old, then what is new. */
static int
one_node(void *arg)
{
	struct thing *mine[STOCK];
	int last = 0;

	(void)arg;
	pool = things_pool((fsy_pool_config_t){ 0 });
	run_on(0);
	suppliers[0] = (struct supplier){ .cpu = 1 };
	suppliers[0].thread = worker_start(supply, &suppliers[0]);
	worker_join(suppliers[0].thread);
	for (int i = 0; i < STOCK; i++)
		mine[i] = thing_new(NULL);
	for (int i = 0; i < STOCK; i++)
		fsy_pool_put(pool, mine[i]);
	for (int i = STOCK - 1; i >= 0; i--)             /* private, then own shard, LIFO */
		CHILD_CHECK(thing_get(pool) == mine[i]);
	CHILD_CHECK(things_stats(pool).node_depot == 0);
	for (int i = 0; i < STOCK; i++) {                /* same node, FIFO by magazine */
		int place = position(&suppliers[0], thing_get(pool)) / FULL;

		CHILD_CHECK(place >= last && place <= i / FULL);
		last = place;
	}
	CHILD_CHECK(things_stats(pool).node_depot >= 5 && things_stats(pool).created == STOCK);
	for (int i = 0; i < STOCK; i++)
		thing_put(pool, mine[i]);
	fsy_atomic_u32_store(&things_refuse, 1);
	age_once();
	thing_put(pool, suppliers[0].things[0]);
	CHILD_CHECK(thing_get(pool) == suppliers[0].things[0]);  /* what is young first, then victims, then new ones */
	for (int i = 0; i < STOCK; i++)
		CHILD_CHECK(thing_get(pool) != NULL);
	CHILD_CHECK(things_stats(pool).victims == STOCK && thing_get(pool) == NULL);
	fsy_atomic_u32_store(&things_refuse, 0);
	CHILD_CHECK(thing_get(pool) != NULL && things_stats(pool).created == STOCK + 1);
	return 0;
}

/* Node 0 is nearest to itself, then to 2, 3, 1. */
static int
four_nodes(void *arg)
{
	static const int order[] = { 0, 2, 3, 1 };

	(void)arg;
	CHILD_CHECK(fsy_thread_set_node(0) == 0);
	for (int old = 0; old < 2; old++) {
		pool = things_pool((fsy_pool_config_t){ 0 });
		for (int i = 0; i < 4; i++) {
			suppliers[i] = (struct supplier){ .node = i, .cpu = -1 };
			suppliers[i].thread = worker_start(supply, &suppliers[i]);
		}
		for (int i = 0; i < 4; i++)
			worker_join(suppliers[i].thread);
		if (old)
			age_once();
		for (int i = 0; i < 4; i++)
			for (int k = 0; k < STOCK; k++)
				CHILD_CHECK(position(&suppliers[order[i]], thing_get(pool)) >= 0);
		if (old)
			CHILD_CHECK(things_stats(pool).victims == 4 * STOCK);
		else
			CHILD_CHECK(things_stats(pool).remote_depot == 3 * 5);
		CHILD_CHECK(thing_get(pool) != NULL && things_stats(pool).created == 4 * STOCK + 1);
	}
	return 0;
}

/* Made here, put there: back here, without a steal. */
static int
sent_home(void *arg)
{
	(void)arg;
	CHILD_CHECK(fsy_thread_set_node(2) == 0);
	pool = things_pool((fsy_pool_config_t){ .node_fn = thing_node });
	suppliers[0] = (struct supplier){ .node = 1, .cpu = -1, .elsewhere = true };
	for (int i = 0; i < STOCK; i++)
		suppliers[0].things[i] = thing_get(pool);
	suppliers[0].thread = worker_start(supply, &suppliers[0]);
	worker_join(suppliers[0].thread);
	CHILD_CHECK(things_stats(pool).sent_home == STOCK);
	for (int i = 0; i < STOCK; i++)
		CHILD_CHECK(thing_get(pool)->node == 2);
	CHILD_CHECK(things_stats(pool).remote_depot == 0 && things_stats(pool).created == STOCK);
	return 0;
}

/* The pool's own memory says itself where it belongs; two nodes' objects in one magazine are sorted. */
static int
sorted(void *arg)
{
	char *mine[STOCK], *theirs[STOCK];

	(void)arg;
	pool = fsy_pool_new(&(fsy_pool_config_t){ .object_size = 64 });
	CHILD_CHECK(fsy_thread_set_node(3) == 0);
	for (int i = 0; i < STOCK; i++)
		theirs[i] = fsy_pool_get(pool);
	CHILD_CHECK(fsy_thread_set_node(0) == 0);
	for (int i = 0; i < STOCK; i++)
		mine[i] = fsy_pool_get(pool);
	for (int i = 0; i < STOCK; i++) {
		fsy_pool_put(pool, mine[i]);
		fsy_pool_put(pool, theirs[i]);
	}
	CHILD_CHECK(things_stats(pool).sent_home >= STOCK - 2 * FULL && things_stats(pool).idle == 2 * STOCK);
	CHILD_CHECK(fsy_pool_trim(pool) == 2 * STOCK);
	fsy_pool_free(pool);
	return 0;
}

static void
in_child(const char *body, const char *const environment[])
{
	struct child child = child_exec(body, environment, NULL);

	child_assert_clean(&child);
}

static void
test_g10_order_on_a_node(void **state)
{
	static const char *const environment[] = { "FASTSYNC_POOL_SHARD_CPUS=1", "FASTSYNC_NUMA=off", "FASTSYNC_TOPOLOGY=", NULL };

	(void)state;
	if (fsyi_cpu_count() != 2) {
		printf("skip test_g10_order_on_a_node: wants two CPUs\n");
		skip();
	}
	in_child("one_node", environment);
}

static const char *const four[] = { "FASTSYNC_TOPOLOGY=4@10,40,20,30", NULL };

static void
test_g10_order_of_nodes(void **state)
{
	(void)state;
	in_child("four_nodes", four);
}

static void
test_objects_flow_back(void **state)
{
	(void)state;
	in_child("sent_home", four);
}

static void
test_magazines_are_sorted(void **state)
{
	(void)state;
	in_child("sorted", four);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "one_node", one_node }, { "four_nodes", four_nodes },
		{ "sent_home", sent_home }, { "sorted", sorted }, { NULL, NULL } };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_g10_order_on_a_node),
		cmocka_unit_test(test_g10_order_of_nodes),
		cmocka_unit_test(test_objects_flow_back),
		cmocka_unit_test(test_magazines_are_sorted),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("pool order", 200);
	return cmocka_run_group_tests_name("pool order", tests, NULL, NULL);
}
