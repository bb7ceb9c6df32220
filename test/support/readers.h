/* SPDX-License-Identifier: MIT */
/* readers.h - what tests of all locks that readers share have in common: the modes of readers, the settings that matter to them, and that no reader
 * waits for another. */
#ifndef TEST_READERS_H
#define TEST_READERS_H

#include <fastsync/time.h>
#include <stdbool.h>

enum readers_mode { READERS_COUNTED, READERS_FENCED, READERS_PLAINLY, READERS_JOINED, READERS_MODES };

/* This mode, or the nearest that this machine and these settings have. */
enum readers_mode readers_nearest(enum readers_mode mode);

/* For settings_main: counted alone, fenced, on many nodes. */
extern const char *const *const readers_settings[];

/* For child_assert_dies: each mode, and no membarrier; and in the child, which of them its environment asks for. */
extern const char *const *const readers_every_mode[];
enum readers_mode readers_mode_asked_for(void);

/* A lock in the hands of readers. enter: in the way-th of three ways; whether it has got in, which it must. */
struct readers_lock {
	void *lock;
	bool (*enter)(void *lock, int way);
	void (*leave)(void *lock);
};

/* Several threads hold it at the same time, come in each way in turn. Main thread only. */
void readers_meet(const struct readers_lock *lock);

#endif
