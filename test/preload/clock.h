/* SPDX-License-Identifier: MIT */
/* clock.h - deadlines as libc takes them. */
#ifndef PRELOAD_CLOCK_H
#define PRELOAD_CLOCK_H

#include <time.h>

static inline struct timespec
in_ms(clockid_t clock, long ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

#endif
