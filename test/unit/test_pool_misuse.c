/* SPDX-License-Identifier: MIT */
/* An object that is put twice: found when it comes twice in a row, and always in a program built with FASTSYNC_CHECKED, as this one is. */
#define FASTSYNC_CHECKED
#include "lib/data/pool_check.h"
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

/* Where the set keeps it, if it holds nothing else. */
static size_t
place_of(struct fsyi_pool_check *set, void *object)
{
	size_t place = 0;

	fsyi_check_put(set, object);
	while (set->slots[place] != object)
		place++;
	fsyi_check_get(set, object);
	return place;
}

static int
left_behind(void *arg)
{
	struct fsyi_pool_check *set = arg;

	for (int turn = 0; turn < 2; turn++) {
		fsyi_check_get(set, objects[1]);
		fsyi_check_put(set, objects[1]);
	}
	CHILD_CHECK(set->used == 1);
	return 0;
}

/* A get moves those up that stand behind: a thread that a fork leaves behind in the middle of it has one of them in two places. */
static void
test_fork_in_the_middle_of_a_get(void **state)
{
	struct fsyi_pool_check *set = fsyi_check_new();
	struct child child;
	size_t place;
	int found = 0;

	(void)state;
	assert_non_null(set);
	place = place_of(set, (void *)16);
	for (uintptr_t address = 16; found < 2; address += 16)
		if (place_of(set, (void *)address) == place)
			objects[found++] = (void *)address;
	fsyi_check_put(set, objects[0]);
	fsyi_check_put(set, objects[1]);
	fsyi_latch_lock(&set->latch);
	set->slots[place] = objects[1];
	child = child_fork(left_behind, set);
	fsyi_latch_unlock(&set->latch);
	fsyi_check_free(set);
	child_assert_clean(&child);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_twice_in_a_row),
		cmocka_unit_test(test_checked),
		cmocka_unit_test(test_proper_use),
		cmocka_unit_test(test_fork_in_the_middle_of_a_get),
	};

	watchdog("pool misuse", 200);
	return cmocka_run_group_tests_name("pool misuse", tests, NULL, NULL);
}
