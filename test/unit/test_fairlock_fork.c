/* SPDX-License-Identifier: MIT */
/* I8 for the fair rwlock: the child unlocks what the forking thread held, and locks what was free; those who waited in the parent are not there. */
#include "test/support/child.h"
#include "test/support/fairlocks.h"
#include "test/support/locks.h"
#include "test/support/worker.h"
#include "lib/sync/readers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
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

/* As a thread leaves it that is between counting itself and its look at the word. */
static void
begin_attempt(fsy_fair_rwlock_t *l)
{
	fsy_atomic_u32_add(&l->readers_, READERS_ONE);
}

static int
use_what_was_attempted(void *arg)
{
	fsy_fair_rwlock_t *fresh = &locks[UNUSED];

	(void)arg;
	/* Of a thread of this process: stays, whatever this thread has held since before the fork. */
	CHILD_CHECK(fsy_fair_rwlock_lock(fresh) == 0);
	begin_attempt(fresh);
	fsy_fair_rwlock_unlock(fresh);
	CHILD_CHECK(fsy_atomic_u32_load(&fresh->readers_) == READERS_ONE);
	fsy_fair_rwlock_unlock(&locks[WRITTEN]);
	CHILD_CHECK(fsy_fair_rwlock_trylock(&locks[WRITTEN]) == 0);
	fsy_fair_rwlock_unlock(&locks[WRITTEN]);
	CHILD_CHECK(fair_at_rest(&locks[WRITTEN]));
	return 0;
}

/* The same by a child's first call, with recovery by fork's handler and, for want of one, by the unlock. */
static int
unlock_first(void *arg)
{
	(void)arg;
	fsy_fair_rwlock_unlock(&locks[WRITTEN]);
	CHILD_CHECK(fsy_atomic_u32_load(&locks[WRITTEN].readers_) == 0);
	return 0;
}

static void
test_attempts_cut_off(void **state)
{
	struct child child;
	pid_t pid;
	int status;

	(void)state;
	for (int i = 0; i < LOCKS; i++)
		fair_begin(&locks[i], READERS_COUNTED);
	assert_int_equal(fsy_fair_rwlock_lock(&locks[WRITTEN]), 0);
	begin_attempt(&locks[WRITTEN]);
	child = child_fork(use_what_was_attempted, NULL);
	child_assert_clean(&child);
	child = child_fork(unlock_first, NULL);
	child_assert_clean(&child);
	pid = _Fork();                                           /* runs no handler */
	if (pid == 0) {
		fsy_fair_rwlock_unlock(&locks[WRITTEN]);
		_exit(fsy_atomic_u32_load(&locks[WRITTEN].readers_) == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fsy_atomic_u32_store(&locks[WRITTEN].readers_, 0);       /* the attempt is over */
	fsy_fair_rwlock_unlock(&locks[WRITTEN]);
	assert_fair_at_rest(&locks[WRITTEN]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_attempts_cut_off), cmocka_unit_test(test_forked_child) };

	if (THREAD_SANITIZED) {
		puts("skip fairlock_fork: ThreadSanitizer takes the threads that a fork left behind for living ones");
		return 0;
	}
	watchdog("fair rwlock and fork", 200);
	return cmocka_run_group_tests_name("fair rwlock and fork", tests, NULL, NULL);
}
