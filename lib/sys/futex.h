/* SPDX-License-Identifier: MIT */
/* futex.h - sleep while a word holds a value. EINTR and every other surprise ends here. */
#ifndef FSYI_FUTEX_H
#define FSYI_FUTEX_H

#include <fastsync/atomic.h>
#include <fastsync/time.h>

enum fsyi_wait { FSYI_WOKEN, FSYI_TIMEDOUT };

/* Sleeps while *word == expected, until woken or the deadline. May return FSYI_WOKEN early for any reason:
 * the caller looks at the word again. FSYI_TIMEDOUT only after the deadline. */
enum fsyi_wait fsyi_futex_wait(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline);

/* One call of the kernel's, for those who must hear of signals: 0, EAGAIN, EINTR or ETIMEDOUT (or what else it says). A cancellation that
 * is asynchronous may end the thread in it. */
int fsyi_futex_wait_once(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline);

/* From here to fsyi_cancel_restore() the thread may be cancelled at any moment, at once if it has been already. */
int fsyi_cancel_allow(void);
void fsyi_cancel_restore(int before);

/* The same as fsyi_futex_wait, but a cancellation point, which fsyi_futex_wait is not: while it sleeps, and if a cancellation is pending when it
 * begins. Nothing else of the library's is one. The caller holds nothing that a cleanup handler does not give back. */
enum fsyi_wait fsyi_futex_wait_cancellable(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline);

/* Wakes up to count sleepers on word. The memory may be gone by now: a late wake is harmless. */
void fsyi_futex_wake(fsy_atomic_u32 *word, int count);

/* Whether the futex2 calls are in use (Linux >= 6.7, and FASTSYNC_FUTEX2 is not off). */
bool fsyi_futex2_used(void);

#endif
