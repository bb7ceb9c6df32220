/* SPDX-License-Identifier: MIT */
/* The fair rwlock on eight virtual nodes: a writer waits for the readers of every node, and sleeping writers keep to a node within a batch. */
#include "lib/sys/tune.h"
#include "test/support/child.h"
#include "test/support/fairlocks.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { NODES = 8, LINE = 40 };

static fsy_fair_rwlock_t shared;

/* A reader per node holds on until its node is called; the writer has slept since they were all inside. */
static struct gate inside = GATE("a reader of every node is inside"), leave[NODES];
static fsy_atomic_u32 left;

static void *
read_on_node(void *arg)
{
	int node = (int)(intptr_t)arg;

	CHILD_CHECK(fsy_thread_set_node(node) == 0);
	CHILD_CHECK(fsy_fair_rwlock_rlock(&shared) == 0);
	gate_meet(&inside, NODES + 1);
	gate_pass(&leave[node]);
	fsy_atomic_u32_add(&left, 1);
	fsy_fair_rwlock_runlock(&shared);
	return NULL;
}

static void *
write_after_all(void *arg)
{
	CHILD_CHECK(fsy_thread_set_node(3) == 0);
	CHILD_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	CHILD_CHECK(fsy_atomic_u32_load(&left) == NODES);
	fsy_fair_rwlock_unlock(&shared);
	return arg;
}

/* The nodes are called in an odd order, the highest and the writer's own among the last. */
static int
waits_for_every_node(void *arg)
{
	static const int order[NODES] = { 5, 0, 6, 2, 1, 4, 3, 7 };
	pthread_t readers[NODES], writer;

	(void)arg;
	CHILD_CHECK(fsy_node_count() == NODES);
	for (int mode = READERS_COUNTED; mode < READERS_MODES; mode++) {
		fair_begin(&shared, (enum readers_mode)mode);
		fsy_atomic_u32_store(&left, 0);
		for (int i = 0; i < NODES; i++) {
			leave[i] = (struct gate)GATE("a node's reader may leave");
			readers[i] = worker_start(read_on_node, (void *)(intptr_t)i);
		}
		gate_meet(&inside, NODES + 1);
		writer = worker_start(write_after_all, NULL);
		for (int i = 0; i < NODES; i++) {
			wait_until_parked(fair_drain_key(&shared), 1);
			CHILD_CHECK(fsy_fair_rwlock_tryrlock(&shared) == FSY_EBUSY);
			gate_open(&leave[order[i]]);
			worker_join(readers[order[i]]);
		}
		worker_join(writer);
		CHILD_CHECK(fair_at_rest(&shared));
	}
	return 0;
}

/* A line of writers that sleep, spread over the nodes one by one. */
static struct writer {
	pthread_t thread;
	fsy_atomic_ptr record;
	int node, before, served_at;
} line[LINE];
static int served, next_before;

static void *
write_once(void *arg)
{
	struct writer *self = arg;

	CHILD_CHECK(fsy_thread_set_node(self->node) == 0);
	fsy_atomic_ptr_store(&self->record, fsyi_thread_self());
	CHILD_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	self->served_at = served++;
	fsy_fair_rwlock_unlock(&shared);
	return NULL;
}

static void
number_one(const struct fsyi_thread *thread, void *arg)
{
	(void)arg;
	for (int i = 0; i < LINE; i++)
		if (fsy_atomic_ptr_load(&line[i].record) == thread)
			line[i].before = next_before++;
}

/* How often the lock went from one node to another while the line was served. Nobody waited for more than those before it and B - 1. */
static int
serve_line(int batch)
{
	int node_at[LINE], moves = 0;

	served = next_before = 0;
	fsyi_tune.node_batch = batch;
	fair_begin(&shared, READERS_COUNTED);
	CHILD_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	for (int i = 0; i < LINE; i++) {
		line[i].node = i % NODES;
		line[i].thread = worker_start(write_once, &line[i]);
		wait_until_parked(&shared, (unsigned int)i + 1);
	}
	wait_until_sleeping(&shared, LINE);
	fsyi_park_each(&fsyi_lot, number_one, NULL);
	CHILD_CHECK(next_before == LINE);
	fsy_fair_rwlock_unlock(&shared);
	for (int i = 0; i < LINE; i++)
		worker_join(line[i].thread);
	CHILD_CHECK(served == LINE && fair_at_rest(&shared));
	for (int i = 0; i < LINE; i++) {
		CHILD_CHECK(line[i].served_at <= line[i].before + batch - 1);
		node_at[line[i].served_at] = line[i].node;
	}
	for (int i = 1; i < LINE; i++)
		moves += node_at[i] != node_at[i - 1];
	return moves;
}

/* With strict turns each release hands over. A batch of one is first come, first served, which moves each time; one of all goes node by node. */
static int
keeps_to_a_node_in_a_batch(void *arg)
{
	(void)arg;
	CHILD_CHECK(fsy_node_count() == NODES);
	CHILD_CHECK(serve_line(1) == LINE - 1);
	for (int i = 0; i < LINE; i++)
		CHILD_CHECK(line[i].served_at == line[i].before);
	serve_line(2 * NODES);
	CHILD_CHECK(serve_line(4 * LINE) <= 2 * NODES);
	return 0;
}

static void
run(const char *body, const char *more)
{
	const char *const settings[] = { "FASTSYNC_TOPOLOGY=8", more, NULL };
	struct child child = child_exec(body, settings, NULL);

	child_assert_clean(&child);
}

static void
test_waits_for_every_node(void **state)
{
	(void)state;
	run("every node", NULL);
	run("every node", "FASTSYNC_MEMBARRIER=off");
}

static void
test_keeps_to_a_node_in_a_batch(void **state)
{
	(void)state;
	run("batch", "FASTSYNC_TENURE_NS=0");
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = {
		{ "every node", waits_for_every_node }, { "batch", keeps_to_a_node_in_a_batch }, { NULL, NULL }
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_for_every_node),
		cmocka_unit_test(test_keeps_to_a_node_in_a_batch),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("fair rwlock on nodes", 200);
	return cmocka_run_group_tests_name("fair rwlock on nodes", tests, NULL, NULL);
}
