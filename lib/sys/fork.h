/* SPDX-License-Identifier: MIT */
/*
 * fork.h - noticing that this process is a forked child.
 *
 * A page marked MADV_WIPEONFORK holds a nonzero word; in a child it reads zero, whether the child
 * was made by fork, _Fork or clone. Slow paths look at it; the first to see zero calls every recovery function
 * once, while the child still has one thread, and sets the word again. Where the kernel has no
 * MADV_WIPEONFORK, or says so and has not, pthread_atfork does the same for fork alone. Which of them it is
 * a second word of that page tells, which is never set again.
 */
#ifndef FSYI_FORK_H
#define FSYI_FORK_H

#include <stdbool.h>
#include <stdint.h>
#include <fastsync/atomic.h>

/* Recovers if this is a child that has not yet done so. Called at the head of every slow path; one load otherwise. */
void fsyi_fork_check(void);

/* How many forks lie between the first process and this one; 0 in the first. */
#ifdef FSYI_MACHINE
uint32_t fsyi_fork_generation(void);             /* nothing to be scheduled */
#else
extern fsy_atomic_u32 fsyi_forks;

static inline uint32_t
fsyi_fork_generation(void)
{
	return fsy_atomic_u32_load_rlx(&fsyi_forks);
}
#endif

/*
 * What recovery calls, in this order, after registering membarrier again. They run while no other thread of the child is past
 * fsyi_fork_check(), and must not call it. The lot forgets every waiter and every queue header; then each record
 * gets an empty queue header again, and records of other threads are free for reuse; then readers' slots of other threads are cleared, and their
 * attempts at locks that the forking thread holds forgotten.
 */
void fsyi_lot_fork_child(void);                  /* supplied by lib/park */
void fsyi_thread_fork_child(void);
void fsyi_owner_fork_child(bool alone);          /* supplied by lib/sync; alone: no thread but the forking one has come by */
void fsyi_reader_fork_child(bool alone);         /* supplied by lib/sync; alone: in the forking thread */
void fsyi_fair_fork_child(bool alone);
bool fsyi_fair_holds_any(void);                  /* whether the calling thread writes under a fair rwlock */
bool fsyi_reader_any(void);                      /* whether any thread has ever had a line */

#endif
