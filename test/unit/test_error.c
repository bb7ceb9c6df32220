/* SPDX-License-Identifier: MIT */
/* Error codes in words, and the last words: one line to stderr or to the reporter, then abort. */
#include <fastsync/error.h>
#include <fastsync/mutex.h>
#include "sys/fatal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void
test_strerror(void **state)
{
	(void)state;
	assert_string_equal(fsy_strerror(0), "success");
#define X(name, value, text)                                   \
	assert_int_equal(name, value);                         \
	assert_string_equal(fsy_strerror(value), text);
	FSY_ERROR_MAP(X)
#undef X
	assert_string_equal(fsy_strerror(-1), "unknown error");
	assert_string_equal(fsy_strerror(1 << 20), "unknown error");
}

static void
test_errno_is_left_alone(void **state)
{
	fsy_mutex_t m = FSY_MUTEX_INIT;

	(void)state;
	errno = 77;
	fsy_mutex_lock(&m);
	assert_int_equal(fsy_mutex_lock_until(&m, fsy_after_ms(2)), FSY_ETIMEDOUT);
	fsy_mutex_unlock(&m);
	fsy_strerror(FSY_EINVAL);
	assert_int_equal(errno, 77);
}

static jmp_buf out;
static char said[256];

static void
reporter(const char *message)
{
	snprintf(said, sizeof said, "%s", message);
	longjmp(out, 1);
}

static void
other_reporter(const char *message)
{
	(void)message;
}

static void
test_reporter_is_replaced_and_restored(void **state)
{
	(void)state;
	assert_null(fsy_set_fatal(reporter));
	assert_ptr_equal(fsy_set_fatal(other_reporter), reporter);
	assert_ptr_equal(fsy_set_fatal(NULL), other_reporter);
	assert_null(fsy_set_fatal(NULL));
}

static void
test_reporter_gets_one_line(void **state)
{
	(void)state;
	fsy_set_fatal(reporter);
	if (setjmp(out) == 0)
		fsyi_fatal("%s %d %u %p %x %%", "text", -12, 34u, (void *)0x56, 0x78u);
	fsy_set_fatal(NULL);
	assert_string_equal(said, "fastsync: text -12 34 0x56 78 %");
}

/* What a child that calls act prints to stderr, and how it ends. */
static int
last_words(void (*act)(void), char *text, size_t size)
{
	struct rlimit no_core = { 0, 0 };
	int ends[2], status;
	size_t used = 0;
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], 2);
		act();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void
unlock_an_unlocked_mutex(void)
{
	fsy_mutex_t m = FSY_MUTEX_INIT;

	fsy_mutex_unlock(&m);
}

static void
the_same_with_a_reporter_that_returns(void)
{
	fsy_set_fatal(other_reporter);
	unlock_an_unlocked_mutex();
}

static void
test_default_is_one_line_and_abort(void **state)
{
	char text[512];
	int status = last_words(unlock_an_unlocked_mutex, text, sizeof text);
	const char *expected = "fastsync: unlock of unlocked mutex";

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void
test_returning_reporter_still_aborts(void **state)
{
	char text[512];
	int status = last_words(the_same_with_a_reporter_that_returns, text, sizeof text);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strerror),
		cmocka_unit_test(test_errno_is_left_alone),
		cmocka_unit_test(test_reporter_is_replaced_and_restored),
		cmocka_unit_test(test_reporter_gets_one_line),
		cmocka_unit_test(test_default_is_one_line_and_abort),
		cmocka_unit_test(test_returning_reporter_still_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
