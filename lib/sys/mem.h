/* SPDX-License-Identifier: MIT */
/* mem.h - pages for records and queues: from mmap, never malloc, never given back. */
#ifndef FSYI_MEM_H
#define FSYI_MEM_H

#include <stddef.h>

/* Zeroed memory, cache-line aligned, preferably on the node (dense number; -1 = no preference); NULL when there is none.
 * Small requests are cut from a page block of that node. Thread-safe without pthread or library locks. */
void *fsyi_mem_alloc(size_t size, int node);

#endif
