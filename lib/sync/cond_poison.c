/* SPDX-License-Identifier: MIT */
/*
 * cond_poison.c - waiting for a condition under a poison mutex.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of cond.c and poison.c. A waiter has no lock, so that its end would poison
 * nothing; one that was signalled waits for the lock like anybody, and inherits it if its owner dies.
 */
#include "cond_wait.h"
#include "owner.h"
#include "poison_word.h"
#include "../sys/fatal.h"
#include <fastsync/error.h>

static void
release_poison(void *mutex)
{
	fsyi_poison_unlock_leaving((fsy_poison_mutex_t *)mutex);
}

/* Poison before the deadline: who is told of a lock in doubt need not be told what time it is. */
int
fsy_cond_wait_poison_until(fsy_cond_t *c, fsy_poison_mutex_t *m, fsy_deadline_t deadline)
{
	struct fsyi_relock relock = { fsyi_poison_word(m), m, release_poison, 0 };
	bool taken;
	int error, poisoned;

	if (!fsyi_owner_is_me(fsy_atomic_u32_load_rlx(&m->owner_)))
		fsyi_fatal("wait with a poison mutex that the caller does not own %p, cond %p", (void *)m, (void *)c);
	error = fsyi_cond_wait(c, &relock, deadline, &taken);
	poisoned = taken ? fsyi_poison_taken(m) : fsy_poison_mutex_lock(m);
	return poisoned != 0 ? poisoned : error;
}

int
fsy_cond_wait_poison(fsy_cond_t *c, fsy_poison_mutex_t *m)
{
	return fsy_cond_wait_poison_until(c, m, FSY_FOREVER);
}
