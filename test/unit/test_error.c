/* SPDX-License-Identifier: MIT */
/* What the library says: error descriptions, and its last words. */
#include "lib/sys/fatal.h"
#include "test/support/child.h"

#include <fastsync/error.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void
test_strerror_knows_every_code(void **state)
{
	(void)state;
#define X(name, value, text) assert_string_equal(fsy_strerror(name), text);
	FSY_ERROR_MAP(X)
#undef X
	assert_int_equal(FSY_ETIMEDOUT, ETIMEDOUT);
	assert_int_equal(FSY_EPOISONED, EOWNERDEAD);
	assert_string_equal(fsy_strerror(0), "success");
	assert_string_equal(fsy_strerror(-1), "unknown error");
	assert_string_equal(fsy_strerror(INT_MAX), "unknown error");
}

static void
test_formats(void **state)
{
	char text[128], expected[128];
	const char *volatile nothing = NULL;

	(void)state;
	fsyi_format(text, sizeof(text), "%s|%d|%u|%x|%%", "s", INT_MIN, UINT_MAX, 0xbeefu);
	assert_string_equal(text, "s|-2147483648|4294967295|beef|%");
	fsyi_format(text, sizeof(text), "%ld %lu %lx %p", LONG_MIN, ULONG_MAX, 0xfeedul, (void *)(uintptr_t)0xabc0);
	assert_string_equal(text, "-9223372036854775808 18446744073709551615 feed 0xabc0");
	fsyi_format(text, sizeof(text), "%s %d", nothing, 0);
	assert_string_equal(text, "(null) 0");
	memset(expected, 'z', sizeof(expected));
	memset(text, 'z', sizeof(text));
	memcpy(expected, "cut", 4);
	fsyi_format(text, 4, "%s", "cut here");
	assert_memory_equal(text, expected, sizeof(text));
}

static int
die(void *arg)
{
	fsyi_fatal("%s number %d", (const char *)arg, 42);
}

static void
test_fatal_writes_one_line_and_aborts(void **state)
{
	char word[] = "misuse";
	struct child child = child_fork(die, word);

	(void)state;
	child_assert_aborted(&child, "fastsync: misuse number 42\n");
	assert_string_equal(child.err, "fastsync: misuse number 42\n");
}

static void
test_fatal_cuts_long_lines(void **state)
{
	char word[2000];
	struct child child;

	(void)state;
	memset(word, 'w', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	child = child_fork(die, word);
	child_assert_aborted(&child, "fastsync: wwww");
	assert_in_range(strlen(child.err), 400, 600);
	assert_int_equal(child.err[strlen(child.err) - 1], '\n');
}

static void
report_loudly(const char *message)
{
	(void)!write(STDERR_FILENO, "<", 1);
	(void)!write(STDERR_FILENO, message, strlen(message));
	(void)!write(STDERR_FILENO, ">", 1);
}

static int
die_through_reporter(void *arg)
{
	fsy_set_fatal(report_loudly);
	return die(arg);
}

static void
test_reporter_is_replaced_but_not_the_abort(void **state)
{
	char word[] = "misuse";
	struct child child = child_fork(die_through_reporter, word);

	(void)state;
	child_assert_aborted(&child, "<fastsync: misuse number 42>");
	assert_string_equal(child.err, "<fastsync: misuse number 42>");
}

static jmp_buf back;
static char last_words[128];

static void
report_and_jump(const char *message)
{
	strncpy(last_words, message, sizeof(last_words) - 1);
	longjmp(back, 1);
}

static void
test_reporter_may_jump_more_than_once(void **state)
{
	static int i;                            /* outlives the jumps */

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_true(fsy_set_fatal(report_and_jump) == (i == 0 ? NULL : report_and_jump));
		last_words[0] = '\0';
		if (setjmp(back) == 0)
			fsyi_fatal("again");
		assert_string_equal(last_words, "fastsync: again");
	}
	assert_true(fsy_set_fatal(NULL) == report_and_jump);
	assert_true(fsy_set_fatal(NULL) == NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strerror_knows_every_code),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_fatal_writes_one_line_and_aborts),
		cmocka_unit_test(test_fatal_cuts_long_lines),
		cmocka_unit_test(test_reporter_is_replaced_but_not_the_abort),
		cmocka_unit_test(test_reporter_may_jump_more_than_once),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
