/* SPDX-License-Identifier: MIT */
/* Virtual nodes: a contended lock stays on its node for a while, not for ever, and every thread gets its share. */
#include "lib/sys/tune.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static fsy_mutex_t mutex;

/* A line of sleepers, spread over the nodes one by one; each takes the lock once when the chain of unlocks reaches it. */
enum { LINE = 64 };

struct waiter {
	pthread_t thread;
	fsy_atomic_ptr record;
	int node, before, served_at;
};

static struct waiter line[LINE];
static int served;

static void *
take_once(void *arg)
{
	struct waiter *waiter = arg;

	CHILD_CHECK(fsy_thread_set_node(waiter->node) == 0);
	fsy_atomic_ptr_store(&waiter->record, fsyi_thread_self());
	fsy_mutex_lock(&mutex);
	waiter->served_at = served++;
	fsy_mutex_unlock(&mutex);
	return NULL;
}

static int next_before;

static void
number_one(const struct fsyi_thread *thread, void *arg)
{
	(void)arg;
	for (int i = 0; i < LINE; i++)
		if (fsy_atomic_ptr_load(&line[i].record) == thread)
			line[i].before = next_before++;
}

/* How often the lock went from one node to another while the line was served. */
static int
serve_line(int nodes)
{
	int node_at[LINE], moves = 0;

	served = next_before = 0;
	fsy_mutex_lock(&mutex);
	for (int i = 0; i < LINE; i++) {
		line[i].node = i % nodes;
		line[i].thread = worker_start(take_once, &line[i]);
		wait_until_parked(&mutex, (unsigned)i + 1);
	}
	wait_until_sleeping(&mutex, LINE);
	fsyi_park_each(&fsyi_lot, number_one, NULL);
	CHILD_CHECK(next_before == LINE);
	fsy_mutex_unlock(&mutex);
	for (int i = 0; i < LINE; i++)
		worker_join(line[i].thread);
	CHILD_CHECK(served == LINE && at_rest(&mutex));
	for (int i = 0; i < LINE; i++)
		node_at[line[i].served_at] = line[i].node;
	for (int i = 1; i < LINE; i++)
		moves += node_at[i] != node_at[i - 1];
	return moves;
}

static int
nodes_wanted(void)
{
	const char *spec = getenv("FASTSYNC_TOPOLOGY");

	return spec != NULL ? atoi(spec) : 1;
}

/* First come, first served would change nodes LINE - 1 times here; a choice at random LINE * (1 - 1/nodes) times. */
static int
stays_on_a_node(void *arg)
{
	int nodes = nodes_wanted(), moves;
	fsy_stats_t stats;

	(void)arg;
	CHILD_CHECK(fsy_node_count() == nodes);
	CHILD_CHECK(fsy_thread_set_node(nodes) != 0 && fsy_thread_set_node(nodes - 1) == 0);
	fsyi_tune.node_batch = LINE;
	fsy_stats_reset();
	moves = serve_line(nodes);
	CHILD_CHECK(moves >= nodes - 1 && moves < (LINE - 1) / 3 + nodes);
	CHILD_CHECK(fsy_stats_get(NULL, &stats) == 0);
	CHILD_CHECK(stats.handovers_local + stats.handovers_remote == stats.contended && stats.contended >= LINE);
	CHILD_CHECK(nodes > 1 ? stats.handovers_remote > 0 : stats.handovers_remote == 0);
	CHILD_CHECK(stats.handovers_local * 2 >= stats.contended);
	return 0;
}

/* But nobody is passed by more than a batch allows. */
static int
passes_nobody_for_long(void *arg)
{
	int nodes = nodes_wanted(), batch = 8;

	(void)arg;
	fsyi_tune.node_batch = batch;
	serve_line(nodes);
	for (int i = 0; i < LINE; i++)
		CHILD_CHECK(line[i].served_at <= line[i].before + batch - 1);
	return 0;
}

/* Threads of every node fight for the lock until each has had it many times. */
enum { FIGHTERS = 16, TIMES = 200 };
static fsy_atomic_u32 had[FIGHTERS], stop;
static uint64_t sum, expected;

static void *
fight(void *arg)
{
	int me = *(int *)arg;

	CHILD_CHECK(fsy_thread_set_node(me % nodes_wanted()) == 0);
	while (!fsy_atomic_u32_load(&stop)) {
		fsy_mutex_lock(&mutex);
		sum++;
		if (sum % 64 == 0)
			sched_yield();                   /* so that all of them come to sleep */
		fsy_atomic_u32_add_rlx(&had[me], 1);
		fsy_mutex_unlock(&mutex);
	}
	return NULL;
}

static int
everybody_gets_it(void *arg)
{
	fsy_deadline_t limit = fsy_after_ms(TEST_PATIENCE_MS);
	pthread_t threads[FIGHTERS];
	int numbers[FIGHTERS];

	(void)arg;
	CHILD_CHECK(fsy_stats_watch(&mutex) == 0);
	for (int i = 0; i < FIGHTERS; i++) {
		numbers[i] = i;
		threads[i] = worker_start(fight, &numbers[i]);
	}
	for (int i = 0; i < FIGHTERS; i++)
		while (fsy_atomic_u32_load(&had[i]) < TIMES && fsy_now() < limit)
			sched_yield();
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < FIGHTERS; i++)
		worker_join(threads[i]);
	for (int i = 0; i < FIGHTERS; i++) {
		CHILD_CHECK(fsy_atomic_u32_load(&had[i]) >= TIMES);
		expected += fsy_atomic_u32_load(&had[i]);
	}
	CHILD_CHECK(sum == expected && at_rest(&mutex));
	if (getenv("TEST_SHOW") != NULL) {
		fsy_stats_t s;

		CHILD_CHECK(fsy_stats_get(&mutex, &s) == 0);
		printf("%d nodes: %llu of %llu contended hand-overs local\n", nodes_wanted(), (unsigned long long)s.handovers_local,
		       (unsigned long long)s.contended);
	}
	return 0;
}

static void
in_each_topology(const char *body)
{
	static const char *const specs[] = { "1x1", "2x1", "2x4", "8x16" };

	for (int i = 0; i < 4; i++) {
		char variable[64];
		const char *environment[] = { variable, NULL };
		struct child child;

		snprintf(variable, sizeof(variable), "FASTSYNC_TOPOLOGY=%s", specs[i]);
		child = child_exec(body, environment, NULL);
		if (!child.exited || child.status != 0 || child.err[0] != '\0')
			fail_msg("%s: status %d, signal %d, %s", specs[i], child.status, child.signal, child.err);
	}
}

static void
test_stays_on_a_node(void **state)
{
	(void)state;
	in_each_topology("stays");
}

static void
test_passes_nobody_for_long(void **state)
{
	(void)state;
	in_each_topology("passes");
}

static void
test_everybody_gets_it(void **state)
{
	(void)state;
	in_each_topology("fight");
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = {
		{ "stays", stays_on_a_node }, { "passes", passes_nobody_for_long }, { "fight", everybody_gets_it }, { NULL, NULL }
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays_on_a_node),
		cmocka_unit_test(test_passes_nobody_for_long),
		cmocka_unit_test(test_everybody_gets_it),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("mutex and nodes", 200);
	return cmocka_run_group_tests_name("mutex and nodes", tests, NULL, NULL);
}
