/* SPDX-License-Identifier: MIT */
/*
 * mem.c - pages that are never given back, but for those of fsyi_mem_spread. Each node has one block from which small requests are cut by an atomic
 * addition; who finds it used up puts a new one in its place. No lock: a child may be forked at any moment.
 */
#include "mem.h"
#include "kernel.h"
#include "topology.h"

#include <fastsync/atomic.h>
#include <linux/mempolicy.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define BLOCK_SIZE ((size_t)65536)
#define SMALL      (BLOCK_SIZE / 4)              /* larger requests get pages of their own */

/* All zero when it is fresh: nothing is written to pages that may go back at once. */
struct block {
	fsy_atomic_u64 used;                     /* behind the first cache line, which holds this; may pass ROOM: then the block is full */
};
#define ROOM (BLOCK_SIZE - FSY_CACHELINE)

static fsy_atomic_ptr current_block[FSYI_MAX_NODES + 1];   /* by node + 1; 0 is "no preference" */

static size_t
round_up(size_t size, size_t unit)
{
	return (size + unit - 1) & ~(unit - 1);
}

/* Preferred, not bound: a full or forbidden node costs locality, never the allocation. */
static void
prefer_node(void *pages, size_t size, int node)
{
	unsigned long mask[FSYI_MAX_NODES / 64] = { 0 };
	int kernel_node;

	if (node < 0 || fsyi_topology()->nodes == 1)
		return;
	kernel_node = fsyi_topology_kernel_node(node);
	if (kernel_node < 0 || kernel_node >= FSYI_MAX_NODES)
		return;
	mask[kernel_node / 64] = 1UL << (kernel_node % 64);
	/* Refused by seccomp, by a cpuset or for a node without memory: first touch then decides. The
	 * kernel takes the number of bits plus one. */
	fsyi_syscall(SYS_mbind, FSYI_ARG(pages), (long)size, MPOL_PREFERRED, FSYI_ARG(mask), FSYI_MAX_NODES + 1, 0);
}

static void *
map_pages(size_t size, int node)
{
	long result = fsyi_syscall(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *pages = (void *)(uintptr_t)result;

	if (result < 0 && result > -4096)
		return NULL;
	prefer_node(pages, size, node);
	return pages;
}

static char *
cut(struct block *block, size_t size)
{
	uint64_t at;

	if (block == NULL || fsy_atomic_u64_load_rlx(&block->used) + size > ROOM)
		return NULL;
	at = fsy_atomic_u64_add_rlx(&block->used, size);
	return at + size <= ROOM ? (char *)block + FSY_CACHELINE + at : NULL;
}

void *
fsyi_mem_alloc(size_t size, int node)
{
	fsy_atomic_ptr *slot;

	if (node < -1 || node >= FSYI_MAX_NODES)
		node = -1;
	if (size > SMALL)
		return size > SIZE_MAX - 4096 ? NULL : map_pages(round_up(size, 4096), node);
	size = size == 0 ? FSY_CACHELINE : round_up(size, FSY_CACHELINE);
	slot = &current_block[node + 1];
	for (;;) {
		struct block *block = fsy_atomic_ptr_load_acq(slot);
		void *seen = block;
		struct block *fresh;
		char *piece = cut(block, size);

		if (piece != NULL)
			return piece;
		fresh = map_pages(BLOCK_SIZE, node);
		if (fresh == NULL)
			return NULL;
		if (!fsy_atomic_ptr_cas_acqrel(slot, &seen, fresh))
			fsyi_syscall(SYS_munmap, FSYI_ARG(fresh), BLOCK_SIZE, 0, 0, 0, 0);   /* somebody was faster */
	}
}

/* A policy is for whole pages, however large they are here. */
void *
fsyi_mem_spread(size_t size, int nodes, size_t *stride)
{
	char *pages;

	if (size > SIZE_MAX / 4 / (size_t)nodes)
		return NULL;
	*stride = round_up(size, (size_t)getauxval(AT_PAGESZ));
	pages = map_pages(*stride * (size_t)nodes, -1);
	for (int node = 0; pages != NULL && node < nodes; node++)
		prefer_node(pages + (size_t)node * *stride, *stride, node);
	return pages;
}

void
fsyi_mem_gather(void *memory, int nodes, size_t stride)
{
	fsyi_syscall(SYS_munmap, FSYI_ARG(memory), (long)(stride * (size_t)nodes), 0, 0, 0, 0);
}
