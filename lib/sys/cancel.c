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

#if defined(__SANITIZE_THREAD__) && !defined(__clang__) && __GNUC__ >= 11
#pragma GCC diagnostic ignored "-Wtsan" /* what the fence orders is glibc's, and nothing that the sanitizer watches */
#endif

int
fsyi_cancel_allow(void)
{
	int before;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
	/* glibc stores the type and looks whether somebody has cancelled, pthread_cancel says so and looks at the type: with no fence
	 * between the first two, each may miss the other, and the thread would sleep on. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	pthread_testcancel();
	return before;
}

void
fsyi_cancel_restore(int before)
{
	pthread_setcanceltype(before, NULL);
}

enum fsyi_wait
fsyi_futex_wait_cancellable(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	int before = fsyi_cancel_allow();
	int error = fsyi_futex_wait_once(word, expected, deadline);

	fsyi_cancel_restore(before);
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
