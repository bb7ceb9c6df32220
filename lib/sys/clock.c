/* SPDX-License-Identifier: MIT */
/* clock.c - CLOCK_MONOTONIC, from the vDSO. */
#include "clock.h"

#include <time.h>

int64_t
fsyi_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);            /* cannot fail: the clock exists and now is ours */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

FSY_API int64_t
fsy_now(void)
{
	return fsyi_now();
}

int64_t
fsyi_delay(int64_t ns)
{
	int64_t now = fsyi_now();
	int64_t start = now;

	while (now - start < ns) {
		fsyi_relax();
		now = fsyi_now();
	}
	return now;
}
