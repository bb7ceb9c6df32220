/* SPDX-License-Identifier: MIT */
/*
 * cond_case.h - what the scenarios of the condition variable share: two of them on one mutex, threads that wait and one that tells.
 */
#ifndef COND_CASE_H
#define COND_CASE_H

#include "mutex_case.h"
#include <fastsync/cond.h>

static fsy_cond_t conds[1 << 12], *c, *c2;
static fsy_mutex_t second_lock;
static fsy_atomic_u32 back;
static int waiting, woken, flag, note;

/* The buckets of cond and mutex are one, or are locked in either order. */
static inline fsy_cond_t *
some_cond(int from)
{
	const struct fsyi_bucket *of_lock = fsyi_lot_bucket(&fsyi_lot, &lock.word_), *of_cond;
	int relation = (int)sim_random(3) - 1;

	for (int i = from; i < (int)(sizeof(conds) / sizeof(conds[0])) - 1; i += 2) {
		of_cond = fsyi_lot_bucket(&fsyi_lot, &conds[i].word_);
		if ((of_cond > of_lock) - (of_cond < of_lock) == relation)
			return &conds[i];
	}
	return &conds[from];
}

static inline void
setup_cond(void)
{
	setup();
	c = some_cond(0);
	c2 = some_cond(1);
	c->word_.cell_ = c2->word_.cell_ = 0;
	sim_name(c, sizeof(*c), "cond");
	sim_name(c2, sizeof(*c2), "other cond");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, c)->lock, 4, "cond's bucket");
	fsyi_tune.linger_ns = sim_random(2) == 0 ? 0 : 200;
	fsyi_tune.fence_max_ns = sim_random(2) == 0 ? -1 : 1000000;
	back.cell_ = 0;
	memset(&second_lock, 0, sizeof(second_lock));
	waiting = woken = flag = note = 0;
	lock.busy_ = (uint8_t)(sim_random(4) == 0 ? 255 : 0);
}

static inline void
cond_at_rest(void)
{
	at_rest();
	SIM_CHECK(c->word_.cell_ == 0 && c2->word_.cell_ == 0 && second_lock.word_.cell_ == 0);
}

/* Signals, or broadcasts, before or after the unlock. */
static inline void
tell_and_unlock(fsy_cond_t *whom, bool all)
{
	bool after = sim_random(2) == 0;

	if (after)
		fsy_mutex_unlock(&lock);
	if (all)
		fsy_cond_broadcast(whom);
	else
		fsy_cond_signal(whom);
	if (!after)
		fsy_mutex_unlock(&lock);
}

static inline void
await_waiters(int count)
{
	for (;;) {
		fsy_mutex_lock(&lock);
		if (waiting >= count)
			return;
		fsy_mutex_unlock(&lock);
		sim_yield();
	}
}

#define COND(name, threads, body, check, flags, bound)                                                        \
	{ "cond/" name "/tso", threads, setup_cond, body, check, SIM_TSO | (flags), bound },                     \
	{ "cond/" name "/no-membarrier", threads, setup_cond, body, check, SIM_TSO | SIM_NO_MEMBARRIER | (flags), bound }
#define LOSES(name, threads, body, check) \
	{ "cond/" name "/loses-membarrier", threads, setup_cond, body, check, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 }

#endif
