/* SPDX-License-Identifier: MIT */
/* A forked child recovers once, also where another library's handler has brought that about before our own runs. */
#include "lib/sys/fork.h"
#include "lib/sys/tune.h"
#include "test/support/child.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static bool uses_locks;                          /* the handler of that library */

static void
their_handler(void)
{
	if (uses_locks)
		fsyi_fork_check();
}

/* Handlers of children run in the order in which they were registered: theirs comes before that of our constructor. */
static __attribute__((constructor(101))) void
register_early(void)
{
	if (pthread_atfork(NULL, NULL, their_handler) != 0)
		abort();
}

static int
in_a_child(int (*body)(void *arg))
{
	return child_fork(body, NULL).status;
}

static int
recoveries(void *arg)
{
	(void)arg;
	fsyi_fork_check();
	return (int)fsyi_fork_generation();
}

/* As a daemon does: of the two forks only the last one is followed by anything. */
static int
fork_again(void *arg)
{
	(void)arg;
	uses_locks = true;
	return in_a_child(recoveries);
}

/* The first of the two has nobody who recovers for it. */
static int
fork_twice(void *arg)
{
	(void)arg;
	return in_a_child(recoveries);
}

static void
test_recovers_once(void **state)
{
	(void)state;
	uses_locks = true;
	assert_int_equal(in_a_child(recoveries), 1);
	uses_locks = false;
	assert_int_equal(in_a_child(recoveries), 1);
	/* Where nobody wipes, a process is recovered before it forks: its child must not inherit a recovery under way, nor can it know itself for
	 * a child until our handler has run. */
	assert_int_equal(in_a_child(fork_twice), fsyi_switch_on("FASTSYNC_WIPEONFORK") ? 1 : 2);
	if (fsyi_switch_on("FASTSYNC_WIPEONFORK"))
		assert_int_equal(in_a_child(fork_again), 1);
}

static const struct CMUnitTest tests[] = { cmocka_unit_test(test_recovers_once) };

static int
all_again(void *arg)
{
	(void)arg;
	return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}

static void
test_without_a_page(void **state)
{
	static const char *const handlers[] = { "FASTSYNC_WIPEONFORK=off", NULL };
	struct child child = child_exec("all", handlers, NULL);

	(void)state;
	child_assert_clean(&child);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "all", all_again }, { NULL, NULL } };
	static const struct CMUnitTest outer[] = { cmocka_unit_test(test_without_a_page) };

	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("fork, early handlers", tests, NULL, NULL) + cmocka_run_group_tests_name("fork again", outer, NULL, NULL);
}
