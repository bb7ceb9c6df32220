/* SPDX-License-Identifier: MIT */
/* Once per node, on virtual nodes: each node's run, their order, failure, more nodes than bits; and values per node. */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/lazy.h>
#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { NODES = 40 };

static fsy_once_node_t once;
static int runs[NODES];
static int answer;

static int
fresh(void **state)
{
	(void)state;
	once = (fsy_once_node_t)FSY_ONCE_NODE_INIT;
	memset(runs, 0, sizeof(runs));
	answer = 0;
	fsy_thread_set_node(0);
	return 0;
}

static void plain(int node, void *arg) { (void)arg; runs[node]++; }
static int fallible(int node, void *arg) { plain(node, arg); return answer; }

static void
test_each_node_once(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++)
		for (int node = 0; node < FSY_ONCE_NODES; node += 3) {
			assert_int_equal(fsy_thread_set_node(node), 0);
			assert_int_equal(fsy_once_node_done(&once, node), round > 0);
			fsy_once_node_do(&once, plain, NULL);
			assert_true(fsy_once_node_done(&once, node));
			assert_int_equal(runs[node], 1);
			assert_false(fsy_once_node_done(&once, node + 1));
		}
	assert_int_equal(fsy_atomic_u64_load(&once.word_), 0x49249249);
}

static void
test_more_nodes_share(void **state)
{
	(void)state;
	fsy_thread_set_node(35);
	fsy_once_node_do(&once, plain, NULL);
	fsy_thread_set_node(3);
	fsy_once_node_do(&once, plain, NULL);
	assert_true(runs[35] == 1 && runs[3] == 0 && fsy_once_node_done(&once, 3));
}

static void
test_g8_try_is_retried(void **state)
{
	(void)state;
	fsy_thread_set_node(7);
	answer = 4;
	assert_int_equal(fsy_once_node_try(&once, fallible, NULL), 4);
	assert_int_equal(fsy_atomic_u64_load(&once.word_), 0);
	answer = 0;
	assert_int_equal(fsy_once_node_try(&once, fallible, NULL), 0);
	assert_int_equal(fsy_once_node_try(&once, fallible, NULL), 0);
	assert_int_equal(runs[7], 2);
}

static int
use_itself(int node, void *arg)
{
	(void)node;
	assert_int_equal(fsy_once_node_try(&once, fallible, arg), FSY_EDEADLK);
	return 0;
}

static void
test_recursion(void **state)
{
	(void)state;
	assert_int_equal(fsy_once_node_try(&once, use_itself, NULL), 0);
}

/* users[0]'s run, on node 0, is waited for by users of these nodes. */
static struct gate started, finish;
static struct user { pthread_t thread; int node, error, order; } users[5];
static fsy_atomic_u32 served;

static int
held(int node, void *arg)
{
	gate_open(&started);
	gate_pass(&finish);
	return fallible(node, arg);
}

static int
own(int node, void *arg)
{
	((struct user *)arg)->order = (int)fsy_atomic_u32_add(&served, 1) + 1;
	plain(node, NULL);
	return 0;
}

static void *
run_user(void *arg)
{
	struct user *user = arg;

	W_CHECK(fsy_thread_set_node(user->node) == 0);
	user->error = fsy_once_node_try(&once, user == users ? held : own, user);
	return NULL;
}

static void
contend(void)
{
	static const int nodes[] = { 0, 2, 0, 1, 2 };

	started = (struct gate)GATE("run starts");
	finish = (struct gate)GATE("run ends");
	fsy_atomic_u32_store(&served, 0);
	memset(users, 0, sizeof(users));
	for (int i = 0; i < 5; i++) {
		users[i].node = nodes[i];
		users[i].thread = worker_start(run_user, &users[i]);
		if (i == 0)
			gate_pass(&started);
		else
			wait_until_parked(&once, (unsigned int)i);
	}
	gate_open(&finish);
	for (int i = 0; i < 5; i++)
		worker_join(users[i].thread);
	workers_assert();
	assert_int_equal(fsy_atomic_u64_load(&once.word_), 7);
	assert_true(runs[1] == 1 && runs[2] == 1);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

static void
test_waiting_and_success(void **state)
{
	(void)state;
	contend();
	assert_int_equal(runs[0], 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(users[i].error, 0);
	assert_int_equal(users[2].order, 0);
}

/* The eldest waiter runs next, for its own node. */
static void
test_g8_failure_passes_to_the_eldest(void **state)
{
	(void)state;
	answer = 3;
	contend();
	assert_int_equal(users[0].error, 3);
	assert_int_equal(users[1].order, 1);
	assert_int_equal(runs[0], 2);
	for (int i = 1; i < 5; i++)
		assert_int_equal(users[i].error, 0);
}

static int made[NODES];

static int
make(int node, void **value, void *arg)
{
	runs[node]++;
	*value = &made[node];
	return *(int *)arg;
}

static void
test_lazy_node_get(void **state)
{
	static fsy_lazy_node_t table = FSY_LAZY_NODE_INIT;
	void *value = NULL;

	(void)state;
	answer = 5;
	assert_int_equal(fsy_lazy_node_get(&table, make, &answer, &value), 5);
	assert_null(value);
	answer = 0;
	for (int round = 0; round < 2; round++)
		for (int node = 0; node < 8; node++) {
			fsy_thread_set_node(node);
			assert_int_equal(fsy_lazy_node_get(&table, make, &answer, &value), 0);
			assert_ptr_equal(value, &made[node]);
		}
	for (int node = 0; node < 8; node++)
		assert_int_equal(runs[node], node == 0 ? 2 : 1);
}

static void
test_lazy_node_copy(void **state)
{
	static fsy_lazy_node_t table, refused;
	char master[20000];
	const char *copies[3], *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(master); i++)
		master[i] = (char)(i * 7);
	for (int node = 0; node < 3; node++) {
		fsy_thread_set_node(node);
		copies[node] = fsy_lazy_node_copy(&table, master, sizeof(master));
		assert_memory_equal(copies[node], master, sizeof(master));
		assert_ptr_equal(fsy_lazy_node_copy(&table, master, sizeof(master)), copies[node]);
		assert_ptr_not_equal(copies[node], master);
	}
	assert_true(copies[0] != copies[1] && copies[1] != copies[2] && copies[0] != copies[2]);
	copy = fsy_lazy_node_copy(&refused, master, SIZE_MAX / 2);
	assert_ptr_equal(copy, master);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, fresh)
static const struct CMUnitTest tests[] = {
	TEST(each_node_once), TEST(more_nodes_share), TEST(g8_try_is_retried), TEST(recursion), TEST(waiting_and_success),
	TEST(g8_failure_passes_to_the_eldest), TEST(lazy_node_get), TEST(lazy_node_copy),
};

static int
on_virtual_nodes(void *arg)
{
	(void)arg;
	if (freopen("/dev/null", "w", stdout) == NULL)
		return 1;
	return cmocka_run_group_tests_name("once per node", tests, NULL, NULL);
}

static void
test_virtual_nodes(void **state)
{
	static const char *const environment[] = { "FASTSYNC_TOPOLOGY=40", NULL };
	struct child child = child_exec("all", environment, NULL);

	(void)state;
	child_assert_clean(&child);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "all", on_virtual_nodes }, { NULL, NULL } };
	static const struct CMUnitTest outer[] = { cmocka_unit_test(test_virtual_nodes) };

	watchdog("once per node", 200);
	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("once per node, outer", outer, NULL, NULL);
}
