/* SPDX-License-Identifier: MIT */
/* settings.c - see settings.h. */
#include "settings.h"
#include "child.h"
#include "locks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const char *const fenced[] = { "FASTSYNC_MEMBARRIER=off", NULL };
const char *const *const settings_fenced[] = { fenced, NULL };

static const struct settings_group *all;

/* What it prints of its tests is not the caller's. */
static int
all_again(void *arg)
{
	(void)arg;
	return freopen("/dev/null", "w", stdout) == NULL || _cmocka_run_group_tests("again", all->tests, all->count, NULL, NULL) != 0;
}

static void
test_other_settings(void **state)
{
	char stress_ms[12];

	(void)state;
	snprintf(stress_ms, sizeof(stress_ms), "%d", all->stress_ms);
	if (all->stress_ms > 0)
		setenv("FASTSYNC_STRESS_MS", stress_ms, 0);
	for (const char *const *const *settings = all->settings; *settings != NULL; settings++) {
		struct child child = child_exec("all", *settings, NULL);

		if (!child.exited || child.status != 0)
			fprintf(stderr, "with %s:\n", **settings);
		child_assert_clean(&child);
	}
}

int
settings_main(int argc, char **argv, const struct settings_group *group)
{
	static const struct child_body bodies[] = { { "all", all_again }, { NULL, NULL } };
	static const struct CMUnitTest again[] = { cmocka_unit_test(test_other_settings) };
	char name[100];

	all = group;
	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog(group->name, 200);
	snprintf(name, sizeof(name), "%s, other settings", group->name);
	return _cmocka_run_group_tests(group->name, group->tests, group->count, NULL, NULL) + cmocka_run_group_tests_name(name, again, NULL, NULL);
}
