/* SPDX-License-Identifier: MIT */
/* Pools in one thread: what comes back and in which order, limits, a lack of memory, statistics, the end. */
#include "test/support/locks.h"
#include "test/support/things.h"
#include "test/support/worker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MANY = 1000 };

static struct thing *held[MANY];

static void
get_all(fsy_pool_t *pool, int count)
{
	for (int i = 0; i < count; i++)
		held[i] = thing_get(pool);
}

static void
put_all(fsy_pool_t *pool, int count)
{
	for (int i = 0; i < count; i++)
		thing_put(pool, held[i]);
}

static uint64_t
idle(fsy_pool_t *pool)
{
	fsy_pool_stats_t stats;

	fsy_pool_stats(pool, &stats);
	return stats.idle;
}

static void
test_last_put_first_got(void **state)
{
	fsy_pool_t *pool = things_pool((fsy_pool_config_t){ 0 });
	struct thing *things[MANY];

	(void)state;
	get_all(pool, MANY);
	assert_int_equal(things_made(), MANY);
	put_all(pool, MANY);
	assert_int_equal(idle(pool), MANY);
	memcpy(things, held, sizeof(things));
	for (int i = MANY - 1; i >= 0; i--) {
		held[i] = thing_get(pool);
		assert_ptr_equal(held[i], things[i]);
	}
	assert_int_equal(things_made(), MANY);
	assert_int_equal(idle(pool), 0);
	put_all(pool, MANY);
	fsy_pool_free(pool);
	things_reset();
}

static void
test_memory_of_its_own(void **state)
{
	static const size_t sizes[] = { 1, 7, 1024, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fsy_pool_t *pool = fsy_pool_new(&(fsy_pool_config_t){ .object_size = sizes[i] });
		char *objects[200];

		assert_non_null(pool);
		for (int turn = 0; turn < 2; turn++) {
			for (int k = 0; k < 200; k++) {
				objects[k] = fsy_pool_get(pool);
				assert_non_null(objects[k]);
				assert_int_equal((uintptr_t)objects[k] % _Alignof(max_align_t), 0);
				memset(objects[k], k, sizes[i] < 4096 ? sizes[i] : 4096);
			}
			for (int k = 0; k < 200; k++) {
				assert_int_equal(objects[k][0], (char)k);
				fsy_pool_put(pool, objects[k]);
			}
		}
		fsy_pool_free(pool);
	}
}

static void
test_null(void **state)
{
	fsy_pool_t *pool = things_pool((fsy_pool_config_t){ 0 });

	(void)state;
	fsy_pool_put(pool, NULL);
	thing_put(pool, thing_get(pool));
	fsy_pool_put(pool, NULL);
	assert_int_equal(idle(pool), 1);
	fsy_pool_free(pool);
	fsy_pool_free(NULL);
	things_reset();
}

static void
test_bad_configurations(void **state)
{
	static const fsy_pool_config_t bad[] = {
		{ 0 },                                                           /* no size, and nobody to make objects */
		{ .object_size = 8, .free_fn = thing_free },                     /* a destructor for what is not its own */
		{ .object_size = 8, .node_fn = thing_node },
		{ .new_fn = thing_new, .free_fn = thing_free, .max_bytes = 9 },  /* bytes of what? */
		{ .object_size = 8, .idle_ns = -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(fsy_pool_new(&bad[i]));
}

/* Whatever the limit, never more than that are idle, and what is above it is destroyed at once. */
static void
test_max_idle(void **state)
{
	(void)state;
	for (size_t limit = 1; limit < 700; limit = limit * 3 - limit / 2) {
		fsy_pool_t *pool = things_pool((fsy_pool_config_t){ .max_idle = limit });
		fsy_pool_stats_t stats;

		for (int turn = 0; turn < 3; turn++) {
			get_all(pool, MANY);
			for (int i = 0; i < MANY; i++) {
				thing_put(pool, held[i]);
				assert_true(idle(pool) <= limit);
			}
			assert_int_equal(idle(pool), limit);
		}
		fsy_pool_stats(pool, &stats);
		assert_int_equal(stats.dropped, stats.destroyed);
		assert_int_equal(stats.created - stats.destroyed, limit);
		assert_int_equal(things_made() - things_destroyed(), (int)limit);
		fsy_pool_free(pool);
		things_reset();
	}
}

static void
test_max_bytes(void **state)
{
	fsy_pool_t *pool = things_pool((fsy_pool_config_t){ .object_size = 100, .max_bytes = 1050, .max_idle = 50 });
	fsy_pool_t *none = things_pool((fsy_pool_config_t){ .object_size = 100, .max_bytes = 99 });

	(void)state;
	get_all(pool, MANY);
	put_all(pool, MANY);
	assert_int_equal(idle(pool), 10);
	thing_put(none, thing_get(none));
	assert_int_equal(idle(none), 0);
	assert_int_equal(things_destroyed(), MANY - 10 + 1);
	fsy_pool_free(pool);
	fsy_pool_free(none);
	things_reset();
}

/* NULL, errno as it was, and what is idle is still had. */
static void
test_no_memory(void **state)
{
	fsy_pool_t *pool = things_pool((fsy_pool_config_t){ 0 });

	(void)state;
	get_all(pool, 100);
	put_all(pool, 100);
	fsy_atomic_u32_store(&things_refuse, 1);
	errno = 77;
	get_all(pool, 100);
	for (int i = 0; i < 100; i++)
		assert_non_null(held[i]);
	assert_null(thing_get(pool));
	assert_int_equal(errno, 77);
	fsy_atomic_u32_store(&things_refuse, 0);
	thing_put(pool, thing_get(pool));
	put_all(pool, 100);
	assert_int_equal(things_made(), 101);
	fsy_pool_free(pool);
	things_reset();
}

static fsy_pool_t *nested;

static void *
new_from_nested(void *arg)
{
	struct thing *inner = thing_get(nested), *same = fsy_pool_get(arg);   /* another pool, and this one again */

	thing_put(nested, inner);
	return same != NULL ? same : thing_new(NULL);
}

static int depth;

static void *
new_once(void *arg)
{
	void *object;

	if (depth++ > 0)
		return NULL;
	object = new_from_nested(*(fsy_pool_t **)arg);
	depth = 0;
	return object;
}

static void
test_callbacks_use_pools(void **state)
{
	static fsy_pool_t *outer;

	(void)state;
	nested = things_pool((fsy_pool_config_t){ 0 });
	outer = fsy_pool_new(&(fsy_pool_config_t){ .new_fn = new_once, .free_fn = thing_free, .arg = &outer });
	assert_non_null(outer);
	get_all(outer, 300);
	put_all(outer, 300);
	fsy_pool_free(outer);
	fsy_pool_free(nested);
	things_reset();
}

/* More pools than there are cells: the rest has no inline path, and works. */
static void
test_many_pools(void **state)
{
	enum { POOLS = 300 };
	static fsy_pool_t *pools[POOLS];

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < POOLS; i++)
			pools[i] = things_pool((fsy_pool_config_t){ .max_idle = 90 });
		for (int i = 0; i < POOLS; i++) {
			get_all(pools[i], 100);
			put_all(pools[i], 100);
			assert_int_equal(idle(pools[i]), 90);
			get_all(pools[i], 90);
			assert_int_equal(idle(pools[i]), 0);
			put_all(pools[i], 90);
		}
		for (int i = 0; i < POOLS; i++)
			fsy_pool_free(pools[(i * 7) % POOLS]);
		things_reset();
	}
}

/* What another pool, or nobody's, has made is as good. */
static void
test_put_of_strangers(void **state)
{
	fsy_pool_t *pool = things_pool((fsy_pool_config_t){ 0 });
	fsy_pool_stats_t stats;

	(void)state;
	for (int i = 0; i < 200; i++)
		fsy_pool_put(pool, thing_new(NULL));
	get_all(pool, 200);
	put_all(pool, 200);
	fsy_pool_stats(pool, &stats);
	assert_int_equal(stats.created, 0);
	assert_int_equal(stats.idle, 200);
	fsy_pool_free(pool);
	things_reset();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_put_first_got),
		cmocka_unit_test(test_memory_of_its_own),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_bad_configurations),
		cmocka_unit_test(test_max_idle),
		cmocka_unit_test(test_max_bytes),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_callbacks_use_pools),
		cmocka_unit_test(test_many_pools),
		cmocka_unit_test(test_put_of_strangers),
	};

	watchdog("pool", 200);
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
