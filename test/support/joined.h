/* SPDX-License-Identifier: MIT */
/* joined.h - threads that have joined a rwmutex, so that its writers ask them. */
#ifndef TEST_JOINED_H
#define TEST_JOINED_H

#include <fastsync/rwmutex.h>
#include <pthread.h>
#include <stdbool.h>

/* Before each test, from its main thread: nothing is released or stopped. Whether the thread has a slot for that lock. */
bool joined_begin(fsy_rwmutex_t *rw);

/* Whether threads have lines at all: else readers are counted, and nobody joins. */
bool joined_possible(void);

/* Runs body(rw) in a thread, and waits until that has joined. */
pthread_t joined_start(void *(*body)(void *), fsy_rwmutex_t *rw);

/* The calling thread, of joined_start: joins rw and says so; says so only. */
void joined_here(fsy_rwmutex_t *rw);
void joined_tell(void);

/* Bodies. Silent: joins and waits for the release. Busy: joins and reads another lock until it is stopped. */
void *joined_silent(void *rw);
void *joined_busy(void *rw);

void joined_release(void);
void joined_wait_for_release(void);
void joined_stop(void);
bool joined_stopped(void);

/* Joins that thread, in pthread's sense, and asserts that no worker has failed. */
void joined_end(pthread_t thread);

#endif
