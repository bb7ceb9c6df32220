/* SPDX-License-Identifier: MIT */
/* FASTSYNC_TOPOLOGY: its three forms, and what it says about malformed ones. */
#include "lib/sys/topology.h"

#include <errno.h>
#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
use(const char *spec, int nodes)
{
	char why[160] = "";

	if (fsyi_topology_from_spec(spec, why, sizeof(why)) != 0)
		fail_msg("%s: %s", spec, why);
	assert_int_equal(fsyi_topology()->nodes, nodes);
	assert_int_equal(fsy_node_count(), nodes);
	assert_true(fsyi_topology()->fake);
	assert_string_equal(fsyi_topology()->source, "FASTSYNC_TOPOLOGY");
	for (int node = 0; node < nodes; node++)
		assert_int_equal(fsyi_topology_kernel_node(node), -1);
}

static void
test_counted_nodes(void **state)
{
	(void)state;
	use("1", 1);
	use("4", 4);
	for (int cpu = 0; cpu < FSYI_MAX_CPUS; cpu++)
		assert_int_equal(fsyi_topology_node_of_cpu(cpu), cpu % 4);
	assert_int_equal(fsyi_topology_distance(2, 2), 10);
	assert_int_equal(fsyi_topology_distance(2, 3), 20);
	use("1024", 1024);
	assert_int_equal(fsyi_topology_node_of_cpu(1023), 1023);
	assert_int_equal(fsyi_topology_node_of_cpu(1024), 0);
}

static void
test_nodes_of_so_many_cpus(void **state)
{
	(void)state;
	use("8x16", 8);
	for (int cpu = 0; cpu < FSYI_MAX_CPUS; cpu++)
		assert_int_equal(fsyi_topology_node_of_cpu(cpu), cpu / 16 % 8);
	use("2x1@10,31", 2);
	assert_int_equal(fsyi_topology_distance(0, 1), 31);
	assert_int_equal(fsyi_topology_distance(1, 0), 31);
}

static void
test_explicit_lists(void **state)
{
	(void)state;
	use("0-3;4-7@10,21", 2);
	assert_int_equal(fsyi_topology_node_of_cpu(3), 0);
	assert_int_equal(fsyi_topology_node_of_cpu(4), 1);
	assert_int_equal(fsyi_topology_node_of_cpu(7), 1);
	assert_int_equal(fsyi_topology_node_of_cpu(8), 0);
	assert_int_equal(fsyi_topology_distance(0, 1), 21);
	use("0,2-3,8191;1;5@10,40,30", 3);
	assert_int_equal(fsyi_topology_node_of_cpu(8191), 0);
	assert_int_equal(fsyi_topology_node_of_cpu(1), 1);
	assert_int_equal(fsyi_topology_node_of_cpu(5), 2);
	assert_int_equal(fsyi_topology_distance(0, 0), 10);
	assert_int_equal(fsyi_topology_distance(1, 1), 10);
	assert_int_equal(fsyi_topology_distance(0, 2), 30);
	assert_int_equal(fsyi_topology_distance(2, 0), 30);
	assert_int_equal(fsyi_topology_distance(1, 2), 40);
	assert_int_equal(fsyi_topology_distance(2, 1), 40);
	use("0-1", 1);
}

static void
test_questions_out_of_range(void **state)
{
	(void)state;
	use("2", 2);
	assert_int_equal(fsyi_topology_node_of_cpu(-1), 0);
	assert_int_equal(fsyi_topology_node_of_cpu(FSYI_MAX_CPUS), 0);
	assert_int_equal(fsyi_topology_kernel_node(-1), -1);
	assert_int_equal(fsyi_topology_kernel_node(2), -1);
	assert_int_equal(fsyi_topology_dense_node(-1), -1);
	assert_int_equal(fsyi_topology_dense_node(FSYI_MAX_NODES), -1);
	assert_int_equal(fsyi_topology_distance(0, 5), 20);
}

static void
test_malformed_specifications(void **state)
{
	static const struct {
		const char *spec, *why;
	} wrong[] = {
		{ "0", "0 nodes: expected 1 to 1024" },
		{ "1025", "1025 nodes: expected 1 to 1024" },
		{ "0x4", "0 nodes: expected 1 to 1024" },
		{ "4x", "expected a number of CPUs per node at \"\"" },
		{ "4xy", "expected a number of CPUs per node at \"y\"" },
		{ "4x2x", "expected a number of CPUs per node at \"2x\"" },
		{ "4x0", "0 CPUs on each of 4 nodes: expected 1 to 2048" },
		{ "8x1025", "1025 CPUs on each of 8 nodes: expected 1 to 1024" },
		{ "four", "node 0: expected a CPU number or an ascending range at \"four\"" },
		{ "-1", "node 0: expected a CPU number or an ascending range at \"-1\"" },
		{ " 4", "node 0: expected a CPU number or an ascending range at \" 4\"" },
		{ "99999999999", "node 0: expected a CPU number or an ascending range at \"99999999999\"" },
		{ "4 ", "node 0: expected , or ; or @ at \" \"" },
		{ "3-0;4", "node 0: expected a CPU number or an ascending range at \"3-0;4\"" },
		{ "0-3;;4", "node 1: expected a CPU number or an ascending range at \";4\"" },
		{ "0-3;", "node 1: expected a CPU number or an ascending range at \"\"" },
		{ "0,;1", "node 0: expected a CPU number or an ascending range at \";1\"" },
		{ "0-3;3-5", "node 1: CPU 3 is already on node 0" },
		{ "0,0;1", "node 0: CPU 0 is already on node 0" },
		{ "0-8192;9", "node 0: CPU 8192 is above 8191" },
		{ "2@", "expected a distance from 10 to 255 at \"\"" },
		{ "2@10,", "expected a distance from 10 to 255 at \"\"" },
		{ "2@10,9", "expected a distance from 10 to 255 at \"9\"" },
		{ "2@10,256", "expected a distance from 10 to 255 at \"256\"" },
		{ "2@10;20", "expected a distance from 10 to 255 at \"10;20\"" },
		{ "2@11,20", "the distance from node 0 to itself is 10, not 11" },
		{ "2@10", "1 distances for 2 nodes" },
		{ "2@10,20,20", "3 distances for 2 nodes" },
	};
	char why[160];

	(void)state;
	use("3", 3);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(fsyi_topology_from_spec(wrong[i].spec, why, sizeof(why)), EINVAL);
		assert_string_equal(why, wrong[i].why);
		assert_int_equal(fsyi_topology()->nodes, 3);   /* what was in use stays in use */
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counted_nodes),
		cmocka_unit_test(test_nodes_of_so_many_cpus),
		cmocka_unit_test(test_explicit_lists),
		cmocka_unit_test(test_questions_out_of_range),
		cmocka_unit_test(test_malformed_specifications),
	};

	return cmocka_run_group_tests_name("topology specification", tests, NULL, NULL);
}
