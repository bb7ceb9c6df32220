/* SPDX-License-Identifier: MIT */
/* Three misuses of the wait group, three diagnoses (G12): each is made to happen, not hoped for. */
#include "lib/park/park.h"
#include "lib/sys/fork.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/waitgroup.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static fsy_waitgroup_t group;

static void *
wait_there(void *arg)
{
	(void)arg;
	fsy_waitgroup_wait(&group);
	return NULL;
}

/* None of these returns. */
static int
done_below_zero(void *arg)
{
	(void)arg;
	fsy_waitgroup_add(&group, 1);
	fsy_waitgroup_done(&group);
	fsy_waitgroup_done(&group);
	return 1;
}

static int
more_than_there_is_room_for(void *arg)
{
	(void)arg;
	fsy_waitgroup_add(&group, INT_MAX);
	fsy_waitgroup_add(&group, 1);
	return 1;
}

static void
test_g12_done_below_zero(void **state)
{
	struct child child = child_fork(done_below_zero, NULL);

	(void)state;
	child_assert_aborted(&child, "fastsync: negative wait group counter");
	child = child_fork(more_than_there_is_room_for, NULL);
	child_assert_aborted(&child, "fastsync: negative wait group counter");
}

static void *
be_done(void *arg)
{
	(void)arg;
	fsy_waitgroup_done(&group);
	return NULL;
}

/* The last done is held up between the moment that the counter is zero and the moment that it lets the waiters go. */
static int
add_while_they_wait(void *arg)
{
	struct fsyi_bucket *bucket = fsyi_lot_bucket(&fsyi_lot, &group.word_);

	(void)arg;
	fsyi_fork_check();
	fsy_waitgroup_add(&group, 1);
	worker_start(wait_there, NULL);
	wait_until_parked(&group.word_, 1);
	fsyi_bucket_lock(bucket);
	worker_start(be_done, NULL);
	while (fsy_atomic_u64_load(&group.word_) >> 32 != 0)
		sched_yield();
	fsy_waitgroup_add(&group, 1);
	return 1;
}

static void
test_g12_add_from_zero_while_threads_wait(void **state)
{
	struct child child = child_exec("add while they wait", NULL, NULL);

	(void)state;
	child_assert_aborted(&child, "fastsync: wait group misuse: add called concurrently with wait");
}

/* The waiter is held up in a signal handler while the group is done, and in use again. */
static struct gate handled = GATE("the waiter is in its handler"), go_on = GATE("the group is in use again");

static void
hold_up(int signal)
{
	(void)signal;
	gate_open(&handled);
	gate_pass(&go_on);
}

static int
reuse_too_early(void *arg)
{
	struct sigaction action = { .sa_handler = hold_up };
	pthread_t waiter;

	(void)arg;
	CHILD_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	fsy_waitgroup_add(&group, 1);
	waiter = worker_start(wait_there, NULL);
	wait_until_parked(&group.word_, 1);
	CHILD_CHECK(pthread_kill(waiter, SIGUSR1) == 0);
	gate_pass(&handled);
	fsy_waitgroup_done(&group);
	fsy_waitgroup_add(&group, 1);
	gate_open(&go_on);
	worker_join(waiter);
	return 1;
}

static void
test_g12_reuse_before_wait_returned(void **state)
{
	struct child child = child_exec("reuse too early", NULL, NULL);

	(void)state;
	child_assert_aborted(&child, "fastsync: wait group is reused before previous wait has returned");
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = {
		{ "add while they wait", add_while_they_wait }, { "reuse too early", reuse_too_early }, { NULL, NULL } };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_g12_done_below_zero),
		cmocka_unit_test(test_g12_add_from_zero_while_threads_wait),
		cmocka_unit_test(test_g12_reuse_before_wait_returned),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("misuse of the wait group", 120);
	return cmocka_run_group_tests_name("waitgroup, misuse", tests, NULL, NULL);
}
