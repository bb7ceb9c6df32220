/* SPDX-License-Identifier: MIT */
/* absent.c - what the rooms below call upon, and the preload library does without: libnuma, pools. */
#include <errno.h>

#include "../sys/thread.h"
#include "../sys/topology_table.h"

/* sysfs says the same, without a library that would come into every program. */
int
fsyi_topology_from_libnuma(void)
{
	return ENOSYS;
}

/* No thread has pools here. */
void
fsyi_pool_thread_exit(void *pools)
{
	(void)pools;
}
