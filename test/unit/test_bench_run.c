/* SPDX-License-Identifier: MIT */
/* fsy_bench_run from outside: what it prints, what it refuses, and in how many words. */
#include <fastsync.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* Runs with both outputs caught; the caller frees them. */
struct caught {
	int error;
	char *out, *err;
};

static struct caught
run(fsy_bench_options_t options)
{
	struct caught caught = { 0 };
	size_t out_size, err_size = 0;
	FILE *out = open_memstream(&caught.out, &out_size), *err = tmpfile();
	int saved = dup(STDERR_FILENO);

	options.peer_path = "/proc/self/fd"; /* a folder without peers */
	fflush(stderr);
	dup2(fileno(err), STDERR_FILENO);
	caught.error = fsy_bench_run(&options, out);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(out);
	fseek(err, 0, SEEK_END);
	err_size = (size_t)ftell(err);
	rewind(err);
	caught.err = calloc(1, err_size + 1);
	err_size = fread(caught.err, 1, err_size, err);
	fclose(err);
	return caught;
}

static unsigned
lines(const char *text)
{
	unsigned count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void
refused(fsy_bench_options_t options, const char *part)
{
	struct caught caught = run(options);

	assert_int_equal(caught.error, FSY_EINVAL);
	assert_int_equal(lines(caught.err), 1);
	assert_non_null(strstr(caught.err, part));
	free(caught.out);
	free(caught.err);
}

static void
test_refusals(void **state)
{
	(void)state;
	refused((fsy_bench_options_t){ .filter = "no-such-case" }, "no-such-case");
	refused((fsy_bench_options_t){ .bars = true, .filter = "no-such-bar" }, "no-such-bar");
	refused((fsy_bench_options_t){ .bars = true, .format = FSY_BENCH_JSON, .filter = "alone" }, "JSON");
	refused((fsy_bench_options_t){ .bars = true, .format = FSY_BENCH_CSV, .filter = "alone" }, "CSV");
	refused((fsy_bench_options_t){ .candidates = "glibc,nobody" }, "'nobody'");
	refused((fsy_bench_options_t){ .candidates = "," }, "no candidate");
	refused((fsy_bench_options_t){ .threads = "1,x" }, "1,x");
	refused((fsy_bench_options_t){ .threads = "0" }, "threads");
	refused((fsy_bench_options_t){ .threads = "2," }, "threads");
	refused((fsy_bench_options_t){ .rounds = 2 }, "rounds");
	refused((fsy_bench_options_t){ .rounds = 102 }, "rounds");
	refused((fsy_bench_options_t){ .round_ns = 1 }, "round");
}

static void
test_list(void **state)
{
	struct caught caught = run((fsy_bench_options_t){ .list = true });

	(void)state;
	assert_int_equal(caught.error, 0);
	assert_non_null(strstr(caught.out, "mutex/contended/empty"));
	assert_non_null(strstr(caught.out, "glibc adaptive"));
	assert_non_null(strstr(caught.out, "! not here: Rust"));
	free(caught.out);
	free(caught.err);
}

static void
test_measures(void **state)
{
	struct caught caught = run((fsy_bench_options_t){ .filter = "mutex/contended/empty", .threads = "2", .quick = true,
	                                                  .candidates = "glibc normal", .seed = 1 });

	(void)state;
	assert_int_equal(caught.error, 0);
	assert_non_null(strstr(caught.out, "QUICK"));
	assert_non_null(strstr(caught.out, "2 libfastsync "));
	assert_non_null(strstr(caught.out, "2 glibc normal "));
	assert_null(strstr(caught.out, "glibc adaptive"));
	assert_null(strstr(caught.out, "BROKEN"));
	assert_null(strstr(caught.out, "hangs"));
	free(caught.out);
	free(caught.err);
}

static void
test_uncontended_csv(void **state)
{
	struct caught caught = run((fsy_bench_options_t){ .filter = "atomic/fetch_max", .threads = "1", .quick = true,
	                                                  .format = FSY_BENCH_CSV, .seed = 1 });

	(void)state;
	assert_int_equal(caught.error, 0);
	assert_int_equal(strncmp(caught.out, "case,threads,candidate,ns,", 26), 0);
	assert_non_null(strstr(caught.out, "atomic/fetch_max,1,\"libfastsync\","));
	free(caught.out);
	free(caught.err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_measures),
		cmocka_unit_test(test_uncontended_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
