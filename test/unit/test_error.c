/* SPDX-License-Identifier: MIT */
/* Error codes in words, and the last words: one line to stderr or to the reporter, then abort. */
#include <fastsync/error.h>
#include <fastsync/mutex.h>
#include "sys/fatal.h"
#include "test/support/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
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

static int
unlock_an_unlocked_mutex(void *arg)
{
	fsy_mutex_t m = FSY_MUTEX_INIT;

	if (arg != NULL)
		fsy_set_fatal(other_reporter);
	fsy_mutex_unlock(&m);
	return 0;
}

static void
test_default_is_one_line_and_abort(void **state)
{
	struct child child = child_fork(unlock_an_unlocked_mutex, NULL);
	const char *expected = "fastsync: unlock of unlocked mutex";

	(void)state;
	assert_false(child.exited);
	assert_int_equal(child.signal, SIGABRT);
	assert_int_equal(strncmp(child.err, expected, strlen(expected)), 0);
	assert_ptr_equal(strchr(child.err, '\n'), child.err + strlen(child.err) - 1);
}

static void
test_returning_reporter_still_aborts(void **state)
{
	struct child child = child_fork(unlock_an_unlocked_mutex, said);

	(void)state;
	assert_false(child.exited);
	assert_int_equal(child.signal, SIGABRT);
	assert_string_equal(child.err, "");
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
