/* SPDX-License-Identifier: MIT */
/* init.c - the constructor. Nothing below depends on its having run; it makes things fast, not possible. */
#include "init.h"
#include "membarrier.h"

#include <fastsync/owner.h>

__attribute__((constructor)) static void
start(void)
{
	fsyi_tune_init();
	fsyi_futex_init();
	fsyi_topology_init();
	fsyi_cpu_init();
	fsyi_fork_init();
	fsyi_thread_init();
	fsyi_readers_init();
	if (!FSY_ASYMMETRIC_ || !fsyi_membarrier_init())
		return;
	fsyi_lot_publish_attention();
	if (FSY_SELF_->id_ > 0)                  /* this thread has had locks already; others see it when they next take the slow path */
		FSY_SELF_->id_ &= ~(int32_t)FSY_SIGNED_FENCED_;
}
