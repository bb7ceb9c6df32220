/* SPDX-License-Identifier: MIT */
/*
 * hook.h - how park and sync tell the observers what happened. Called on slow paths only, with no lock held. Each adds to
 * the calling thread's counters (none if it has no record) and to those of a watched object; object is an address, never read.
 */
#ifndef FSYI_HOOK_H
#define FSYI_HOOK_H

#include <stdbool.h>
#include <stdint.h>

/* The lock was taken on the slow path after wait_ns; and if it knows its last contended owner, whether that was on another node. */
void fsyi_count_contended(const void *object, int64_t wait_ns);
void fsyi_count_handover(const void *object, bool remote);
void fsyi_count_park(const void *object);
void fsyi_count_wake(const void *object);
void fsyi_count_membarrier(const void *object);

#endif
