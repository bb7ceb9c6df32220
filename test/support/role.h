/* SPDX-License-Identifier: MIT */
/* role.h - a thread that comes into a lock, meets those who want to see it there, and leaves when it is told to; and who came when. */
#ifndef TEST_ROLE_H
#define TEST_ROLE_H

#include <fastsync/atomic.h>
#include "gate.h"

struct role {
	struct gate inside, leave;
	unsigned int parties;           /* how many meet inside, itself included */
	fsy_atomic_u32 came;            /* as which number, the last of those who share it */
};

#define ROLE(name, parties) { GATE(name " is inside"), GATE(name " may leave"), parties, { 0 } }

/* How many have come since the last time that the count was cleared. */
void roles_clear(void);
unsigned int roles_came(void);

/* By a thread that holds the lock. */
void role_play(struct role *role);

#endif
