/* SPDX-License-Identifier: MIT */
/* The latch excludes, and is free in a child whose parent's other thread held it. */
#include "lib/sys/latch.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct fsyi_latch latch;
static int latched;

static void *
count_under_latch(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		fsyi_latch_lock(&latch);
		latched++;
		fsyi_latch_unlock(&latch);
	}
	return NULL;
}

static void
test_latch(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		threads[i] = worker_start(count_under_latch, NULL);
	for (int i = 0; i < 4; i++)
		worker_join(threads[i]);
	assert_int_equal(latched, 80000);
	assert_int_equal(fsy_atomic_u32_load(&latch.word), 0);
}

static struct gate latch_held = GATE("a thread holds the latch"), latch_done = GATE("the parent has forked");

static void *
hold_latch(void *arg)
{
	fsyi_latch_lock(arg);
	gate_open(&latch_held);
	gate_pass(&latch_done);
	fsyi_latch_unlock(arg);
	return NULL;
}

static int
take_abandoned_latch(void *arg)
{
	(void)arg;
	fsyi_latch_lock(&latch);
	fsyi_latch_unlock(&latch);
	CHILD_CHECK(fsy_atomic_u32_load(&latch.word) == 0);
	return 0;
}

static void
test_latch_left_behind(void **state)
{
	pthread_t holder = worker_start(hold_latch, &latch);
	struct child child;

	(void)state;
	gate_pass(&latch_held);
	child = child_fork(take_abandoned_latch, NULL);
	child_assert_clean(&child);
	gate_open(&latch_done);
	worker_join(holder);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_latch),
		cmocka_unit_test(test_latch_left_behind),
	};

	return cmocka_run_group_tests_name("latch", tests, NULL, NULL);
}
