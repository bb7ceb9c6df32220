/* SPDX-License-Identifier: MIT */
/* tune.h - the times of the lock word, for the scenarios of all that stands on it. */
#ifndef TUNE_H
#define TUNE_H

#include <stdint.h>
#include <sys/tune.h>

/* Short enough that a schedule of a few hundred steps sees every role; long waits occur through the clock. */
static inline void
tune(int64_t patience, int64_t spin, int64_t brief, int64_t turn)
{
	fsyi_tune.patience_ns = fsyi_tune.patience_max_ns = patience;
	fsyi_tune.spin_ns = spin;
	fsyi_tune.brief_spin_ns = brief;
	fsyi_tune.first_look_ns = 100;
	fsyi_tune.turn_min_ns = turn;
	fsyi_tune.turn_max_ns = 10 * turn;
	fsyi_tune.cycle_ns = turn;
	fsyi_tune.node_batch = 2;
}

#endif
