/* SPDX-License-Identifier: MIT */
/* readers.c - see readers.h. */
#include "readers.h"
#include "gate.h"
#include "lib/sync/readers_line.h"
#include "worker.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MODE "TEST_READERS_MODE="

static const char *const off[] = { "FASTSYNC_READERS=off", NULL };
static const char *const no_membarrier[] = { "FASTSYNC_MEMBARRIER=off", NULL };
static const char *const nodes[] = { "FASTSYNC_TOPOLOGY=8", NULL };
static const char *const counted[] = { MODE "0", NULL };
static const char *const fenced[] = { MODE "1", NULL };
static const char *const plainly[] = { MODE "2", NULL };
static const char *const joined[] = { MODE "3", NULL };

const char *const *const readers_settings[] = { off, no_membarrier, nodes, NULL };
const char *const *const readers_every_mode[] = { counted, fenced, plainly, joined, no_membarrier, NULL };

enum readers_mode
readers_mode_asked_for(void)
{
	const char *mode = getenv("TEST_READERS_MODE");

	return mode == NULL ? READERS_COUNTED : (enum readers_mode)atoi(mode);
}

enum readers_mode
readers_nearest(enum readers_mode mode)
{
	if (!fsyi_readers_enabled())
		return READERS_COUNTED;
	return mode > READERS_FENCED && !FSY_ASYMMETRIC_ ? READERS_FENCED : mode;
}

enum { READERS = 6, WAYS = 3 };
static struct gate all_inside = GATE("all readers are inside");

static void *
meet_inside(void *arg)
{
	const struct readers_lock *lock = arg;

	for (int way = 0; way < WAYS; way++) {
		W_CHECK(lock->enter(lock->lock, way));
		gate_meet(&all_inside, READERS);         /* returns only if none of them waits for another */
		lock->leave(lock->lock);
		gate_meet(&all_inside, READERS);
	}
	return NULL;
}

void
readers_meet(const struct readers_lock *lock)
{
	pthread_t threads[READERS];

	for (int i = 0; i < READERS; i++)
		threads[i] = worker_start(meet_inside, (void *)(uintptr_t)lock);
	for (int i = 0; i < READERS; i++)
		worker_join(threads[i]);
	workers_assert();
}
