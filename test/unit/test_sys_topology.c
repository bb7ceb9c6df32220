/* SPDX-License-Identifier: MIT */
/* Topologies of every shape, from trees like sysfs; and which source the constructor chooses. */
#include "lib/sys/topology.h"
#include "lib/sys/tune.h"
#include "test/support/child.h"
#include "test/support/refuse.h"
#include "test/support/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

/* Something to fall back to when a tree is unusable. */
static void
use_three(void)
{
	char why[100];

	assert_int_equal(fsyi_topology_from_spec("3", why, sizeof(why)), 0);
	assert_int_equal(fsyi_topology()->nodes, 3);
}

static void
test_plain_tree(void **state)
{
	struct tree tree;

	(void)state;
	tree_make(&tree);
	tree_file(&tree, "online", "0-1\n");
	tree_file(&tree, "node0/cpulist", "0-3,8-11\n");
	tree_file(&tree, "node0/distance", "10 21\n");
	tree_file(&tree, "node1/cpulist", "4-7,12-15\n");
	tree_file(&tree, "node1/distance", "22 10\n");
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), 0);
	assert_int_equal(fsyi_topology()->nodes, 2);
	assert_false(fsyi_topology()->fake);
	assert_string_equal(fsyi_topology()->source, "sysfs");
	for (int cpu = 0; cpu < 16; cpu++)
		assert_int_equal(fsyi_topology_node_of_cpu(cpu), cpu / 4 % 2);
	assert_int_equal(fsyi_topology_distance(0, 1), 21);
	assert_int_equal(fsyi_topology_distance(1, 0), 22);
	assert_int_equal(fsyi_topology_kernel_node(1), 1);
	tree_remove(&tree);
}

/* Ids 0, 2, 5, 9: node 2 has only memory, node 9 has CPUs whatever its memory; 5 cannot say its distances. */
static void
test_sparse_ids_and_memory_only_nodes(void **state)
{
	struct tree tree;

	(void)state;
	tree_make(&tree);
	tree_file(&tree, "online", "0,2,5,9\n");
	tree_file(&tree, "node0/cpulist", "0-1\n");
	tree_file(&tree, "node0/distance", "10 17 21 28\n");
	tree_file(&tree, "node2/cpulist", "\n");
	tree_file(&tree, "node2/distance", "17 10 99 99\n");
	tree_file(&tree, "node5/cpulist", "2\n");
	tree_file(&tree, "node5/distance", "x\n");
	tree_file(&tree, "node9/cpulist", "3-4\n");
	tree_file(&tree, "node9/distance", "28 99 31 10\n");
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), 0);
	assert_int_equal(fsyi_topology()->nodes, 3);
	assert_int_equal(fsyi_topology_kernel_node(0), 0);
	assert_int_equal(fsyi_topology_kernel_node(1), 5);
	assert_int_equal(fsyi_topology_kernel_node(2), 9);
	assert_int_equal(fsyi_topology_dense_node(5), 1);
	assert_int_equal(fsyi_topology_dense_node(9), 2);
	assert_int_equal(fsyi_topology_dense_node(2), -1);
	assert_int_equal(fsyi_topology_dense_node(1), -1);
	assert_int_equal(fsyi_topology_node_of_cpu(4), 2);
	assert_int_equal(fsyi_topology_distance(0, 2), 28);
	assert_int_equal(fsyi_topology_distance(0, 1), 21);
	assert_int_equal(fsyi_topology_distance(2, 1), 31);
	assert_int_equal(fsyi_topology_distance(1, 0), 20);
	tree_remove(&tree);
}

static void
test_large_machine(void **state)
{
	struct tree tree;
	char name[32], list[32];

	(void)state;
	tree_make(&tree);
	tree_file(&tree, "online", "0-99\n");
	for (int node = 0; node < 100; node++) {
		snprintf(name, sizeof(name), "node%d/cpulist", node);
		snprintf(list, sizeof(list), "%d-%d\n", node * 80, node * 80 + 79);
		tree_file(&tree, name, list);
	}
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), 0);
	assert_int_equal(fsyi_topology()->nodes, 100);
	assert_int_equal(fsyi_topology_node_of_cpu(7999), 99);
	tree_file(&tree, "node99/cpulist", "8000-9999\n");      /* beyond what the table holds: not an error */
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), 0);
	assert_int_equal(fsyi_topology_node_of_cpu(8191), 99);
	assert_int_equal(fsyi_topology_node_of_cpu(8192), 0);
	tree_remove(&tree);
}

static void
test_unusable_trees(void **state)
{
	static const char *const lists[] = { "x\n", "3-1\n", "1,\n", "1;2\n", "-\n", "1-\n", "99999999999\n" };
	struct tree tree;

	(void)state;
	use_three();
	tree_make(&tree);
	assert_int_equal(fsyi_topology_from_sysfs("/nonexistent"), ENOENT);
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), ENOENT);
	tree_file(&tree, "online", "");
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), EINVAL);
	tree_file(&tree, "online", "0-2000\n");
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), EINVAL);
	tree_file(&tree, "online", "0\n");
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), ENOENT);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		tree_file(&tree, "node0/cpulist", lists[i]);
		assert_int_equal(fsyi_topology_from_sysfs(tree.root), EINVAL);
	}
	tree_file(&tree, "node0/cpulist", "\n");
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), ENODEV);
	assert_int_equal(fsyi_topology()->nodes, 3);
	tree_remove(&tree);
}

/* "source nodes", what the constructor chose; then the machine as sysfs has it must be the same. */
static int
chosen(void *arg)
{
	const struct fsyi_topology *topology = fsyi_topology();
	int node[FSYI_MAX_CPUS], nodes = topology->nodes;

	(void)arg;
	fprintf(stderr, "%s, %s\n", topology->source, fsyi_tune_error() == NULL ? "well" : fsyi_tune_error());
	if (topology->fake || nodes == 1)
		return 0;
	for (int cpu = 0; cpu < FSYI_MAX_CPUS; cpu++)
		node[cpu] = fsyi_topology_node_of_cpu(cpu);
	CHILD_CHECK(fsyi_topology_from_sysfs("/sys/devices/system/node") == 0);
	CHILD_CHECK(fsyi_topology()->nodes == nodes);
	for (int cpu = 0; cpu < FSYI_MAX_CPUS; cpu++)
		CHILD_CHECK(fsyi_topology_node_of_cpu(cpu) == node[cpu]);
	return 0;
}

static void
expect(const char *setting, void (*prepare)(void), const char *output)
{
	const char *const environment[] = { setting, NULL };
	struct child child = child_exec("chosen", environment, prepare);

	assert_true(child.exited);
	assert_string_equal(child.err, output);
	assert_int_equal(child.status, 0);
}

static void
refuse_libnuma(void)
{
	static const int calls[] = { SYS_get_mempolicy };

	CHILD_CHECK(refuse_calls(calls, 1, ENOSYS));
}

static bool
machine_tells(void)
{
	return access("/sys/devices/system/node/online", R_OK) == 0;
}

static void
test_what_the_constructor_chooses(void **state)
{
	(void)state;
	if (!machine_tells() || getenv("FASTSYNC_TOPOLOGY") != NULL)
		skip();
	expect("FASTSYNC_NUMA=on", NULL, "libnuma, well\n");
	expect("FASTSYNC_NUMA=on", refuse_libnuma, "sysfs, well\n");
	expect("FASTSYNC_NUMA=off", NULL, "one node, well\n");
	expect("FASTSYNC_TOPOLOGY=8x2", NULL, "FASTSYNC_TOPOLOGY, well\n");
	expect("FASTSYNC_TOPOLOGY=8x", NULL,
	       "fastsync: FASTSYNC_TOPOLOGY=8x: expected a number of CPUs per node at \"\"; ignored\n"
	       "libnuma, fastsync: FASTSYNC_TOPOLOGY=8x: expected a number of CPUs per node at \"\"; ignored\n");
	expect("FASTSYNC_TOPOLOGY=", NULL, "libnuma, well\n");
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "chosen", chosen }, { NULL, NULL } };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_tree),
		cmocka_unit_test(test_sparse_ids_and_memory_only_nodes),
		cmocka_unit_test(test_large_machine),
		cmocka_unit_test(test_unusable_trees),
		cmocka_unit_test(test_what_the_constructor_chooses),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
