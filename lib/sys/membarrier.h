/* SPDX-License-Identifier: MIT */
/*
 * membarrier.h - asymmetric fences.
 *
 *              light            heavy            light = compiler barrier, where the fast path is
 *   light      no order         ordered          heavy = membarrier(PRIVATE_EXPEDITED), a full barrier
 *   heavy      ordered          ordered                  in every running thread of the process
 *
 * A store-buffering pair (store x; light; load y) against (store y; heavy; load x) cannot read 0 twice.
 */
#ifndef FSYI_MEMBARRIER_H
#define FSYI_MEMBARRIER_H

#include <stdbool.h>

/* Registers the process; false if the kernel or a seccomp filter refuses, or FASTSYNC_MEMBARRIER=off. Once per
 * process; a forked child of a registered process registers again. */
bool fsyi_membarrier_init(void);
void fsyi_membarrier_fork_child(void);

/* Only after fsyi_membarrier_init() returned true. ~0.1 us alone, ~12 us with other CPUs running (VM), 1-3 us on metal.
 * False: not executed, because a seccomp filter installed since refuses it; the caller may then sleep only
 * with timed re-checks. */
bool fsyi_membarrier(void);

/* Whether that has happened. */
bool fsyi_membarrier_lost(void);

#endif
