/* SPDX-License-Identifier: MIT */
/*
 * spin.c - pthread_spinlock_t: one word, tested before it is set, with growing pauses, and a yield when the holder cannot be running.
 *
 * WORD    libc's own values, for the object does not tell whether another process shares it, one that runs without us: x86 counts down
 *         from 1 (libc's waiters take it below 0), all others up from 0.
 * ORDER   Z1 unlock: store_rel -> Z2 lock: swap_acq     (MP) the critical section
 * FAIRNESS none, as in libc: four bytes hold no queue.
 * LIFETIME the store Z1 is the unlocker's last access.
 */
#include "preload.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"

#if defined(__x86_64__) || defined(__i386__)
enum { FREE = 1, HELD = 0 };
#else
enum { FREE = 0, HELD = 1 };
#endif

/* Pauses grow to some microseconds. After as many rounds the holder is taken to be preempted, and gets this CPU. */
enum { LONGEST_PAUSE = 64, ROUNDS = 64 };

static fsy_atomic_u32 *
word_of(pthread_spinlock_t *s)
{
	return (fsy_atomic_u32 *)(void *)(uintptr_t)s;
}

static bool
take(fsy_atomic_u32 *word)
{
	return (int32_t)fsy_atomic_u32_swap_acq(word, HELD) == FREE;                            /* Z2 <- Z1 */
}

static FSY_NOINLINE void
spin(fsy_atomic_u32 *word)
{
	int pause = 1, rounds = fsyi_cpu_count() > 1 ? ROUNDS : 0;

	do {
		while ((int32_t)fsy_atomic_u32_load_rlx(word) != FREE) {
			if (rounds-- <= 0) {
				fsyi_yield();
				continue;
			}
			for (int i = 0; i < pause; i++)
				fsyi_relax();
			if (pause < LONGEST_PAUSE)
				pause *= 2;
		}
	} while (!take(word));
}

FSYI_EXPORT int
pthread_spin_init(pthread_spinlock_t *s, int shared)
{
	(void)shared;
	fsy_atomic_u32_store_rlx(word_of(s), FREE);
	return 0;
}

FSYI_EXPORT int
pthread_spin_destroy(pthread_spinlock_t *s)
{
	(void)s;
	return 0;
}

FSYI_EXPORT int
pthread_spin_lock(pthread_spinlock_t *s)
{
	if (FSY_UNLIKELY(!take(word_of(s))))
		spin(word_of(s));
	return 0;
}

FSYI_EXPORT int
pthread_spin_trylock(pthread_spinlock_t *s)
{
	return take(word_of(s)) ? 0 : EBUSY;
}

FSYI_EXPORT int
pthread_spin_unlock(pthread_spinlock_t *s)
{
	fsy_atomic_u32_store_rel(word_of(s), FREE);                                             /* Z1 -> Z2 */
	return 0;
}
