/* SPDX-License-Identifier: MIT */
/* An object that is put twice: found when it comes twice in a row, and always in a program built with FASTSYNC_CHECKED, as this one is. */
#define FASTSYNC_CHECKED
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/things.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MANY = 300 };

static void *objects[MANY];

static fsy_pool_t *
filled(bool checked)
{
	static const fsy_pool_config_t config = { .object_size = 32 };
	fsy_pool_t *pool = fsy_pool_new_(&config, sizeof(config), checked);

	for (int i = 0; i < MANY; i++)
		objects[i] = fsy_pool_get(pool);
	for (int i = 0; i < MANY; i++)
		fsy_pool_put(pool, objects[i]);
	return pool;
}

static int
twice_in_a_row(void *arg)
{
	fsy_pool_t *pool = filled(false);
	void *object = fsy_pool_get(pool);

	(void)arg;
	fsy_pool_put(pool, object);
	fsy_pool_put(pool, object);
	return 1;
}

static void *
put_first(void *pool)
{
	fsy_pool_put(pool, objects[0]);
	return NULL;
}

static int
with_others_between(void *arg)
{
	fsy_pool_t *pool = filled(true);

	if (arg != NULL)
		worker_join(worker_start(put_first, pool));
	else
		fsy_pool_put(pool, objects[0]);
	return 1;
}

static void
test_twice_in_a_row(void **state)
{
	struct child child = child_fork(twice_in_a_row, NULL);

	(void)state;
	child_assert_aborted(&child, "fastsync: object put twice 0x");
}

static void
test_checked(void **state)
{
	struct child child = child_fork(with_others_between, NULL);

	(void)state;
	child_assert_aborted(&child, "fastsync: object put twice 0x");
	child = child_fork(with_others_between, &child);
	child_assert_aborted(&child, "fastsync: object put twice 0x");
}

/* Whatever a program may do is no misuse, in however many turns. */
static int
proper(void *arg)
{
	fsy_pool_t *pool = filled(true), *small;

	(void)arg;
	for (int turn = 0; turn < 20; turn++) {
		for (int i = 0; i < MANY; i++)
			objects[i] = fsy_pool_get(pool);
		for (int i = 0; i < MANY; i++)
			fsy_pool_put(pool, objects[(i * 7) % MANY]);
		if (turn % 4 == 3)
			CHILD_CHECK(fsy_pool_trim(pool) == MANY);
	}
	fsy_pool_free(pool);
	small = fsy_pool_new(&(fsy_pool_config_t){ .object_size = 32, .max_idle = 5 });
	for (int turn = 0; turn < 20; turn++) {
		for (int i = 0; i < MANY; i++)
			objects[i] = fsy_pool_get(small);
		for (int i = 0; i < MANY; i++)
			fsy_pool_put(small, objects[i]);
	}
	fsy_pool_free(small);
	return 0;
}

static void
test_proper_use(void **state)
{
	struct child child = child_fork(proper, NULL);

	(void)state;
	child_assert_clean(&child);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_twice_in_a_row),
		cmocka_unit_test(test_checked),
		cmocka_unit_test(test_proper_use),
	};

	watchdog("pool misuse", 200);
	return cmocka_run_group_tests_name("pool misuse", tests, NULL, NULL);
}
