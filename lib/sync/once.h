/* SPDX-License-Identifier: MIT */
/* once.h - between the two parts of once: once.c (the run, and what becomes of it) and once_wait.c (waiting and waking). */
#ifndef FSYI_ONCE_H
#define FSYI_ONCE_H

#include <fastsync/once.h>
#include "../park/wait.h"
#include "../sys/fork.h"

/* The word. DONE stands alone; beside RUNNING stand who runs, and in which generation of forks. */
#define ONCE_RUNNING    UINT64_C(0x01)
#define ONCE_DONE       FSY_ONCE_DONE_
#define ONCE_WAITED     UINT64_C(0x04)
#define ONCE_POISONED   UINT64_C(0x08)           /* with RUNNING: a run that was forced */
#define ONCE_GENERATION UINT64_C(0xffffff00)
enum { ONCE_GENERATION_SHIFT = 8, ONCE_OWNER_SHIFT = 32 };

/* What a waiter waits for: its kind in the lot, which says whether a wake is its business. */
enum once_kind {
	ONCE_RUN = 0x20,        /* a run that succeeds; after one that fails it runs its own function */
	ONCE_FORCE,             /* the same, poison or not */
	ONCE_WATCH,             /* a run that succeeds, or poison */
	ONCE_WATCH_FORCE,       /* a run that succeeds */
};

static inline uint64_t
once_generation(void)
{
	return (uint64_t)fsyi_fork_generation() << ONCE_GENERATION_SHIFT & ONCE_GENERATION;
}

/* Somebody runs it who is still there. */
static inline bool
once_is_running(uint64_t seen)
{
	return (seen & ONCE_RUNNING) && (seen & ONCE_GENERATION) == once_generation();
}

/* Waits until o is something that a waiter of this kind does not wait for: FSYI_WAIT_OVER. FSYI_WAIT_GIVEN: the run is the
 * caller's, and nobody stands in the word as its owner. */
enum fsyi_waited fsyi_once_wait(fsy_once_t *o, enum once_kind kind, fsy_deadline_t deadline);

/* A run has failed, and others wait: the eldest who may have it gets it, or the word becomes what is left of it. */
void fsyi_once_pass_on(fsy_once_t *o, uint64_t mine, bool poisons);

/* Wakes all who wait. o is an address; what is there may be gone. */
void fsyi_once_wake(const fsy_once_t *o);

/*
 * fsy_once_try and fsy_once_call of a function that makes a value, and another that stores it: store(arg) runs after a good run of fn, and only
 * while that run is still the caller's, which nobody can take over meanwhile. fn may fork; store does nothing but store.
 */
int fsyi_once_try(fsy_once_t *o, int (*fn)(void *arg), void (*store)(void *arg), void *arg);
int fsyi_once_call(fsy_once_t *o, int (*fn)(void *arg), void (*store)(void *arg), void *arg);

/* The same of fsy_once_node_try, for a node of the caller's choice. */
int fsyi_once_node_try(fsy_once_node_t *o, int node, int (*fn)(int node, void *arg), void (*store)(int node, void *arg), void *arg);

#endif
