/* SPDX-License-Identifier: MIT */
/* The co-process protocol: reading answers, and both of its ends talking to each other through pipes. */
#include "lib/bench/answer.h"
#include <fastsync.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char answer[] = "{\"impl\":\"sync.Mutex\",\"kind\":\"mutex\",\"elapsed_ns\":100061234,\"ops\":[1,22,333],"
			     "\"empty\":[],\"vcsw\":3}";

static void
test_numbers(void **state)
{
	(void)state;
	assert_true(fsyb_answer_number(answer, "elapsed_ns", -1) == 100061234);
	assert_true(fsyb_answer_number(answer, "vcsw", -1) == 3);
	assert_true(fsyb_answer_number(answer, "csw", -1) == -1);
	assert_true(fsyb_answer_number(answer, "mutex", -1) == -1); /* a value, not a key */
}

static void
test_strings(void **state)
{
	char value[6];

	(void)state;
	assert_true(fsyb_answer_string(answer, "kind", value, sizeof value));
	assert_string_equal(value, "mutex");
	assert_true(fsyb_answer_string(answer, "impl", value, sizeof value));
	assert_string_equal(value, "sync."); /* cut */
	assert_false(fsyb_answer_string(answer, "error", value, sizeof value));
	assert_string_equal(value, "");
	assert_false(fsyb_answer_string(answer, "vcsw", value, sizeof value));
}

static void
test_arrays(void **state)
{
	double values[3];

	(void)state;
	assert_int_equal(fsyb_answer_array(answer, "ops", values, 3), 3);
	assert_true(values[0] == 1 && values[1] == 22 && values[2] == 333);
	assert_int_equal(fsyb_answer_array(answer, "ops", values, 2), 2);
	assert_int_equal(fsyb_answer_array(answer, "empty", values, 3), 0);
	assert_int_equal(fsyb_answer_array(answer, "vcsw", values, 3), 0);
}

static void
test_server(void **state)
{
	static char questions[] = "version\nlist\nrun impl=0 threads=1 ops=1000 alone=1\nrun impl=0 threads=2 ops=1000\n"
				  "run impl=99999 threads=1 ops=1\nrun impl=0 threads=0 ops=1\nnonsense\nquit\nlist\n";
	char line[65536];
	FILE *in = fmemopen(questions, sizeof questions - 1, "r"), *out = tmpfile();
	double ops[2];

	(void)state;
	setenv("FASTSYNC_PEERS", "/proc/self/fd", 1); /* a folder without peers */
	assert_int_equal(fsy_bench_serve(in, out), 0);
	rewind(out);
	assert_non_null(fgets(line, sizeof line, out));
	assert_true(fsyb_answer_number(line, "protocol", 0) == 1);
	assert_non_null(fgets(line, sizeof line, out));
	assert_non_null(strstr(line, "\"name\":\"libfastsync\""));
	assert_non_null(fgets(line, sizeof line, out));
	assert_int_equal(fsyb_answer_array(line, "ops", ops, 2), 1);
	assert_true(ops[0] == 1000);
	assert_non_null(fgets(line, sizeof line, out));
	assert_int_equal(fsyb_answer_array(line, "ops", ops, 2), 2);
	assert_true(ops[0] == 1000 && ops[1] == 1000);
	for (int i = 0; i < 3; i++) {
		assert_non_null(fgets(line, sizeof line, out));
		assert_non_null(fsyb_answer_find(line, "error"));
	}
	assert_null(fgets(line, sizeof line, out));
	fclose(in);
	fclose(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
