/* SPDX-License-Identifier: MIT */
/* Threads and pools: what a thread had comes back when it ends, its later destructors may use pools, and tables find new threads. */
#include "lib/data/pool.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/things.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static fsy_pool_t *pool;
static pthread_key_t key;

/* On the nodes in turn. */
static void *
use(void *arg)
{
	static fsy_atomic_u32 turns;

	W_CHECK(fsy_thread_set_node((int)fsy_atomic_u32_add(&turns, 1) % fsy_node_count()) == 0);
	things_use(pool, (int)(intptr_t)arg);
	return NULL;
}

/* One after the other they all get the first one's objects, wherever they run; then so does main. Of tables there are main's and one per node. */
static void
test_exit_gives_back(void **state)
{
	int tables = 0;

	(void)state;
	pool = things_pool((fsy_pool_config_t){ 0 });
	for (intptr_t i = 0; i < 100; i++)
		worker_join(worker_start(use, (void *)(i % 50 + 1)));
	worker_join(worker_start(use, (void *)(intptr_t)50));
	assert_int_equal(things_made(), 50);
	assert_int_equal(things_stats(pool).idle, 50);
	things_use(pool, 50);
	assert_int_equal(things_made(), 50);
	for (struct fsyi_pool_table *table = fsyi_pool_tables(); table != NULL; table = table->next)
		tables++;
	assert_in_range(tables, 1, 1 + fsy_node_count());
	fsy_pool_free(pool);
	things_reset();
}

/* The limit holds for all threads together, and threads that end give their share back. */
static void
test_limit_over_threads(void **state)
{
	pthread_t threads[16];

	(void)state;
	pool = things_pool((fsy_pool_config_t){ .max_idle = 100 });
	for (int i = 0; i < 16; i++)
		threads[i] = worker_start(use, (void *)(intptr_t)THINGS_MANY);
	for (int i = 0; i < 16; i++)
		worker_join(threads[i]);
	assert_true(things_stats(pool).idle <= 100);
	things_use(pool, THINGS_MANY);
	assert_int_equal(things_stats(pool).idle, 100);
	assert_int_equal(things_made() - things_destroyed(), 100);
	fsy_pool_free(pool);
	things_reset();
}

static void
late(void *arg)
{
	intptr_t rounds = (intptr_t)arg - 1;

	things_use(pool, 3);
	if (rounds > 0)
		pthread_setspecific(key, (void *)rounds);
}

static void *
use_late(void *arg)
{
	W_CHECK(pthread_setspecific(key, arg) == 0);
	things_use(pool, 80);
	return NULL;
}

/* In every round of destructors, those after the thread's table is gone included: nothing is lost. */
static void
test_late_destructors(void **state)
{
	/* ThreadSanitizer takes its own leave in the last round but one. */
	intptr_t most = THREAD_SANITIZED ? PTHREAD_DESTRUCTOR_ITERATIONS - 2 : PTHREAD_DESTRUCTOR_ITERATIONS + 1;

	(void)state;
	pool = things_pool((fsy_pool_config_t){ 0 });
	assert_int_equal(pthread_key_create(&key, late), 0);
	for (intptr_t rounds = 1; rounds <= most; rounds++)
		for (int i = 0; i < 10; i++)
			worker_join(worker_start(use_late, (void *)rounds));
	pthread_key_delete(key);
	assert_int_equal(things_made(), 80);
	assert_int_equal(things_stats(pool).idle, 80);
	fsy_pool_free(pool);
	things_reset();
}

/* A pool goes while a thread that used it lives on; the next one in the same cell knows nothing of it. */
static void
test_free_before_exit(void **state)
{
	pthread_t thread;

	(void)state;
	pool = things_pool((fsy_pool_config_t){ 0 });
	thread = things_stay(pool, 100);
	fsy_pool_free(pool);
	things_reset();
	pool = things_pool((fsy_pool_config_t){ 0 });
	things_use(pool, 10);
	things_leave(thread);
	assert_int_equal(things_stats(pool).idle, 10);
	assert_int_equal(things_stats(pool).created, 10);
	fsy_pool_free(pool);
	things_reset();
}

/* Made and put here, got there, the other way round, and through a thread that has no memory of its own for it. */
static void *
pass_on(void *arg)
{
	struct thing **things = arg;

	for (int i = 0; i < THINGS_MANY; i++)
		thing_put(pool, things[i]);
	return NULL;
}

static void
test_put_elsewhere(void **state)
{
	struct thing *things[THINGS_MANY];

	(void)state;
	pool = things_pool((fsy_pool_config_t){ 0 });
	for (int turn = 0; turn < 20; turn++) {
		for (int i = 0; i < THINGS_MANY; i++)
			things[i] = thing_get(pool);
		worker_join(worker_start(pass_on, things));
	}
	assert_int_equal(things_made(), THINGS_MANY);
	fsy_pool_free(pool);
	things_reset();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_exit_gives_back),
	cmocka_unit_test(test_limit_over_threads),
	cmocka_unit_test(test_late_destructors),
	cmocka_unit_test(test_free_before_exit),
	cmocka_unit_test(test_put_elsewhere),
};

static const char *const nodes[] = { "FASTSYNC_TOPOLOGY=4", NULL };
static const char *const *const settings[] = { nodes, NULL };

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "pools and threads", tests, sizeof(tests) / sizeof(tests[0]), settings, 0 };

	return settings_main(argc, argv, &group);
}
