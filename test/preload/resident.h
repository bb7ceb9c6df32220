/* SPDX-License-Identifier: MIT */
/* resident.h - how much memory a program has come to use. */
#ifndef PRELOAD_RESIDENT_H
#define PRELOAD_RESIDENT_H

#include <stdio.h>
#include <unistd.h>

static inline long
resident_kb(void)
{
	long total, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%ld %ld", &total, &resident) != 2)
		resident = 0;
	if (f != NULL)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
