/* SPDX-License-Identifier: MIT */
/*
 * thread.h - one record per thread that ever waited: node-local, reused after the thread's
 * exit, never unmapped, so that a late wake or a late look can at worst be spurious.
 */
#ifndef FSYI_THREAD_H
#define FSYI_THREAD_H

#include <fastsync/atomic.h>
#include <fastsync/stats.h>

/* Node FIFOs per queue; topologies with more nodes share them modulo this. */
#define FSYI_NODE_QUEUES 16

/* Supplied by lib/park, so that a record and its spare queue header are one allocation. Zero-filled memory
 * is an unused header. */
struct fsyi_waitq;
struct fsyi_lockword;
extern const size_t fsyi_waitq_size;

struct fsyi_thread {
	/* What a waker writes: a line of its own. */
	fsy_atomic_u32 park __attribute__((aligned(FSY_CACHELINE))); /* 0 awake, 1 queued, 2 asleep */
	uint32_t token;                        /* why it was woken; written under the bucket lock */

	/* The thread's place in a queue: under the bucket lock of key. */
	struct fsyi_thread *next, *prev;       /* global FIFO */
	struct fsyi_thread *node_next, *node_prev;
	struct fsyi_waitq *queue;              /* the queue it stands in, or NULL */
	fsy_atomic_ptr key;                    /* written under the bucket locks of the old and the new; read without by its owner */
	uint64_t seniority;                    /* place in line; smaller is elder */
	int64_t since;                         /* when the wait began */
	int64_t turn_at;                       /* the turn of the queue it left */
	uint16_t node, cpu;                    /* where it fell asleep */
	uint32_t kind;                         /* what it waits for: the caller's business */
	bool lost;                             /* was woken before, and came too late */
	bool moved;                            /* it came from another queue */
	const struct fsyi_lockword *relock;    /* in a cond's queue, or moved from there: the lock it will take again */
	const fsy_atomic_u32 *relock_word;     /* and its word: who asks only for that need not read the waiter's stack */

	/* A queue header to donate: whoever waits first for a key lends its own (turnstiles). */
	struct fsyi_waitq *spare;

	/* The thread's own, and eight bytes that nobody else writes in: the grain by which relacy looks for races. */
	int16_t virtual_node;                  /* fsy_thread_set_node, -1 = none */
	uint16_t arrivals;                     /* at locks in use: some of them are sampled */
	uint16_t linger_skip, linger_vain;     /* waits to go before it lingers again; and how many that was last time */
	const void *sampled;                   /* the lock in use at which it was last due to be sampled, when, */
	int64_t sampled_at;
	bool often;                            /* and whether it had come to it often since the time before */
	uint8_t doubts;                        /* how many pressed locks it has found free */
	fsy_stats_t stats;                     /* written by the owner through lib/diag/hook.h, read by anyone */
	uint32_t stats_epoch;                  /* which reset stats.longest_wait_ns belongs to */
	void *pools;                           /* lib/data's, which hears of the thread's end */

	struct fsy_reader_ *reader;            /* its line, once it has read under a lock; stays with the record */

	/* The registry. */
	int home;                              /* node of the record's memory */
	struct fsyi_thread *registered_next;   /* all records ever made, newest first; immutable */
	struct fsyi_thread *free_next;         /* records without a thread */
};

/* The calling thread's record if it has one, without making one; may be stale in a forked child, so a hint only. */
extern __thread struct fsyi_thread *fsyi_thread_current __attribute__((tls_model("initial-exec")));

/* The calling thread's record; NULL if none can be had (no memory, or this thread's destructors have run and
 * its record is gone): the caller then waits by timed re-checks. Allocates at most once per thread, from node-local pages,
 * together with its spare waitq. */
struct fsyi_thread *fsyi_thread_self(void);

/* The calling thread's number, which no other thread has while it lives; never 0, below 2^22. A system call: for slow paths. */
uint32_t fsyi_thread_id(void);

/* Starts a detached thread that calls run(arg), and then end(arg) however run has ended: by returning, pthread_exit or cancellation. 0, or
 * the error of pthread_create. Not for lock paths: it allocates. The errand must live until end is called. */
struct fsyi_errand {
	void (*run)(void *arg);
	void (*end)(void *arg);
	void *arg;
};
int fsyi_thread_start(struct fsyi_errand *errand);

/* Supplied by lib/data: the calling thread, which had these pools, ends. Later destructors may still come with objects. */
void fsyi_pool_thread_exit(void *pools);

/* Supplied by lib/sync: the thread's destructors run, in rounds. False: something is left to do that had better be done in the last. */
bool fsyi_owner_leaves(bool last_round);
/* Supplied by lib/sync: the thread of this record ends. */
void fsyi_reader_exit(struct fsyi_thread *thread);

/* Supplied by lib/sync: the thread's destructors run, in rounds. False: something is left to do that had better be done in the last. */
bool fsyi_fair_leaves(bool last_round);

/* Calls visit for every record ever made, in no order, without a lock. */
void fsyi_thread_each(void (*visit)(struct fsyi_thread *thread, void *arg), void *arg);

#endif
