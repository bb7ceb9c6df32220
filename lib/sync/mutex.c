/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - Go's Mutex: the adaptive lock with Go's diagnostics and nothing else.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of lockword.c. There is no owner: any thread may unlock. The
 * second half of the mutex may stay nonzero when it is free: it is never read for correctness.
 */
#include <fastsync/mutex.h>
#include <fastsync/error.h>
#include "mutex_word.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"

FSY_NOINLINE void
fsy_mutex_lock_slow_(fsy_mutex_t *m)
{
	struct fsyi_lockword lock = fsyi_mutex_word(m);

	fsyi_lockword_lock(&lock, FSY_FOREVER);
}

FSY_NOINLINE int
fsy_mutex_lock_until_slow_(fsy_mutex_t *m, fsy_deadline_t deadline)
{
	struct fsyi_lockword lock = fsyi_mutex_word(m);

	return fsyi_lockword_lock(&lock, deadline);
}

static void
finish(fsy_mutex_t *m, enum fsy_release_ how, enum fsyi_wake wake)
{
	struct fsyi_lockword lock = fsyi_mutex_word(m);

	if (how == FSY_SUSPECT_)
		how = fsyi_lockword_unlock_suspect(&lock);
	if (how == FSY_SUSPECT_)
		fsyi_fatal("unlock of unlocked mutex %p", (void *)m);
	if (how == FSY_RELEASED_WAKE_) {
		fsyi_fork_check();
		fsyi_lockword_wake(&lock, wake);
	}
}

FSY_NOINLINE void
fsy_mutex_unlock_slow_(fsy_mutex_t *m, enum fsy_release_ how)
{
	finish(m, how, FSYI_WAKE_LATER);
}

void
fsyi_mutex_unlock_leaving(fsy_mutex_t *m)
{
	enum fsy_release_ how = fsy_lockword_release_(&m->word_, &m->held_);

	if (how != FSY_RELEASED_)
		finish(m, how, FSYI_WAKE_LEAVING);
}

void
fsy_mutex_unlock_fair(fsy_mutex_t *m)
{
	struct fsyi_lockword lock = fsyi_mutex_word(m);

	fsyi_fork_check();
	finish(m, fsyi_lockword_unlock_fair(&lock), FSYI_WAKE_LATER);
}

FSY_NOINLINE bool
fsy_mutex_trylock_slow_(fsy_mutex_t *m)
{
	struct fsyi_lockword lock = fsyi_mutex_word(m);

	return fsyi_lockword_trylock(&lock);
}

void
fsy_mutex_destroy(fsy_mutex_t *m)
{
	struct fsyi_lockword lock = fsyi_mutex_word(m);

	if (fsy_atomic_u32_load_rlx(&m->word_) & LW_LOCKED)
		fsyi_fatal("destroy of locked mutex %p", (void *)m);
	if ((fsy_atomic_u32_load_rlx(&m->word_) & LW_BUSY) && fsyi_lockword_has_waiters(&lock))
		fsyi_fatal("destroy of mutex with waiters %p", (void *)m);
	*m = (fsy_mutex_t)FSY_MUTEX_INIT;
}
