/* SPDX-License-Identifier: MIT */
/* clock.h - the clock and the two ways to let time pass without sleeping. */
#ifndef FSYI_CLOCK_H
#define FSYI_CLOCK_H

#include <fastsync/time.h>

/* CLOCK_MONOTONIC in ns (vDSO, ~20 ns). Also exported as fsy_now(). */
int64_t fsyi_now(void);

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
