/* SPDX-License-Identifier: MIT */
/* policy.c - what the environment says of the preload library, and deadlines as POSIX gives them. */
#include "preload.h"
#include "../sys/clock.h"
#include "../sys/tune.h"

#include <string.h>

struct fsyi_policy fsyi_policy;

int
fsyi_deadline(clockid_t clock, const struct timespec *time, fsy_deadline_t *deadline)
{
	if (time->tv_nsec < 0 || time->tv_nsec >= 1000000000)
		return EINVAL;
	if (time->tv_sec < 0)
		*deadline = 0;                  /* long past, by any clock */
	else if (time->tv_sec >= FSYI_REALTIME / 1000000000 - 1)
		*deadline = FSY_FOREVER;
	else
		*deadline = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + (clock == CLOCK_REALTIME ? FSYI_REALTIME : 0);
	return 0;
}

/* One of two words; the first is the default. */
static bool
is_second(const char *variable, const char *first, const char *second, const char *expected)
{
	const char *text = fsyi_tune_variable(variable);

	if (text == NULL || strcmp(text, first) == 0)
		return false;
	if (strcmp(text, second) == 0)
		return true;
	fsyi_tune_complain(variable, text, expected);
	return false;
}

__attribute__((constructor)) static void
read_policy(void)
{
	fsyi_policy.strict = is_second("FASTSYNC_STRICT", "0", "1", "expected 0 or 1; using 0");
	fsyi_policy.keep_deepbind = is_second("FASTSYNC_DEEPBIND", "drop", "keep", "expected drop or keep; using drop");
}
