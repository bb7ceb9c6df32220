/* SPDX-License-Identifier: MIT */
/* clock.c - CLOCK_MONOTONIC and CLOCK_REALTIME, from the vDSO. */
#include "clock.h"

#include <time.h>

int64_t
fsyi_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);            /* cannot fail: the clock exists and now is ours */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
fsyi_now_realtime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool
fsyi_over_realtime(fsy_deadline_t deadline)
{
	return deadline != FSY_FOREVER && fsyi_now_realtime() >= deadline - FSYI_REALTIME;
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
