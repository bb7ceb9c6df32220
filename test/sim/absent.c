/* SPDX-License-Identifier: MIT */
/* absent.c - what neither of the simulated machines has (test/sim, test/cost): memory spread over real nodes, observers, and an environment that
 * would switch something off. */
#include <diag/hook.h>
#include <sys/mem.h>
#include <sys/tune.h>

void *
fsyi_mem_spread(size_t size, int nodes, size_t *stride)
{
	(void)size;
	(void)nodes;
	(void)stride;
	return NULL;
}

void
fsyi_mem_gather(void *memory, int nodes, size_t stride)
{
	(void)memory;
	(void)nodes;
	(void)stride;
}

void
fsyi_count_handover(const void *object, bool remote)
{
	(void)object;
	(void)remote;
}

void
fsyi_count_park(const void *object)
{
	(void)object;
}

void
fsyi_count_wake(const void *object)
{
	(void)object;
}

void
fsyi_count_membarrier(const void *object)
{
	(void)object;
}

bool
fsyi_switch_on(const char *variable)
{
	(void)variable;
	return true;
}
