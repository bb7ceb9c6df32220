/* SPDX-License-Identifier: MIT */
/* mem.h - pages for records and queues: from mmap, never malloc, never given back. */
#ifndef FSYI_MEM_H
#define FSYI_MEM_H

#include <stddef.h>

/* Zeroed memory, cache-line aligned, preferably on the node (dense number; -1 = no preference); NULL when there is none.
 * Small requests are cut from a page block of that node. Thread-safe without pthread or library locks. */
void *fsyi_mem_alloc(size_t size, int node);

/* Zeroed memory that can be given back: size bytes for each of so many nodes, preferably on it, *stride bytes apart; whole pages each where
 * nodes are real, else closely packed, aligned to twice a cache line. NULL when there is none, which can also be given back. Outside lock paths. */
void *fsyi_mem_spread(size_t size, int nodes, size_t *stride);
void fsyi_mem_gather(void *memory, int nodes, size_t stride);

#endif
