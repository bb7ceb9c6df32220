/* SPDX-License-Identifier: MIT */
/* clock.h - the clock and the two ways to let time pass without sleeping. */
#ifndef FSYI_CLOCK_H
#define FSYI_CLOCK_H

#include <fastsync/time.h>

/* CLOCK_MONOTONIC in ns (vDSO, ~20 ns). Also exported as fsy_now(). */
int64_t fsyi_now(void);

/* CLOCK_REALTIME in ns: may be set, and jump. */
int64_t fsyi_now_realtime(void);

/*
 * A deadline on CLOCK_REALTIME, for those whom POSIX promises that it follows the clock when that is set: nanoseconds + FSYI_REALTIME,
 * saturating. It passes through every wait down to the kernel as it is. Compared as a number it lies in the far future; whether it is over
 * says fsyi_over alone.
 */
#define FSYI_REALTIME (INT64_C(1) << 62)

bool fsyi_over_realtime(fsy_deadline_t deadline);

static inline bool
fsyi_over(fsy_deadline_t deadline, int64_t now)
{
	return deadline < FSYI_REALTIME ? now >= deadline : fsyi_over_realtime(deadline);
}

/* Tells the core that this is a spin loop (PAUSE, ISB). Its cost varies 10x between machines: spin by time. */
#ifdef FSYI_MACHINE
void fsyi_relax(void);                           /* a simulated machine decides who runs next */
#else
static inline void
fsyi_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");    /* YIELD is a no-op on most cores */
#else
	__asm__ volatile("" ::: "memory");
#endif
}
#endif

/* Spins without touching shared memory until ns have passed; returns the time then. */
int64_t fsyi_delay(int64_t ns);

#endif
