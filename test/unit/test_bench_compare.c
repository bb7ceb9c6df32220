/* SPDX-License-Identifier: MIT */
/* fastsync-bench --compare: what it calls slower, what it calls chance, and which files it refuses. */
#include "lib/bench/cli/compare.c" /* part of the tool, not of the library that tests link */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static char old_path[] = "/tmp/fastsync-old-XXXXXX", new_path[] = "/tmp/fastsync-new-XXXXXX";

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* The status; what was printed goes to text, what was complained to the caught stderr's line count. */
static int
compare(double threshold, char **text, unsigned *complaints)
{
	size_t size;
	FILE *out = open_memstream(text, &size), *err = tmpfile();
	int saved = dup(STDERR_FILENO), status, c;

	dup2(fileno(err), STDERR_FILENO);
	status = fsyb_compare(old_path, new_path, threshold, out);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(out);
	*complaints = 0;
	rewind(err);
	while ((c = getc(err)) != EOF)
		*complaints += c == '\n';
	fclose(err);
	return status;
}

#define RUN(name, samples) "{\"benchmarks\": [{\"name\": \"" name "\", \"samples\": [" samples "]}]}"

static void
test_slower(void **state)
{
	char *text;
	unsigned complaints;

	(void)state;
	write_file(old_path, RUN("mutex", "10, 10.1, 10.2, 9.9, 9.8"));
	write_file(new_path, RUN("mutex", "12, 12.1, 12.2, 11.9, 11.8"));
	assert_int_equal(compare(10, &text, &complaints), 3);
	assert_non_null(strstr(text, "+20.0 %"));
	free(text);
	assert_int_equal(compare(25, &text, &complaints), 0);
	free(text);
	assert_int_equal(compare(-1, &text, &complaints), 0);
	free(text);
	assert_int_equal(complaints, 0);
}

static void
test_faster_is_no_regression(void **state)
{
	char *text;
	unsigned complaints;

	(void)state;
	write_file(old_path, RUN("mutex", "12, 12.1, 12.2, 11.9, 11.8"));
	write_file(new_path, RUN("mutex", "10, 10.1, 10.2, 9.9, 9.8"));
	assert_int_equal(compare(0, &text, &complaints), 0);
	assert_non_null(strstr(text, "-16.7 %"));
	free(text);
}

static void
test_chance(void **state)
{
	char *text;
	unsigned complaints;

	(void)state;
	write_file(old_path, RUN("mutex", "10, 12, 14, 16, 18"));
	write_file(new_path, RUN("mutex", "11, 13, 15, 17, 19"));
	assert_int_equal(compare(0, &text, &complaints), 0);
	assert_non_null(strstr(text, " ~ "));
	free(text);
}

static void
refused(const char *was, const char *is)
{
	char *text;
	unsigned complaints;

	write_file(old_path, was);
	write_file(new_path, is);
	assert_int_equal(compare(0, &text, &complaints), 2);
	assert_int_equal(complaints, 1);
	free(text);
}

static void
test_refusals(void **state)
{
	static const char good[] = RUN("mutex", "1, 2, 3");

	(void)state;
	refused("", good);
	refused(good, "{\"benchmarks\": [");
	refused("[1, 2]", good);
	refused(good, "{\"benchmarks\": 7}");
	refused(good, RUN("another", "1, 2, 3"));
}

static void
test_missing_file(void **state)
{
	char *text;
	unsigned complaints;

	(void)state;
	unlink(old_path);
	assert_int_equal(compare(0, &text, &complaints), 2);
	assert_int_equal(complaints, 1);
	free(text);
}

static int
make_files(void **state)
{
	int old_fd = mkstemp(old_path), new_fd = mkstemp(new_path);

	(void)state;
	close(old_fd);
	close(new_fd);
	return old_fd < 0 || new_fd < 0 ? -1 : 0;
}

static int
remove_files(void **state)
{
	(void)state;
	unlink(old_path);
	unlink(new_path);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slower),   cmocka_unit_test(test_faster_is_no_regression), cmocka_unit_test(test_chance),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
