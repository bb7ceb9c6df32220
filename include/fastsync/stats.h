/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what the slow paths did. The uncontended paths count nothing.
 */
#ifndef FASTSYNC_STATS_H
#define FASTSYNC_STATS_H

#include <fastsync/base.h>

FSY_BEGIN_DECLS

typedef struct fsy_stats {
	uint64_t contended;        /* acquisitions that entered the slow path */
	uint64_t parks;            /* times a thread went to sleep */
	uint64_t wakes;            /* futex wake calls */
	uint64_t handovers_local;  /* contended acquisitions of a mutex after an owner of the same node, or a moment's spin */
	uint64_t handovers_remote; /* ... of another node */
	uint64_t membarriers;      /* heavy fences paid by threads about to sleep */
	uint64_t longest_wait_ns;  /* longest contended wait */
} fsy_stats_t;

/* Sums over all threads, ended ones included, since start or the last fsy_stats_reset. object
 * NULL: the whole process; else a lock given to fsy_stats_watch, FSY_EINVAL if it was not.
 * Values are a snapshot without a stop of the world. Does not block or allocate. */
FSY_API int fsy_stats_get(const void *object, fsy_stats_t *stats);
FSY_API void fsy_stats_reset(void);

/* Count for this lock separately from now on (at most 64 at a time: FSY_EAGAIN), or no longer. */
FSY_API int fsy_stats_watch(const void *object);
FSY_API void fsy_stats_unwatch(const void *object);

/* Puts the calling thread on a (virtual) NUMA node, for tests and benchmarks; -1 returns to the
 * machine's answer. FSY_EINVAL if the topology in use has no such node. */
FSY_API int fsy_thread_set_node(int node);

/* Number of nodes in the topology in use (real, or faked by FASTSYNC_TOPOLOGY). */
FSY_API int fsy_node_count(void);

FSY_END_DECLS

#endif
