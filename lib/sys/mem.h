/* SPDX-License-Identifier: MIT */
/* mem.h - pages for records and queues: from mmap, never malloc, never given back. */
#ifndef FSYI_MEM_H
#define FSYI_MEM_H

#include <stddef.h>

/* Zeroed memory, cache-line aligned, preferably on the node (dense number; -1 = no preference); NULL when there is none.
 * Small requests are cut from a page block of that node. Thread-safe without pthread or library locks. */
void *fsyi_mem_alloc(size_t size, int node);

/* Zeroed pages that can be given back: room for size bytes for each of so many nodes, preferably there, *stride bytes apart. NULL when there are
 * none. Outside lock paths. */
void *fsyi_mem_spread(size_t size, int nodes, size_t *stride);
void fsyi_mem_gather(void *memory, int nodes, size_t stride);

#endif
