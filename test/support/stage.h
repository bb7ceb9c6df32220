/* SPDX-License-Identifier: MIT */
/*
 * stage.h - an adaptive lock that two made-up threads sleep for, in a bucket of their own: what an unlock that visits it decides. The calling
 * thread stays on its CPU from then on.
 */
#ifndef TEST_STAGE_H
#define TEST_STAGE_H

#include "lib/sync/lockword_wait.h"
#include "test/support/crowd.h"

struct stage {
	struct crowd crowd;
	struct fsyi_lot lot;
	fsy_atomic_u32 word;
	uint8_t held, busy;
	uint16_t hint;
	struct fsyi_lockword lock;
};

/* Two sleepers: the eldest on this CPU, and one elsewhere, whom a thread that goes on running prefers. The lock is free; a turn is due, or never. */
void stage_set(struct stage *stage, bool due);
void stage_clear(struct stage *stage);

/* What is known of the lock: that looking pays, or that it is hopeless. It is known by address, so the next stage has it from this one. */
void stage_looks(struct stage *stage, bool paid);

/* For worker_start: releases the lock of the stage once somebody searches, and looks. */
void *stage_release(void *stage);

#endif
