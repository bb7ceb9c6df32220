/* SPDX-License-Identifier: MIT */
/*
 * futex.c - the futex calls. Linux 6.7 brought futex_wait and futex_wake as calls of their own (futex2);
 * they and the classic call meet in the same kernel queues, so that each call may take either way
 * and the choice may change at any moment. Waits with a deadline take the classic one: the kernel gives futex2 an exact timer (range 0 in its
 * futex2_setup_timeout), the classic call one that may be late by the thread's timer slack, so that many expire at once.
 */
#include "futex.h"
#include "clock.h"
#include "fatal.h"
#include "init.h"
#include "kernel.h"
#include "tune.h"

#include <errno.h>
#include <linux/futex.h>

#define SYS_FUTEX2_WAKE  454                 /* one number on every architecture; not in older headers */
#define SYS_FUTEX2_WAIT  455
#define FUTEX2_U32       0x02
#define FUTEX2_LOCAL     0x80                /* private to the process */

enum { REALTIME = 0, MONOTONIC = 1 };        /* the kernel's numbers of the clocks */

/* The kernel's struct timespec, whatever libc makes of it. */
struct moment {
	int64_t seconds, nanoseconds;
};

/* When a wait ends, by which clock; at == NULL: never. */
struct limit {
	struct moment moment, *at;
	int clock;
};

/* Zero until the constructor has probed: the classic call works everywhere. */
static fsy_atomic_u32 futex2;

static bool
refused(long result)
{
	return result == -ENOSYS || result == -EPERM || result == -EACCES;
}

/* Once, for both kinds of wait: a second copy is 240 bytes of a library that is to be small. */
static FSY_NOINLINE long
wait_once(fsy_atomic_u32 *word, uint32_t expected, const struct limit *limit)
{
	if (limit->at == NULL && fsy_atomic_u32_load_rlx(&futex2)) {
		long result = fsyi_syscall(SYS_FUTEX2_WAIT, FSYI_ARG(word), (long)(unsigned long)expected, FUTEX_BITSET_MATCH_ANY,
					   FUTEX2_U32 | FUTEX2_LOCAL, 0, 0);

		if (!refused(result))
			return result;
		fsy_atomic_u32_store_rlx(&futex2, 0);        /* a sandbox was entered after the probe */
	}
	return fsyi_syscall(SYS_futex, FSYI_ARG(word),
			    FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | (limit->clock == REALTIME ? FUTEX_CLOCK_REALTIME : 0),
			    (long)(unsigned long)expected, FSYI_ARG(limit->at), 0, FUTEX_BITSET_MATCH_ANY);
}

static void
set_limit(struct limit *limit, fsy_deadline_t deadline)
{
	bool realtime = deadline >= FSYI_REALTIME;

	limit->clock = realtime && deadline != FSY_FOREVER ? REALTIME : MONOTONIC;
	limit->at = deadline == FSY_FOREVER ? NULL : &limit->moment;
	if (realtime)
		deadline -= FSYI_REALTIME;
	limit->moment = (struct moment){ deadline > 0 ? deadline / 1000000000 : 0, deadline > 0 ? deadline % 1000000000 : 0 };
}

int
fsyi_futex_wait_once(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	struct limit limit;

	set_limit(&limit, deadline);
	return (int)-wait_once(word, expected, &limit);
}

enum fsyi_wait
fsyi_futex_wait(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	struct limit limit;

	set_limit(&limit, deadline);
	for (;;) {
		long result = wait_once(word, expected, &limit);

		switch (result) {
		case 0:
		case -EAGAIN:
			return FSYI_WOKEN;
		case -ETIMEDOUT:
			return FSYI_TIMEDOUT;
		case -EINTR:
			break;                   /* the deadline is absolute: simply again */
		default:
			fsyi_fatal("the futex call failed in a wait: error %d", (int)-result);
		}
	}
}

void
fsyi_futex_wake(fsy_atomic_u32 *word, int count)
{
	long result = -ENOSYS;

	if (fsy_atomic_u32_load_rlx(&futex2)) {
		result = fsyi_syscall(SYS_FUTEX2_WAKE, FSYI_ARG(word), FUTEX_BITSET_MATCH_ANY, count, FUTEX2_U32 | FUTEX2_LOCAL, 0, 0);
		if (refused(result))
			fsy_atomic_u32_store_rlx(&futex2, 0);
	}
	if (refused(result))
		result = fsyi_syscall(SYS_futex, FSYI_ARG(word), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, 0, 0, 0);
	if (result < 0 && result != -EFAULT)             /* EFAULT: the memory is gone, and nobody sleeps there */
		fsyi_fatal("the futex call failed in a wake: error %d", (int)-result);
}

void
fsyi_futex_init(void)
{
	fsy_atomic_u32 word = { 1 };
	struct moment past = { 0, 0 };
	bool works;

	if (!fsyi_switch_on("FASTSYNC_FUTEX2"))
		return;
	works = fsyi_syscall(SYS_FUTEX2_WAKE, FSYI_ARG(&word), FUTEX_BITSET_MATCH_ANY, 1, FUTEX2_U32 | FUTEX2_LOCAL, 0, 0) == 0 &&
		fsyi_syscall(SYS_FUTEX2_WAIT, FSYI_ARG(&word), 1, FUTEX_BITSET_MATCH_ANY, FUTEX2_U32 | FUTEX2_LOCAL,
			     FSYI_ARG(&past), MONOTONIC) == -ETIMEDOUT;
	fsy_atomic_u32_store_rlx(&futex2, works);
}

bool
fsyi_futex2_used(void)
{
	return fsy_atomic_u32_load_rlx(&futex2) != 0;
}
