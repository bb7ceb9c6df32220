/* SPDX-License-Identifier: MIT */
/* Memory that is aligned, zero, nobody else's, on its node where the kernel allows it, and NULL when there is none. */
#include "lib/sys/mem.h"
#include "lib/sys/topology.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/refuse.h"
#include "test/support/tree.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/base.h>
#include <linux/mempolicy.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

static bool
is_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void
test_aligned_zero_and_apart(void **state)
{
	uint64_t random = test_seed();

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size_t size = i % 100 == 0 ? 100000 : test_random(&random) % 5000;
		unsigned char *p = fsyi_mem_alloc(size, (int)(test_random(&random) % 4) - 1);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % FSY_CACHELINE, 0);
		assert_true(is_zero(p, size));       /* also: nothing that was given out before lies here */
		memset(p, 0xff, size);
	}
}

static void
test_odd_nodes_and_sizes(void **state)
{
	(void)state;
	assert_non_null(fsyi_mem_alloc(100, -7));
	assert_non_null(fsyi_mem_alloc(100, 1000000));
	assert_non_null(fsyi_mem_alloc(0, 0));
	assert_ptr_not_equal(fsyi_mem_alloc(0, 0), fsyi_mem_alloc(0, 0));
	assert_null(fsyi_mem_alloc(SIZE_MAX, 0));
	assert_null(fsyi_mem_alloc(SIZE_MAX / 2, -1));
}

enum { THREADS = 8, PIECES = 3000, PIECE = 320 };

static struct gate together = GATE("allocators start together");

static void *
allocate(void *arg)
{
	unsigned char mark = *(unsigned char *)arg;
	unsigned char **pieces = calloc(PIECES, sizeof(*pieces));

	gate_meet(&together, THREADS);
	for (int i = 0; i < PIECES; i++) {
		pieces[i] = fsyi_mem_alloc(PIECE, 0);
		W_CHECK(pieces[i] != NULL && is_zero(pieces[i], PIECE));
		memset(pieces[i], mark, PIECE);
	}
	gate_meet(&together, THREADS);
	for (int i = 0; i < PIECES; i++)
		for (int j = 0; j < PIECE; j++)
			W_CHECK(pieces[i][j] == mark);
	free(pieces);
	return NULL;
}

static void
test_threads_share_no_piece(void **state)
{
	pthread_t threads[THREADS];
	unsigned char marks[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		marks[i] = (unsigned char)(i + 1);
		threads[i] = worker_start(allocate, &marks[i]);
	}
	for (int i = 0; i < THREADS; i++)
		worker_join(threads[i]);
	workers_assert();
}

static int
policy_of(void *address, unsigned long *mask)
{
	int policy = -1;

	memset(mask, 0, FSYI_MAX_NODES / 8);
	assert_int_equal(syscall(SYS_get_mempolicy, &policy, mask, (unsigned long)FSYI_MAX_NODES, address, MPOL_F_ADDR), 0);
	return policy;
}

/* The kernel itself tells which node a page prefers. */
static void
test_policy_prefers_the_kernels_node(void **state)
{
	unsigned long mask[FSYI_MAX_NODES / 64];
	struct tree tree;
	void *there, *nowhere;

	(void)state;
	if (syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0) != 0)
		skip();
	tree_make(&tree);
	tree_file(&tree, "online", "5-7,0\n");           /* so that node 0 of the kernel is node 3 here */
	tree_file(&tree, "node0/cpulist", "0-4000\n");
	tree_file(&tree, "node5/cpulist", "4001\n");
	tree_file(&tree, "node6/cpulist", "4002\n");
	tree_file(&tree, "node7/cpulist", "4003\n");
	assert_int_equal(fsyi_topology_from_sysfs(tree.root), 0);
	assert_int_equal(fsyi_topology_kernel_node(3), 0);
	there = fsyi_mem_alloc(1 << 20, 3);
	assert_int_equal(policy_of(there, mask), MPOL_PREFERRED);
	assert_int_equal(mask[0], 1);
	there = fsyi_mem_alloc(100, 3);
	assert_int_equal(policy_of(there, mask), MPOL_PREFERRED);
	assert_int_equal(mask[0], 1);
	there = fsyi_mem_alloc(1 << 20, -1);
	assert_int_equal(policy_of(there, mask), MPOL_DEFAULT);
	nowhere = fsyi_mem_alloc(1 << 20, 700);          /* no such node */
	assert_non_null(nowhere);
	assert_int_equal(policy_of(nowhere, mask), MPOL_DEFAULT);
	nowhere = fsyi_mem_alloc(1 << 20, 2);            /* the tree says so, the machine may not: memory all the same */
	assert_non_null(nowhere);
	memset(nowhere, 1, 1 << 20);
	tree_remove(&tree);
}

static void
test_fake_nodes_have_no_policy(void **state)
{
	unsigned long mask[FSYI_MAX_NODES / 64];
	char why[100];

	(void)state;
	if (syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0) != 0)
		skip();
	assert_int_equal(fsyi_topology_from_spec("4", why, sizeof(why)), 0);
	assert_int_equal(policy_of(fsyi_mem_alloc(1 << 20, 0), mask), MPOL_DEFAULT);
}

static int
exhaust(void *arg)
{
	struct rlimit none = { 1, 1 };
	void *p;

	(void)arg;
	errno = 77;
	CHILD_CHECK(setrlimit(RLIMIT_AS, &none) == 0);
	CHILD_CHECK(fsyi_mem_alloc(1 << 20, 0) == NULL);
	for (int i = 0; (p = fsyi_mem_alloc(1000, 0)) != NULL; i++)
		CHILD_CHECK(i < 100);
	CHILD_CHECK(errno == 77);
	return 0;
}

static void
test_no_memory(void **state)
{
	struct child child = child_fork(exhaust, NULL);

	(void)state;
	child_assert_clean(&child);
}

static void
test_spread(void **state)
{
	size_t stride, page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *pages = fsyi_mem_spread(200, 3, &stride);
	unsigned char residence[1];

	(void)state;
	assert_non_null(pages);
	assert_int_equal(stride, page);
	assert_int_equal((uintptr_t)pages % page, 0);
	assert_true(is_zero(pages, 3 * stride));
	memset(pages, 0xff, 3 * stride);
	fsyi_mem_gather(pages, 3, stride);
	assert_int_equal(mincore(pages + 2 * stride, page, residence), -1);
	assert_int_equal(errno, ENOMEM);
	assert_null(fsyi_mem_spread(SIZE_MAX, 3, &stride));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligned_zero_and_apart),  cmocka_unit_test(test_odd_nodes_and_sizes),
		cmocka_unit_test(test_threads_share_no_piece),  cmocka_unit_test(test_policy_prefers_the_kernels_node),
		cmocka_unit_test(test_fake_nodes_have_no_policy), cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
