/* SPDX-License-Identifier: MIT */
/* I8 for locks that know their owner: what a forked child can unlock, lock and inherit, and what its threads can. */
#include "lib/sync/owner.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void *
take_and_leave(void *arg)
{
	CHILD_CHECK(fsy_poison_mutex_lock(arg) == 0);
	return NULL;
}

enum { OWN, THEIRS, FREE, LOCKS };
static fsy_poison_mutex_t locks[LOCKS];
static struct gate taken = GATE("theirs is taken"), done = GATE("the children are done");

static void *
hold_theirs(void *arg)
{
	CHILD_CHECK(fsy_poison_mutex_lock(&locks[THEIRS]) == 0);
	gate_meet(&taken, 2);
	gate_meet(&done, 2);
	fsy_poison_mutex_unlock(&locks[THEIRS]);
	return arg;
}

static void *
want_own(void *arg)
{
	CHILD_CHECK(fsy_poison_mutex_lock(&locks[OWN]) == 0);
	fsy_poison_mutex_unlock(&locks[OWN]);
	return arg;
}

static void *
lock_all_in_child(void *arg)
{
	int *told = arg;

	for (int i = 0; i < LOCKS; i++) {
		told[i] = fsy_poison_mutex_lock(&locks[i]);
		if (told[i] == FSY_EPOISONED)
			fsy_poison_mutex_clear_poison(&locks[i]);
		fsy_poison_mutex_unlock(&locks[i]);
	}
	return NULL;
}

static int
use_in_child(void *arg)
{
	int told[LOCKS];

	if (arg != NULL) {                               /* a new thread is the first to come by; main still has its own */
		pthread_t thread = worker_start(lock_all_in_child, told);

		wait_until_parked(&locks[OWN], 1);
		fsy_poison_mutex_unlock(&locks[OWN]);
		if (fsyi_owner_is_dead(&locks[THEIRS].owner_))
			worker_join(thread);
		return 0;
	}
	CHILD_CHECK(fsy_poison_mutex_lock(&locks[THEIRS]) == FSY_EPOISONED);
	CHILD_CHECK(fsy_poison_mutex_trylock(&locks[FREE]) == 0);
	CHILD_CHECK(fsy_poison_mutex_trylock(&locks[OWN]) == FSY_EBUSY);
	for (int i = OWN; i <= FREE; i++)
		fsy_poison_mutex_unlock(&locks[i]);
	worker_join(worker_start(lock_all_in_child, told));
	CHILD_CHECK(told[OWN] == 0 && told[THEIRS] == FSY_EPOISONED && told[FREE] == 0);
	worker_join(worker_start(take_and_leave, &locks[FREE]));
	CHILD_CHECK(fsy_poison_mutex_trylock(&locks[FREE]) == FSY_EPOISONED);
	return 0;
}

static void
test_forked_child(void **state)
{
	pthread_t holder, waiter;
	struct child child;

	(void)state;
	holder = worker_start(hold_theirs, NULL);
	gate_meet(&taken, 2);
	assert_int_equal(fsy_poison_mutex_lock(&locks[OWN]), 0);
	waiter = worker_start(want_own, NULL);
	wait_until_parked(&locks[OWN], 1);
	for (int i = 0; i < 4; i++) {
		child = child_fork(use_in_child, i & 1 ? &locks : NULL);
		child_assert_clean(&child);
	}
	gate_meet(&done, 2);
	fsy_poison_mutex_unlock(&locks[OWN]);
	worker_join(holder);
	worker_join(waiter);
	for (int i = 0; i < LOCKS; i++) {
		assert_int_equal(fsy_poison_mutex_trylock(&locks[i]), 0);
		fsy_poison_mutex_unlock(&locks[i]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_forked_child) };

	if (THREAD_SANITIZED) {
		puts("skip poison_fork: ThreadSanitizer takes the threads that a fork left behind for living ones");
		return 0;
	}
	watchdog("poison mutex and fork", 200);
	return cmocka_run_group_tests_name("poison mutex and fork", tests, NULL, NULL);
}
