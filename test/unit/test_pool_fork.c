/* SPDX-License-Identifier: MIT */
/* Pools and forks: a child finds what its only thread and those left behind had, wherever they stood at that moment. */
#include "lib/data/pool.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/things.h"
#include "test/support/worker.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static fsy_pool_t *pool;

static void *
use(void *arg)
{
	things_use(pool, (int)(intptr_t)arg);
	return NULL;
}

/* In a child the other thread's objects are found once this one has come by; either way the end destroys all. */
static int
in_child(void *arg)
{
	bool fenced = FSY_ASYMMETRIC_ && fsy_attention_ != NULL;

	things_use(pool, 20);
	if (arg != NULL) {
		size_t trimmed = fsy_pool_trim(pool);

		CHILD_CHECK(!fenced || trimmed == 120);
		CHILD_CHECK(things_stats(pool).idle == (fenced ? 0 : 120 - trimmed));
		worker_join(worker_start(use, (void *)(intptr_t)THINGS_MANY));
		things_use(pool, THINGS_MANY);
	}
	fsy_pool_free(pool);
	CHILD_CHECK(things_made() == things_destroyed());
	return 0;
}

static void
test_fork(void **state)
{
	struct child child;
	pthread_t thread;

	(void)state;
	if (THREAD_SANITIZED) {
		printf("skip test_fork: ThreadSanitizer does not let a child start threads\n");
		skip();
	}
	pool = things_pool((fsy_pool_config_t){ 0 });
	thread = things_stay(pool, 100);
	things_use(pool, 20);
	assert_int_equal(things_stats(pool).idle, 120);
	child = child_fork(in_child, NULL);
	child_assert_clean(&child);
	child = child_fork(in_child, &child);
	child_assert_clean(&child);
	things_leave(thread);
	assert_int_equal(things_made(), 120);
	fsy_pool_free(pool);
	things_reset();
}

/* A thread that a fork leaves behind between the two stores with which a full magazine changes its place has it in both. */
static int
between_two_places(void *arg)
{
	struct fsyi_pool *p = (struct fsyi_pool *)(void *)pool;
	struct fsyi_pool_seat *seat = NULL;
	void *full;

	(void)arg;
	alarm(60);                               /* a magazine below itself has no end */
	for (struct fsyi_pool_table *table = fsyi_pool_tables(); table != NULL; table = table->next)
		if ((char *)table != fsy_pool_cells_ && fsy_atomic_ptr_load_rlx(&table->seats[p->handle.cell_ / sizeof(table->cells[0])].pool) == p)
			seat = &table->seats[p->handle.cell_ / sizeof(table->cells[0])];
	CHILD_CHECK(seat != NULL);
	full = fsy_atomic_ptr_load_rlx(&seat->previous);
	CHILD_CHECK(full != NULL && fsyi_magazine_count(full) > 0);
	fsy_atomic_ptr_store_rlx(&seat->loaded, full);
	things_use(pool, 1);                /* the forking thread has come by: the other one is known to be dead */
	fsy_pool_trim(pool);
	things_use(pool, THINGS_MANY);
	fsy_pool_free(pool);
	CHILD_CHECK(things_made() == things_destroyed());
	return 0;
}

static void
test_fork_between_two_places(void **state)
{
	struct child child;
	pthread_t thread;

	(void)state;
	pool = things_pool((fsy_pool_config_t){ 0 });
	thread = things_stay(pool, 100);
	things_use(pool, 1);
	child = child_fork(between_two_places, NULL);
	child_assert_clean(&child);
	things_leave(thread);
	fsy_pool_free(pool);
	things_reset();
}

/* Threads of a child, before its first thread has used the pool again, get tables of their own. */
static int
grandchild(void *arg)
{
	struct child child;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = worker_start(use, (void *)(intptr_t)(100 + i));
	for (int i = 0; i < 4; i++)
		worker_join(threads[i]);
	if (arg != NULL) {
		child = child_fork(grandchild, NULL);
		CHILD_CHECK(child.exited && child.status == 0 && child.err[0] == '\0');
	}
	thing_put(pool, thing_get(pool));
	things_use(pool, THINGS_MANY);
	fsy_pool_free(pool);
	CHILD_CHECK(things_made() == things_destroyed());
	return 0;
}

static void
test_fork_of_fork(void **state)
{
	struct child child;

	(void)state;
	if (THREAD_SANITIZED) {
		printf("skip test_fork_of_fork: ThreadSanitizer does not let a child start threads\n");
		skip();
	}
	pool = things_pool((fsy_pool_config_t){ 0 });
	things_use(pool, 200);
	child = child_fork(grandchild, &child);
	child_assert_clean(&child);
	fsy_pool_free(pool);
	things_reset();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_fork_between_two_places),
		cmocka_unit_test(test_fork_of_fork),
	};

	watchdog("pools and forks", 200);
	return cmocka_run_group_tests_name("pools and forks", tests, NULL, NULL);
}
