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
};

/* Unlocks the mutex and waits: 0, or FSY_ETIMEDOUT. taken: the lock word has been taken again already (by whatever the wait has turned
 * into); otherwise the caller takes it. */
int fsyi_cond_wait(fsy_cond_t *c, const struct fsyi_relock *relock, fsy_deadline_t deadline, bool *taken);

#endif
