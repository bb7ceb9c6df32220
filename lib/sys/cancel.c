/* SPDX-License-Identifier: MIT */
/*
 * cancel.c - the one place where a thread can be cancelled.
 *
 * pthread_cancel sends its signal only to threads that may be cancelled at any moment (until glibc 2.40, after which it always does). So
 * that is what the thread is, for the length of one system call; an end that comes in between finds nothing half done.
 */
#include "futex.h"
#include "fatal.h"

#include <errno.h>
#include <pthread.h>

enum fsyi_wait
fsyi_futex_wait_cancellable(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	int before, error;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
	error = fsyi_futex_wait_once(word, expected, deadline);
	pthread_setcanceltype(before, NULL);
	switch (error) {
	case ETIMEDOUT:
		return FSYI_TIMEDOUT;
	case 0:
	case EAGAIN:
	case EINTR:
		return FSYI_WOKEN;              /* the caller looks at the word again */
	default:
		fsyi_fatal("the futex call failed in a wait: error %d", error);
	}
}
