/* SPDX-License-Identifier: MIT */
/* membarrier.c - the heavy half of the asymmetric fences. */
#include "membarrier.h"
#include "fatal.h"
#include "kernel.h"
#include "tune.h"

#include <fastsync/atomic.h>
#include <linux/membarrier.h>

static bool
call(int command)
{
	return fsyi_syscall(SYS_membarrier, command, 0, 0, 0, 0, 0) == 0;
}

static bool granted;                             /* written by the constructor only */
static fsy_atomic_bool lost;

bool
fsyi_membarrier_init(void)
{
	granted = fsyi_switch_on("FASTSYNC_MEMBARRIER") && call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
		  call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	return granted;
}

void
fsyi_membarrier_fork_child(void)
{
	if (granted)
		call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

bool
fsyi_membarrier(void)
{
	bool executed = call(MEMBARRIER_CMD_PRIVATE_EXPEDITED) ||
			(call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) && call(MEMBARRIER_CMD_PRIVATE_EXPEDITED));

	if (!executed)
		fsy_atomic_bool_store_rlx(&lost, true);
	return executed;
}

bool
fsyi_membarrier_lost(void)
{
	return fsy_atomic_bool_load_rlx(&lost);
}
