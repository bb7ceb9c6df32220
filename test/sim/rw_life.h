/* SPDX-License-Identifier: MIT */
/* rw_life.h - the last user of a reader-writer lock takes the lock's memory away as soon as it has it back (I1). Included behind the lock's own
 * header. */
#ifndef RW_LIFE_H
#define RW_LIFE_H

#include "rw_modes.h"

static fsy_atomic_u32 users;

static inline void
setup_users(void)
{
	setup_any();
	users.cell_ = 0;
}

static inline bool
is_last(void)
{
	return fsy_atomic_u32_add(&users, 1) == (uint32_t)sim_threads() - 1;
}

/* By the last user. One that has read makes sure by writing that no other reads. */
static inline void
remove_after(bool write)
{
	if (!write && sim_threads() > 2) {
		enter_writing();
		leave_writing();
	}
	sim_kill(&lock, sizeof(lock));
}

#endif
