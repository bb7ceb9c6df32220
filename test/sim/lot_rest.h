/* SPDX-License-Identifier: MIT */
/* lot_rest.h - what must hold of the lot once everybody has left it: nobody queued, no bucket locked, no attention raised (I6, L5). */
#ifndef LOT_REST_H
#define LOT_REST_H

#include "scenario.h"
#include <fastsync/lockword.h>
#include <park/lot.h>

static inline void
lot_at_rest(void)
{
	const uint64_t *attention = (const uint64_t *)(const void *)fsy_attention_;

	for (unsigned i = 0; attention != NULL && i < (1u << FSY_ATTENTION_BITS_) / 8; i++)
		if (attention[i] != 0)
			sim_fail("an attention byte near %u is still raised", 8 * i);
	for (unsigned i = 0; i < (1u << FSY_ATTENTION_BITS_) >> fsyi_lot.shift; i++) {
		SIM_CHECK(fsyi_lot.buckets[i].queues == NULL);
		SIM_CHECK(fsyi_lot.buckets[i].lock.cell_ == 0);
	}
}

#endif
