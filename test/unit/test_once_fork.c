/* SPDX-License-Identifier: MIT */
/*
 * Fork while a run is on: in the child it is forgotten, and the once is as it was before it; the run that forked may go on there
 * too. The parent does not notice.
 */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/lazy.h>
#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static fsy_once_t once, forced;
static fsy_once_node_t node;
static fsy_lazy_t cell;
static struct gate started, finish;
static int runs, answer;

static int
held(void *arg)
{
	gate_open(&started);
	gate_pass(&finish);
	return *(int *)arg;
}

static int held_forced(fsy_once_state_t before, void *arg) { (void)before; return held(arg); }
static int held_node(int number, void *arg) { W_CHECK(number == 0); return held(arg); }
static int held_init(void **value, void *arg) { *value = arg; return held(arg); }
static int count(void *arg) { (void)arg; runs++; return 0; }
static int count_node(int number, void *arg) { (void)number; return count(arg); }
static int count_init(void **value, void *arg) { *value = arg; return count(arg); }
static int count_forced(fsy_once_state_t before, void *arg) { (void)arg; runs++; return before == FSY_ONCE_POISONED ? 0 : 98; }
static int fail_it(void *arg) { (void)arg; return 1; }

static void *run_once(void *arg) { W_CHECK(fsy_once_try(&once, held, arg) == 0); return NULL; }
static void *run_forced(void *arg) { W_CHECK(fsy_once_force(&forced, held_forced, arg) == 0); return NULL; }
static void *run_cell(void *arg) { void *value; W_CHECK(fsy_lazy_get_or_init(&cell, held_init, arg, &value) == 0); return NULL; }
/* On one node, that of the run that the child forgets, wherever the threads are. */
static void *
run_node(void *arg)
{
	W_CHECK(fsy_thread_set_node(0) == 0);
	W_CHECK(fsy_once_node_try(&node, held_node, arg) == 0);
	return NULL;
}

static void *wait_once(void *arg) { W_CHECK(fsy_once_try(&once, count, arg) == 0); return NULL; }

/* Two threads of the child, of which one runs and the other waits or comes late. */
static void *
child_user(void *arg)
{
	void *value;

	CHILD_CHECK(fsy_thread_set_node(0) == 0);
	CHILD_CHECK(fsy_once_try(&once, count, arg) == 0);
	CHILD_CHECK(fsy_once_force(&forced, count_forced, arg) == 0);
	CHILD_CHECK(fsy_once_node_try(&node, count_node, arg) == 0);
	CHILD_CHECK(fsy_lazy_get_or_init(&cell, count_init, &cell, &value) == 0 && value == &cell);
	CHILD_CHECK(fsy_once_wait(&once) == 0);
	return NULL;
}

static int
in_child(void)
{
	pthread_t thread;

	runs = 0;
	CHILD_CHECK(fsy_once_state(&once) == FSY_ONCE_NEW && fsy_once_state(&forced) == FSY_ONCE_POISONED);
	CHILD_CHECK(!fsy_once_done(&once) && !fsy_lazy_is_set(&cell) && !fsy_once_node_done(&node, 0));
	CHILD_CHECK(fsy_once_call(&forced, count, NULL) == FSY_EPOISONED);
	CHILD_CHECK(fsy_once_wait_until(&once, fsy_after_ms(1)) == FSY_ETIMEDOUT);
	thread = worker_start(child_user, NULL);
	child_user(NULL);
	worker_join(thread);
	CHILD_CHECK(runs == 4);
	CHILD_CHECK(fsy_once_done(&once) && fsy_once_done(&forced) && fsy_atomic_u64_load(&node.word_) == 1);
	CHILD_CHECK(fsyi_lot_is_idle(&fsyi_lot));
	return 0;
}

static pid_t
raw_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void
assert_ended_well(pid_t pid)
{
	int status;

	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("child ended with status %#x", status);
}

static void
fork_during_runs(pid_t (*way)(void))
{
	static void *(*const bodies[])(void *) = { run_once, run_forced, run_node, run_cell };
	pthread_t threads[5];

	once = forced = (fsy_once_t)FSY_ONCE_INIT;
	node = (fsy_once_node_t)FSY_ONCE_NODE_INIT;
	cell = (fsy_lazy_t)FSY_LAZY_INIT;
	answer = 0;
	finish = (struct gate)GATE("runs end");
	assert_int_equal(fsy_once_call(&forced, fail_it, NULL), 1);
	for (int i = 0; i < 4; i++) {
		started = (struct gate)GATE("run starts");
		threads[i] = worker_start(bodies[i], &answer);
		gate_pass(&started);
	}
	threads[4] = worker_start(wait_once, NULL);
	wait_until_parked(&once, 1);
	for (int i = 0; i < 4; i++) {
		pid_t pid = way();

		if (pid == 0) {
			alarm(CHILD_SECONDS);
			_exit(in_child());
		}
		assert_ended_well(pid);
	}
	gate_open(&finish);
	for (int i = 0; i < 5; i++)
		worker_join(threads[i]);
	workers_assert();
	assert_true(fsy_once_done(&once) && fsy_once_done(&forced) && fsy_lazy_is_set(&cell));
}

static void
test_fork_during_runs(void **state)
{
	const char *wiped = getenv("FASTSYNC_WIPEONFORK");

	(void)state;
	fork_during_runs(fork);
	if (wiped != NULL && strcmp(wiped, "off") == 0)
		return;                                  /* nothing tells of a clone, then */
	fork_during_runs(_Fork);
	fork_during_runs(raw_clone);
}

/* The function forks itself, and goes on in both processes; there nobody has taken it over, or another thread has. */
static pid_t forked;
static bool taken_over;

static void *
take_over(void *arg)
{
	CHILD_CHECK(fsy_once_try(&once, count, arg) == 0);
	return NULL;
}

static int
forks(void *arg)
{
	forked = fork();
	if (forked == 0) {
		alarm(CHILD_SECONDS);
		runs = 0;
		if (taken_over)
			worker_join(worker_start(take_over, arg));
	}
	return *(int *)arg;
}

static void
test_a_run_that_forks(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int error;

		once = (fsy_once_t)FSY_ONCE_INIT;
		answer = i % 2;
		taken_over = i / 2;
		error = fsy_once_try(&once, forks, &answer);
		if (forked == 0) {
			CHILD_CHECK(error == answer);
			CHILD_CHECK(fsy_once_state(&once) == (answer == 0 || taken_over ? FSY_ONCE_DONE : FSY_ONCE_NEW));
			CHILD_CHECK(fsy_once_try(&once, count, NULL) == 0);
			CHILD_CHECK(runs == (taken_over || answer != 0));
			_exit(0);
		}
		assert_int_equal(error, answer);
		assert_ended_well(forked);
		assert_int_equal(fsy_once_state(&once), answer == 0 ? FSY_ONCE_DONE : FSY_ONCE_NEW);
	}
}

/* A child's child, of a run in the child. */
static int
grandchild(void *arg)
{
	pthread_t thread;
	pid_t pid;
	int status;

	(void)arg;
	once = (fsy_once_t)FSY_ONCE_INIT;
	answer = 0;
	started = (struct gate)GATE("run starts");
	finish = (struct gate)GATE("runs end");
	thread = worker_start(run_once, &answer);
	gate_pass(&started);
	pid = fork();
	if (pid == 0) {
		CHILD_CHECK(fsy_once_state(&once) == FSY_ONCE_NEW);
		CHILD_CHECK(fsy_once_try(&once, count, NULL) == 0);
		_exit(0);
	}
	CHILD_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHILD_CHECK(fsy_once_state(&once) == FSY_ONCE_RUNNING);
	gate_open(&finish);
	worker_join(thread);
	CHILD_CHECK(fsy_once_done(&once));
	return 0;
}

static void
test_grandchild(void **state)
{
	struct child child = child_fork(grandchild, NULL);

	(void)state;
	child_assert_clean(&child);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_fork_during_runs),
	cmocka_unit_test(test_a_run_that_forks),
	cmocka_unit_test(test_grandchild),
};

int
main(int argc, char **argv)
{
	static const char *const fallbacks[] = { "FASTSYNC_WIPEONFORK=off", NULL };
	static const char *const *const settings[] = { fallbacks, NULL };
	static const struct settings_group group = { "once and fork", tests, sizeof(tests) / sizeof(tests[0]), settings, 0 };

	if (THREAD_SANITIZED) {
		puts("skip once_fork: ThreadSanitizer takes the threads that a fork left behind for living ones");
		return 0;
	}
	return settings_main(argc, argv, &group);
}
