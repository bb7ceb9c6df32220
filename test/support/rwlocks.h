/* SPDX-License-Identifier: MIT */
/* rwlocks.h - what tests of the rwmutex share: its modes, where its threads sleep, what it looks like at rest. Main thread only where
 * cmocka's asserts are used. */
#ifndef TEST_RWLOCKS_H
#define TEST_RWLOCKS_H

#include "readers.h"

#include <fastsync/rwmutex.h>

/* A free lock in this mode, or in the nearest one that this machine and these settings have; which one it is. */
enum readers_mode rw_begin(fsy_rwmutex_t *rw, enum readers_mode mode);

/* Where readers queue; where a writer sleeps that waits for readers. */
const void *rw_readers_key(const fsy_rwmutex_t *rw);
const void *rw_drain_key(const fsy_rwmutex_t *rw);

/* How many slots name the lock; how many holds it counts. */
int rw_slots(const fsy_rwmutex_t *rw);
uint32_t rw_counted(const fsy_rwmutex_t *rw);

/* Nobody holds it or waits, and the lot is idle. */
bool rw_at_rest(const fsy_rwmutex_t *rw);
void assert_rw_at_rest(const fsy_rwmutex_t *rw);

/* The line of the calling thread is as if nobody had claimed anything in it. */
bool rw_line_is_calm(void);

#endif
