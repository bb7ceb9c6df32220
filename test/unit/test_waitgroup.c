/* SPDX-License-Identifier: MIT */
/* The wait group: what it lets through and when, threads of its own, forks. Its diagnoses: test_waitgroup_misuse.c. */
#include "lib/sys/fork.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <fastsync/waitgroup.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

enum { CROWD = 5 };
static fsy_waitgroup_t group;
static pthread_t threads[CROWD];

static uint64_t
word(void)
{
	return fsy_atomic_u64_load(&group.word_);
}

static int
begin(void **state)
{
	(void)state;
	fsy_atomic_u64_store(&group.word_, 0);
	return 0;
}

static int
at_rest_again(void **state)
{
	(void)state;
	workers_assert();
	return word() == 0 && fsyi_lot_is_idle(&fsyi_lot) ? 0 : 1;
}

static void *
wait_there(void *arg)
{
	(void)arg;
	fsy_waitgroup_wait(&group);
	return NULL;
}

static void
crowd_waits(void)
{
	for (unsigned int i = 0; i < CROWD; i++) {
		threads[i] = worker_start(wait_there, NULL);
		wait_until_parked(&group.word_, i + 1);
	}
}

static void
crowd_returns(void)
{
	for (int i = 0; i < CROWD; i++)
		worker_join(threads[i]);
}

static void
test_a_group_of_nothing_is_not_waited_for(void **state)
{
	fsy_waitgroup_t other = FSY_WAITGROUP_INIT;

	(void)state;
	fsy_waitgroup_wait(&group);
	fsy_waitgroup_wait(&other);
	assert_int_equal(fsy_waitgroup_wait_until(&group, 0), 0);
	fsy_waitgroup_add(&group, 0);
	fsy_waitgroup_add(&group, 3);
	fsy_waitgroup_add(&group, -2);
	assert_int_equal(fsy_waitgroup_wait_until(&group, 0), FSY_ETIMEDOUT);
	fsy_waitgroup_done(&group);
	assert_int_equal(fsy_waitgroup_wait_until(&group, 0), 0);
	fsy_waitgroup_add(&group, INT_MAX);
	fsy_waitgroup_add(&group, -INT_MAX);
}

static void
test_the_last_done_lets_all_through(void **state)
{
	(void)state;
	fsy_waitgroup_add(&group, 3);
	crowd_waits();
	fsy_waitgroup_done(&group);
	fsy_waitgroup_add(&group, 1);
	fsy_waitgroup_add(&group, 0);
	fsy_waitgroup_done(&group);
	fsy_waitgroup_done(&group);
	assert_int_equal(parked_on(&group.word_), CROWD);
	fsy_waitgroup_done(&group);
	assert_int_equal(parked_on(&group.word_), 0);
	assert_int_equal(word(), 0);
	crowd_returns();
}

static void
test_a_deadline_leaves_no_mark(void **state)
{
	fsy_deadline_t deadline = fsy_after_ms(20);

	(void)state;
	fsy_waitgroup_add(&group, 2);
	assert_int_equal(fsy_waitgroup_wait_until(&group, deadline), FSY_ETIMEDOUT);
	assert_true(fsy_now() >= deadline);
	assert_true(word() == (uint64_t)2 << 32);
	crowd_waits();
	assert_int_equal(fsy_waitgroup_wait_until(&group, fsy_after_ms(1)), FSY_ETIMEDOUT);
	fsy_waitgroup_add(&group, -2);
	crowd_returns();
}

static void
test_used_again_when_every_wait_has_returned(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		fsy_waitgroup_add(&group, 1);
		crowd_waits();
		fsy_waitgroup_done(&group);
		crowd_returns();
	}
}

/* Threads of the group's own, which end in every way there is. */
static fsy_atomic_u32 ran;

static void
run(void *arg)
{
	static int again;


	fsy_atomic_u32_add(&ran, 1);
	if (*(int *)arg == 1)
		pthread_exit(NULL);
	if (*(int *)arg == 2) {
		pthread_cancel(pthread_self());
		pthread_testcancel();
		fsy_atomic_u32_add(&ran, 1000);
	}
	if (*(int *)arg == 3)
		CHILD_CHECK(fsy_waitgroup_go(&group, run, &again) == 0);
}

static int
go_in_every_way(void *arg)
{
	static int ways[] = { 0, 1, 2, 3 };

	(void)arg;
	for (int i = 0; i < 40; i++)
		CHILD_CHECK(fsy_waitgroup_go(&group, run, &ways[i % 4]) == 0);
	fsy_waitgroup_wait(&group);
	CHILD_CHECK(fsy_atomic_u32_load(&ran) == 50);
	CHILD_CHECK(word() == 0);
	return 0;
}

static void
test_go_is_done_however_its_function_ends(void **state)
{
	struct child child = child_exec("go", NULL, NULL);

	(void)state;
	child_assert_clean(&child);
}

/* No process may have one more thread. The counter is as it was, and those who wait for it wait on. */
static int
go_in_vain(void *arg)
{
	struct rlimit none = { 0, 0 };
	int zero = 0, error;

	(void)arg;
	CHILD_CHECK(setrlimit(RLIMIT_AS, &none) == 0);
	error = fsy_waitgroup_go(&group, run, &zero);
	CHILD_CHECK(error == FSY_EAGAIN || error == FSY_ENOMEM);
	CHILD_CHECK(word() == 0);
	fsy_waitgroup_add(&group, 7);
	CHILD_CHECK(fsy_waitgroup_go(&group, run, &zero) == error);
	CHILD_CHECK(word() == (uint64_t)7 << 32 && fsy_atomic_u32_load(&ran) == 0);
	return 0;
}

static void
test_go_in_vain_counts_nothing(void **state)
{
	struct child child;

	(void)state;
	if (SANITIZED) {
		puts("skip go_in_vain: a sanitizer needs memory of its own");
		skip();
	}
	child = child_exec("go in vain", NULL, NULL);
	child_assert_clean(&child);
}

/* The waiters are the parent's; the child counts the group down by itself, and can use it again. */
static int
in_the_child(void *arg)
{
	(void)arg;
	CHILD_CHECK(fsy_waitgroup_wait_until(&group, fsy_after_ms(1)) == FSY_ETIMEDOUT);
	fsy_waitgroup_add(&group, 1);
	fsy_waitgroup_add(&group, -2);
	fsy_waitgroup_wait(&group);
	fsy_waitgroup_add(&group, 1);
	CHILD_CHECK(fsy_waitgroup_wait_until(&group, fsy_after_ms(1)) == FSY_ETIMEDOUT);
	fsy_waitgroup_done(&group);
	fsy_waitgroup_wait(&group);
	return 0;
}

/* The same, without a slow path before the last done. */
static int
done_in_the_child(void *arg)
{
	(void)arg;
	fsy_waitgroup_done(&group);
	fsy_waitgroup_wait(&group);
	return 0;
}

/* Forked between zero and the letting go, as by a thread that was held up there. */
static int
closing_in_the_child(void *arg)
{
	(void)arg;
	fsy_waitgroup_wait(&group);
	fsy_waitgroup_add(&group, 1);
	CHILD_CHECK(fsy_waitgroup_wait_until(&group, fsy_after_ms(1)) == FSY_ETIMEDOUT);
	fsy_waitgroup_done(&group);
	fsy_waitgroup_wait(&group);
	return 0;
}

static void
test_forked_child(void **state)
{
	struct child child;

	(void)state;
	fsy_waitgroup_add(&group, 1);
	crowd_waits();
	child = child_fork(in_the_child, NULL);
	child_assert_clean(&child);
	child = child_fork(done_in_the_child, NULL);
	child_assert_clean(&child);
	fsy_waitgroup_done(&group);
	crowd_returns();
	fsy_atomic_u64_store(&group.word_, fsyi_fork_generation() << 1 | 1);
	child = child_fork(closing_in_the_child, NULL);
	child_assert_clean(&child);
	fsy_atomic_u64_store(&group.word_, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, at_rest_again)

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "go", go_in_every_way }, { "go in vain", go_in_vain }, { NULL, NULL } };
	const struct CMUnitTest tests[] = {
		TEST(test_a_group_of_nothing_is_not_waited_for), TEST(test_the_last_done_lets_all_through),
		TEST(test_a_deadline_leaves_no_mark), TEST(test_used_again_when_every_wait_has_returned),
		TEST(test_go_is_done_however_its_function_ends), TEST(test_go_in_vain_counts_nothing), TEST(test_forked_child),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("the wait group", 120);
	return cmocka_run_group_tests_name("waitgroup", tests, NULL, NULL);
}
