/* SPDX-License-Identifier: MIT */
/* cond_wait.h - the wait of a condition variable, for any mutex that stands on a lock word. */
#ifndef FSYI_COND_WAIT_H
#define FSYI_COND_WAIT_H

#include <fastsync/cond.h>
#include "lockword.h"

/* The kind of a waiter in a condition variable's queue. */
enum { FSYI_KIND_COND = 3 };

/* The mutex, as its owner describes it. Lives as long as the wait. */
struct fsyi_relock {
	struct fsyi_lockword lock;
	void *mutex;
	void (*release)(void *mutex);   /* unlocks it */
	unsigned int ways;              /* any of those below */
};

/* How pthread_cond_t differs from ours. */
enum {
	FSYI_COND_CANCELLABLE = 1,      /* the sleep is a cancellation point: see fsyi_cond_break_off */
	FSYI_COND_ANY = 2,              /* the mutex may be unlocked, and others may wait with another */
	FSYI_COND_KEEPS = 4,            /* release does not unlock it, since the waiter holds it more than once */
};

/* Unlocks the mutex and waits: 0, or FSY_ETIMEDOUT. taken: the lock word has been taken again already (by whatever the wait has turned
 * into); otherwise the caller takes it. */
int fsyi_cond_wait(fsy_cond_t *c, const struct fsyi_relock *relock, fsy_deadline_t deadline, bool *taken);

/* By the handler of a thread that was cancelled in fsyi_cond_wait, which had been called with these: it waits no longer, and taken says what it
 * says there. True: it had been signalled, and somebody else is to have that signal. */
bool fsyi_cond_break_off(fsy_cond_t *c, const struct fsyi_relock *relock, bool *taken);

/* How many wait that have not been signalled. */
uint32_t fsyi_cond_waiters(fsy_cond_t *c);

#endif
