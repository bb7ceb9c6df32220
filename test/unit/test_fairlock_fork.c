/* SPDX-License-Identifier: MIT */
/* I8 for the fair rwlock: the child unlocks what the forking thread held, and locks what was free; those who waited in the parent are not there. */
#include "test/support/child.h"
#include "test/support/fairlocks.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { WRITTEN, READ, UNUSED, LOCKS };
static fsy_fair_rwlock_t locks[LOCKS];

static void *
want_to_read(void *arg)
{
	CHILD_CHECK(fsy_fair_rwlock_rlock(arg) == 0);
	fsy_fair_rwlock_runlock(arg);
	return NULL;
}

static void *
want_to_write(void *arg)
{
	CHILD_CHECK(fsy_fair_rwlock_lock(arg) == 0);
	fsy_fair_rwlock_unlock(arg);
	return NULL;
}

static void
give_back(void)
{
	fsy_fair_rwlock_unlock(&locks[WRITTEN]);
	fsy_fair_rwlock_runlock(&locks[READ]);
}

/* In threads of the child, which wait for each other. */
static int
use_in_child(void *arg)
{
	pthread_t threads[2 * LOCKS];

	if (arg != NULL)
		give_back();
	for (int i = 0; i < LOCKS; i++) {
		threads[2 * i] = worker_start(want_to_write, &locks[i]);
		threads[2 * i + 1] = worker_start(want_to_read, &locks[i]);
	}
	if (arg == NULL) {
		wait_until_parked(&locks[WRITTEN], 2);
		give_back();
	}
	for (int i = 0; i < 2 * LOCKS; i++)
		worker_join(threads[i]);
	for (int i = 0; i < LOCKS; i++) {
		CHILD_CHECK(fsy_fair_rwlock_trylock(&locks[i]) == 0);
		fsy_fair_rwlock_downgrade(&locks[i]);
		CHILD_CHECK(fsy_fair_rwlock_try_upgrade(&locks[i]));
		fsy_fair_rwlock_unlock(&locks[i]);
		CHILD_CHECK(fair_at_rest(&locks[i]));
	}
	return 0;
}

/* A child's child, and one of those that come after the word can tell them apart. */
static int
fork_on(void *arg)
{
	int generation = *(int *)arg;
	struct child child;

	if (generation == 0)
		return use_in_child(NULL);
	generation--;
	child = child_fork(fork_on, &generation);
	return !child.exited || child.status != 0;
}

static void
test_forked_child(void **state)
{
	int generations = 9;
	pthread_t threads[4];
	struct child child;

	(void)state;
	for (int mode = READERS_COUNTED; mode < READERS_MODES; mode++) {
		for (int i = 0; i < LOCKS; i++)
			fair_begin(&locks[i], (enum readers_mode)mode);
		assert_int_equal(fsy_fair_rwlock_lock(&locks[WRITTEN]), 0);
		assert_int_equal(fsy_fair_rwlock_rlock(&locks[READ]), 0);
		threads[0] = worker_start(want_to_write, &locks[WRITTEN]);
		wait_until_parked(&locks[WRITTEN], 1);
		threads[1] = worker_start(want_to_read, &locks[WRITTEN]);
		wait_until_parked(&locks[WRITTEN], 2);
		child = child_fork(use_in_child, NULL);
		child_assert_clean(&child);
		child = child_fork(use_in_child, &child);
		child_assert_clean(&child);
		child = child_fork(fork_on, &generations);
		child_assert_clean(&child);
		threads[2] = worker_start(want_to_write, &locks[READ]);
		wait_until_parked(fair_drain_key(&locks[READ]), 1);
		give_back();
		for (int i = 0; i < 3; i++)
			worker_join(threads[i]);
		for (int i = 0; i < LOCKS; i++)
			assert_fair_at_rest(&locks[i]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_forked_child) };

	if (THREAD_SANITIZED) {
		puts("skip fairlock_fork: ThreadSanitizer takes the threads that a fork left behind for living ones");
		return 0;
	}
	watchdog("fair rwlock and fork", 200);
	return cmocka_run_group_tests_name("fair rwlock and fork", tests, NULL, NULL);
}
