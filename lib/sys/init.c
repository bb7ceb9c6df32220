/* SPDX-License-Identifier: MIT */
/* init.c - the constructor. Nothing below depends on its having run; it makes things fast, not possible. */
#include "init.h"
#include "membarrier.h"

#include <fastsync/lockword.h>

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
	if (FSY_ASYMMETRIC_ && fsyi_membarrier_init())
		fsyi_lot_publish_attention();
}
