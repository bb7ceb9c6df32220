/* SPDX-License-Identifier: MIT */
/* settings.h - a group of tests here, and once more for each of some settings of the library, in a process of its own. */
#ifndef TEST_SETTINGS_H
#define TEST_SETTINGS_H

#include <stddef.h>

struct CMUnitTest;

struct settings_group {
	const char *name;
	const struct CMUnitTest *tests;
	size_t count;
	const char *const *const *settings;      /* each a list of "NAME=value" words; all lists end with NULL */
	int stress_ms;                           /* FASTSYNC_STRESS_MS with other settings, if it is not given */
};

/* The whole of main. */
int settings_main(int argc, char **argv, const struct settings_group *group);

/* Without membarrier: unlock takes its fenced form. */
extern const char *const *const settings_fenced[];

#endif
