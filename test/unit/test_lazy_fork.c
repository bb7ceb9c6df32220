/* SPDX-License-Identifier: MIT */
/*
 * An init that forks: in the child another thread has made the value meanwhile, and has told others of it. What this run has made comes too late, and
 * is not written over it.
 */
#include "test/support/child.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/lazy.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static fsy_lazy_t cell;
static fsy_lazy_fn_t stored;
static fsy_lazy_node_t table;
static char early, late;
static pid_t forked;

static int init_early(void **value, void *arg) { (void)arg; *value = &early; return 0; }
static int init_early_node(int number, void **value, void *arg) { (void)number; return init_early(value, arg); }

static void *
make_early(void *arg)
{
	void *value[3];

	CHILD_CHECK(fsy_lazy_get_or_init(&cell, init_early, arg, &value[0]) == 0);
	CHILD_CHECK(fsy_lazy_fn_get(&stored, &value[1]) == 0);
	CHILD_CHECK(fsy_lazy_node_get(&table, init_early_node, arg, &value[2]) == 0);
	for (int i = 0; i < 3; i++)
		CHILD_CHECK(value[i] == &early);
	return NULL;
}

static int
init_forks(void **value, void *arg)
{
	*value = &late;
	if (forked == 0)
		return init_early(value, arg);   /* what the other thread runs: it has no other init */
	forked = fork();
	if (forked == 0) {
		alarm(CHILD_SECONDS);
		worker_join(worker_start(make_early, arg));
	}
	return arg != NULL ? 9 : 0;
}

static int init_forks_node(int number, void **value, void *arg) { (void)number; return init_forks(value, arg); }

static void
test_an_init_that_forks(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {            /* each kind, and the stored once more with an error */
		void *value = NULL, *arg = i == 3 ? &late : NULL;
		int error, status;

		cell = (fsy_lazy_t)FSY_LAZY_INIT;
		stored = (fsy_lazy_fn_t)FSY_LAZY_FN_INIT(init_forks, arg);
		table = (fsy_lazy_node_t)FSY_LAZY_NODE_INIT;
		forked = -1;
		error = i == 0 ? fsy_lazy_get_or_init(&cell, init_forks, arg, &value)
		      : i == 2 ? fsy_lazy_node_get(&table, init_forks_node, arg, &value) : fsy_lazy_fn_get(&stored, &value);
		if (forked == 0) {
			CHILD_CHECK(error == 0 && value == &early);
			make_early(NULL);
			_exit(0);
		}
		assert_int_equal(error, arg == NULL ? 0 : 9);
		assert_true(error != 0 || value == &late);
		assert_true(waitpid(forked, &status, 0) == forked && WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static const struct CMUnitTest tests[] = { cmocka_unit_test(test_an_init_that_forks) };

int
main(int argc, char **argv)
{
	static const char *const fallbacks[] = { "FASTSYNC_WIPEONFORK=off", NULL };
	static const char *const *const settings[] = { fallbacks, NULL };
	static const struct settings_group group = { "lazy values and fork", tests, sizeof(tests) / sizeof(tests[0]), settings, 0 };

	if (THREAD_SANITIZED) {
		puts("skip lazy_fork: ThreadSanitizer takes the threads that a fork left behind for living ones");
		return 0;
	}
	return settings_main(argc, argv, &group);
}
