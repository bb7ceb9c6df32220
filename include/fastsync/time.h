/* SPDX-License-Identifier: MIT */
/*
 * time.h - deadlines.
 *
 * Every wait takes an absolute deadline rather than a relative timeout: a wait that is retried
 * in a loop then keeps its limit without arithmetic. The clock is CLOCK_MONOTONIC, the unit is
 * the nanosecond. A deadline in the past means one attempt without waiting.
 */
#ifndef FASTSYNC_TIME_H
#define FASTSYNC_TIME_H

#include <fastsync/base.h>

FSY_BEGIN_DECLS

typedef int64_t fsy_deadline_t;

#define FSY_FOREVER INT64_MAX

/* Nanoseconds on CLOCK_MONOTONIC. Does not block or allocate; async-signal-safe. */
FSY_API int64_t fsy_now(void);

/* The deadline this many nanoseconds (milliseconds) from now; FSY_FOREVER on overflow, now for
 * a negative span. Does not block or allocate; async-signal-safe. */
FSY_INLINE fsy_deadline_t
fsy_after_ns(int64_t ns)
{
	int64_t now = fsy_now();

	if (ns <= 0)
		return now;
	return ns > FSY_FOREVER - now ? FSY_FOREVER : now + ns;
}

FSY_INLINE fsy_deadline_t
fsy_after_ms(int64_t ms)
{
	if (ms <= 0)
		return fsy_now();
	return fsy_after_ns(ms > FSY_FOREVER / 1000000 ? FSY_FOREVER : ms * 1000000);
}

FSY_END_DECLS

#endif
