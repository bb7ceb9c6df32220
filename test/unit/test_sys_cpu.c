/* SPDX-License-Identifier: MIT */
/* The CPU and node of the calling thread, from rseq and without it; virtual nodes. */
#include "lib/sys/cpu.h"
#include "lib/sys/thread.h"
#include "lib/sys/topology.h"
#include "test/support/child.h"
#include "test/support/tree.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/error.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

static cpu_set_t allowed;

static void
pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void
test_cpu_is_where_it_was_pinned(void **state)
{
	(void)state;
	errno = 77;
	for (int round = 0; round < 10; round++)
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET((size_t)cpu, &allowed)) {
				pin(cpu);
				assert_int_equal(fsyi_cpu(), cpu);
				assert_int_equal(fsyi_cpu_quick(), fsyi_cpu_rseq_used() ? cpu : -1);
				assert_int_equal(fsyi_node(), fsyi_topology_node_of_cpu(cpu));
			}
	assert_int_equal(errno, 77);
	assert_int_equal(sched_setaffinity(0, sizeof(allowed), &allowed), 0);
}

static void
test_rseq_is_used_where_it_is(void **state)
{
	const char *given = getenv("FASTSYNC_RSEQ");
	extern const unsigned int __rseq_size __attribute__((weak));
	bool there = &__rseq_size != NULL && __rseq_size != 0;

	(void)state;
	assert_int_equal(fsyi_cpu_rseq_used(), there && (given == NULL || strcmp(given, "off") != 0));
}

/* What the kernel leaves behind in the area says that it does not maintain it. */
static void *
ask_unregistered(void *arg)
{
	extern const ptrdiff_t __rseq_offset __attribute__((weak));
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	(void)arg;
	if (syscall(SYS_rseq, area, 32, 1, 0x53053053) != 0)    /* RSEQ_FLAG_UNREGISTER, glibc's signature on x86 */
		return NULL;
	W_CHECK(fsyi_cpu() >= 0 && fsyi_cpu() < CPU_SETSIZE && CPU_ISSET((size_t)fsyi_cpu(), &allowed));
	W_CHECK(fsyi_node() >= 0 && fsyi_node() < fsyi_topology()->nodes);
	return NULL;
}

static void
test_thread_without_rseq(void **state)
{
	(void)state;
	if (!fsyi_cpu_rseq_used())
		skip();
	worker_join(worker_start(ask_unregistered, NULL));
	workers_assert();
}

static void
test_cpu_count(void **state)
{
	(void)state;
	assert_int_equal(fsyi_cpu_count(), CPU_COUNT(&allowed));
}

static void *
other_thread_has_its_own(void *arg)
{
	(void)arg;
	W_CHECK(fsyi_node() < 4);
	W_CHECK(fsy_thread_set_node(1) == 0);
	W_CHECK(fsyi_node() == 1);
	return NULL;
}

static void
test_virtual_nodes(void **state)
{
	char why[100];
	int real;

	(void)state;
	assert_int_equal(fsyi_topology_from_spec("4", why, sizeof(why)), 0);
	real = fsyi_node();
	assert_in_range(real, 0, 3);
	for (int node = 3; node >= 0; node--) {
		assert_int_equal(fsy_thread_set_node(node), 0);
		assert_int_equal(fsyi_node(), node);
	}
	assert_int_equal(fsy_thread_set_node(3), 0);
	assert_int_equal(fsy_thread_set_node(4), FSY_EINVAL);
	assert_int_equal(fsy_thread_set_node(-2), FSY_EINVAL);
	assert_int_equal(fsyi_node(), 3);
	worker_join(worker_start(other_thread_has_its_own, NULL));
	workers_assert();
	assert_int_equal(fsyi_node(), 3);
	assert_int_equal(fsy_thread_set_node(-1), 0);
	pin(fsyi_cpu());
	assert_int_equal(fsyi_node(), fsyi_cpu() % 4);
	assert_int_equal(sched_setaffinity(0, sizeof(allowed), &allowed), 0);
}

/* The kernel says node 0 for every CPU here; a real topology in which its number is another one tells the two answers apart. */
static void
test_kernel_node_is_translated(void **state)
{
	struct tree tree;

	(void)state;
	if (fsyi_topology()->nodes != 1 || fsyi_topology()->fake) {
		printf("skip test_kernel_node_is_translated: wants a machine with one node\n");
		skip();
	}
	tree_make(&tree);
	tree_file(&tree, "online", "0-1\n");
	tree_file(&tree, "node0/cpulist", "8000\n");
	tree_file(&tree, "node1/cpulist", "0-7999\n");
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), 0);
	assert_int_equal(fsyi_topology_node_of_cpu(0), 1);
	/* rseq knows the node itself, also of a CPU that came after the table; without rseq the table decides. */
	assert_int_equal(fsyi_node(), fsyi_cpu_node_used() ? 0 : 1);
	tree_remove(&tree);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_cpu_is_where_it_was_pinned), cmocka_unit_test(test_rseq_is_used_where_it_is),
	cmocka_unit_test(test_thread_without_rseq),        cmocka_unit_test(test_cpu_count),
	cmocka_unit_test(test_kernel_node_is_translated),     cmocka_unit_test(test_virtual_nodes),
};

static int
all_again(void *arg)
{
	(void)arg;
	return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}

static void
test_all_without_rseq(void **state)
{
	static const char *const ours[] = { "FASTSYNC_RSEQ=off", NULL };
	/* glibc then registers nothing: its area must not be believed. */
	static const char *const glibcs[] = { "GLIBC_TUNABLES=glibc.pthread.rseq=0", NULL };
	struct child child = child_exec("all", ours, NULL);

	(void)state;
	child_assert_clean(&child);
	child = child_exec("all", glibcs, NULL);
	child_assert_clean(&child);
}

static void
one_cpu_only(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	CHILD_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
}

static int
count_one(void *arg)
{
	(void)arg;
	CHILD_CHECK(fsyi_cpu_count() == 1);
	return 0;
}

static void
test_count_of_a_confined_process(void **state)
{
	struct child child = child_exec("one", NULL, one_cpu_only);

	(void)state;
	child_assert_clean(&child);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "all", all_again }, { "one", count_one }, { NULL, NULL } };
	static const struct CMUnitTest outer[] = {
		cmocka_unit_test(test_all_without_rseq),
		cmocka_unit_test(test_count_of_a_confined_process),
	};

	sched_getaffinity(0, sizeof(allowed), &allowed);
	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("cpu", tests, NULL, NULL) + cmocka_run_group_tests_name("cpu children", outer, NULL, NULL);
}
