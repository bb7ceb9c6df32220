/* SPDX-License-Identifier: MIT */
/*
 * futex.c - the futex calls. Linux 6.7 brought futex_wait and futex_wake as calls of their own (futex2);
 * they and the classic call meet in the same kernel queues, so that each call may take either way
 * and the choice may change at any moment.
 */
#include "futex.h"
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
#define CLOCK_OF_WAITS   1                   /* CLOCK_MONOTONIC */

/* The kernel's struct timespec, whatever libc makes of it. */
struct moment {
	int64_t seconds, nanoseconds;
};

/* Zero until the constructor has probed: the classic call works everywhere. */
static fsy_atomic_u32 futex2;

static bool
refused(long result)
{
	return result == -ENOSYS || result == -EPERM || result == -EACCES;
}

static long
wait_once(fsy_atomic_u32 *word, uint32_t expected, const struct moment *deadline)
{
	if (fsy_atomic_u32_load_rlx(&futex2)) {
		long result = fsyi_syscall(SYS_FUTEX2_WAIT, FSYI_ARG(word), (long)(unsigned long)expected, FUTEX_BITSET_MATCH_ANY,
					   FUTEX2_U32 | FUTEX2_LOCAL, FSYI_ARG(deadline), CLOCK_OF_WAITS);

		if (!refused(result))
			return result;
		fsy_atomic_u32_store_rlx(&futex2, 0);        /* a sandbox was entered after the probe */
	}
	return fsyi_syscall(SYS_futex, FSYI_ARG(word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, (long)(unsigned long)expected,
			    FSYI_ARG(deadline), 0, FUTEX_BITSET_MATCH_ANY);
}

enum fsyi_wait
fsyi_futex_wait(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	struct moment at = { 0, 0 };

	if (deadline > 0) {
		at.seconds = deadline / 1000000000;
		at.nanoseconds = deadline % 1000000000;
	}
	for (;;) {
		long result = wait_once(word, expected, deadline == FSY_FOREVER ? NULL : &at);

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
			     FSYI_ARG(&past), CLOCK_OF_WAITS) == -ETIMEDOUT;
	fsy_atomic_u32_store_rlx(&futex2, works);
}

bool
fsyi_futex2_used(void)
{
	return fsy_atomic_u32_load_rlx(&futex2) != 0;
}
