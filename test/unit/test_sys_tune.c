/* SPDX-License-Identifier: MIT */
/* Tunables come from the environment, with a provenance each; what is malformed is said, and the default stands. */
#include "lib/sys/tune.h"
#include "test/support/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
check_tunable(const struct fsyi_tunable *t, void *arg)
{
	int *count = arg;

	(*count)++;
	printf("%-16s %10lld %-8s %-24s %s\n", t->name, (long long)*t->value, t->unit, t->variable, t->provenance);
	assert_true(t->min <= t->standard && t->standard <= t->max);
	if (getenv(t->variable) == NULL)
		assert_true(*t->value == t->standard);
	assert_int_equal(strncmp(t->variable, "FASTSYNC_", 9), 0);
	assert_true(strlen(t->unit) > 0);
	assert_true(strlen(t->provenance) > 10);
}

static void
test_every_tunable_has_its_provenance(void **state)
{
	int count = 0;

	(void)state;
	fsyi_tune_each(check_tunable, &count);
	assert_int_equal(count, sizeof(fsyi_tune) / sizeof(int64_t));
}

static int
print_spin(void *arg)
{
	(void)arg;
	fprintf(stderr, "spin %lld, batch %lld, error %s\n", (long long)fsyi_tune.spin_ns, (long long)fsyi_tune.node_batch,
		fsyi_tune_error() == NULL ? "none" : fsyi_tune_error());
	return 0;
}

/* What the child says with these values: the table's own, unless the setting is good. complaint: NULL for none. */
static void
expect(const char *setting, int64_t spin, int64_t batch, const char *complaint)
{
	const char *const environment[] = { setting, NULL };
	struct child child = child_exec("spin", environment, NULL);
	char output[1024];

	snprintf(output, sizeof(output), "%s%sspin %lld, batch %lld, error %s\n", complaint == NULL ? "" : complaint,
		 complaint == NULL ? "" : "\n", (long long)spin, (long long)batch, complaint == NULL ? "none" : complaint);
	assert_true(child.exited);
	assert_int_equal(child.status, 0);
	assert_string_equal(child.err, output);
}

static void
test_environment_sets_a_value(void **state)
{
	int64_t spin = fsyi_tune.spin_ns, batch = fsyi_tune.node_batch;

	(void)state;
	expect("FASTSYNC_UNRELATED=1", spin, batch, NULL);
	expect("FASTSYNC_SPIN_NS=0", 0, batch, NULL);
	expect("FASTSYNC_SPIN_NS=100000000", 100000000, batch, NULL);
	expect("FASTSYNC_NODE_BATCH=1", spin, 1, NULL);
}

static void
test_malformed_values(void **state)
{
	static const char *const wrong[] = { "", "fast", "-1", "+1", " 1", "1 ", "1us", "0x10", "100000001", "99999999999999999999999" };
	int64_t spin = fsyi_tune.spin_ns, batch = fsyi_tune.node_batch;
	char setting[64], complaint[256];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(setting, sizeof(setting), "FASTSYNC_SPIN_NS=%s", wrong[i]);
		snprintf(complaint, sizeof(complaint), "fastsync: %s: expected a whole number of ns from 0 to 100000000; using %lld",
			 setting, (long long)spin);
		expect(setting, spin, batch, complaint);
	}
	snprintf(complaint, sizeof(complaint),
		 "fastsync: FASTSYNC_NODE_BATCH=0: expected a whole number of waiters from 1 to 65536; using %lld", (long long)batch);
	expect("FASTSYNC_NODE_BATCH=0", spin, batch, complaint);
}

static void
test_switches(void **state)
{
	(void)state;
	unsetenv("FASTSYNC_TEST_SWITCH");
	assert_true(fsyi_switch_on("FASTSYNC_TEST_SWITCH"));
	setenv("FASTSYNC_TEST_SWITCH", "on", 1);
	assert_true(fsyi_switch_on("FASTSYNC_TEST_SWITCH"));
	setenv("FASTSYNC_TEST_SWITCH", "off", 1);
	assert_false(fsyi_switch_on("FASTSYNC_TEST_SWITCH"));
	unsetenv("FASTSYNC_TEST_SWITCH");
	expect("FASTSYNC_FUTEX2=no", fsyi_tune.spin_ns, fsyi_tune.node_batch,
	       "fastsync: FASTSYNC_FUTEX2=no: expected on or off; using on");
}

static void
test_first_error_is_kept(void **state)
{
	static const char *const environment[] = { "FASTSYNC_SPIN_NS=x", "FASTSYNC_NODE_BATCH=y", NULL };
	struct child child = child_exec("spin", environment, NULL);

	(void)state;
	assert_non_null(strstr(child.err, "fastsync: FASTSYNC_SPIN_NS=x: "));
	assert_non_null(strstr(child.err, "fastsync: FASTSYNC_NODE_BATCH=y: "));
	assert_non_null(strstr(child.err, "error fastsync: FASTSYNC_SPIN_NS=x: "));
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "spin", print_spin }, { NULL, NULL } };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_tunable_has_its_provenance), cmocka_unit_test(test_environment_sets_a_value),
		cmocka_unit_test(test_malformed_values),                 cmocka_unit_test(test_switches),
		cmocka_unit_test(test_first_error_is_kept),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("tune", tests, NULL, NULL);
}
