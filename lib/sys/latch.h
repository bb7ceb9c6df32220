/* SPDX-License-Identifier: MIT */
/*
 * latch.h - a plain futex lock for what happens once per thread or less (the registry of records, the table of
 * watched locks). It carries the fork generation: held by a thread that a fork left behind, it is free. What it
 * protects must make sense after being abandoned half-way, or be rebuilt by fork recovery.
 */
#ifndef FSYI_LATCH_H
#define FSYI_LATCH_H

#include "fork.h"
#include "futex.h"

/* generation << 2 | (0 free, 1 held, 2 held and somebody may sleep) */
struct fsyi_latch {
	fsy_atomic_u32 word;
};

/* True: it was held by a thread that a fork left behind, perhaps half-way. */
static inline bool
fsyi_latch_lock(struct fsyi_latch *latch)
{
	uint32_t generation, seen, state = 1;

	fsyi_fork_check();
	generation = fsyi_fork_generation() << 2;
	seen = fsy_atomic_u32_load_rlx(&latch->word);
	for (;;) {
		if ((seen & 3) == 0 || (seen & ~3u) != generation) {
			if (fsy_atomic_u32_cas_acq(&latch->word, &seen, generation | state))
				return (seen & 3) != 0;
		} else if ((seen & 3) == 2 || fsy_atomic_u32_cas_rlx(&latch->word, &seen, generation | 2)) {
			fsyi_futex_wait(&latch->word, generation | 2, FSY_FOREVER);
			state = 2;               /* others may sleep too: whoever takes it now wakes one more */
			seen = fsy_atomic_u32_load_rlx(&latch->word);
		}
	}
}

/* For callers that may not wait. */
static inline bool
fsyi_latch_trylock(struct fsyi_latch *latch)
{
	uint32_t generation, seen;

	fsyi_fork_check();
	generation = fsyi_fork_generation() << 2;
	seen = fsy_atomic_u32_load_rlx(&latch->word);
	return ((seen & 3) == 0 || (seen & ~3u) != generation) && fsy_atomic_u32_cas_acq(&latch->word, &seen, generation | 1);
}

static inline void
fsyi_latch_unlock(struct fsyi_latch *latch)
{
	uint32_t old = fsy_atomic_u32_swap_rel(&latch->word, 0);

	if ((old & 3) == 2)
		fsyi_futex_wake(&latch->word, 1);
}

#endif
