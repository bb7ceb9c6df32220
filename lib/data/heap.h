/* SPDX-License-Identifier: MIT */
/* heap.h - memory from malloc and its kin. They may set errno, which the library's callers keep; nothing else is different. */
#ifndef FSYI_HEAP_H
#define FSYI_HEAP_H

#include <errno.h>
#include <stdlib.h>

static inline void *
fsyi_heap_kept(void *memory, int before)
{
	if (errno != before)
		errno = before;
	return memory;
}

static inline void *
fsyi_heap(size_t size)
{
	int before = errno;

	return fsyi_heap_kept(malloc(size), before);
}

static inline void *
fsyi_heap_zeroed(size_t count, size_t size)
{
	int before = errno;

	return fsyi_heap_kept(calloc(count, size), before);
}

static inline void *
fsyi_heap_aligned(size_t alignment, size_t size)
{
	int before = errno;

	return fsyi_heap_kept(aligned_alloc(alignment, size), before);
}

#endif
