/* SPDX-License-Identifier: MIT */
/*
 * allocator.c - an allocator replaces malloc for a whole process, so each is measured in a process of its own, into which it
 * is preloaded: the rows that call malloc there carry its name.
 */
#include "bench/harness.h"
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <string.h>

/* What answers malloc here, by the functions that its library adds. */
void
fsyb_allocator(const char **name, const char **version)
{
	static char text[48];
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
	int (*mi_version)(void);
	const char *jemalloc = "";
	size_t size = sizeof jemalloc;

	*name = "glibc malloc";
	*version = gnu_get_libc_version();
	*(void **)&mallctl = dlsym(RTLD_DEFAULT, "mallctl");
	*(void **)&mi_version = dlsym(RTLD_DEFAULT, "mi_version");
	if (mallctl && mallctl("version", (void *)&jemalloc, &size, NULL, 0) == 0) {
		*name = "jemalloc";
		snprintf(text, sizeof text, "jemalloc %.*s", (int)strcspn(jemalloc, "-"), jemalloc);
	} else if (mi_version) {
		int number = mi_version();

		*name = "mimalloc";
		snprintf(text, sizeof text, "mimalloc %d.%d.%d", number / 100, number / 10 % 10, number % 10);
	} else {
		return;
	}
	*version = text;
}
