/* SPDX-License-Identifier: MIT */
/* A forked child recovers once, also where another library's handler has brought that about before our own runs. */
#include "lib/sys/fork.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
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

static bool
wiped_on_fork(void)
{
	const char *given = getenv("FASTSYNC_WIPEONFORK");

	return given == NULL || strcmp(given, "off") != 0;
}

/* The exit status of a child that runs body. */
static int
in_a_child(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int
recoveries(void)
{
	fsyi_fork_check();
	return (int)fsyi_fork_generation();
}

/* As a daemon does: of the two forks only the last one is followed by anything. */
static int
fork_again(void)
{
	uses_locks = true;
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
	if (wiped_on_fork())                     /* else a child cannot know whether it is one until our handler has run */
		assert_int_equal(in_a_child(fork_again), 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_recovers_once) };

	return cmocka_run_group_tests_name("fork, early handlers", tests, NULL, NULL);
}
