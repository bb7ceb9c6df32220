/* SPDX-License-Identifier: MIT */
/* membarrier.c - the heavy half of the asymmetric fences. */
#include "membarrier.h"
#include "fatal.h"
#include "kernel.h"
#include "tune.h"

#include <linux/membarrier.h>

static bool
call(int command)
{
	return fsyi_syscall(SYS_membarrier, command, 0, 0, 0, 0, 0) == 0;
}

static bool granted;                             /* written by the constructor only */

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
	return call(MEMBARRIER_CMD_PRIVATE_EXPEDITED) ||
	       (call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) && call(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
}
