/* SPDX-License-Identifier: MIT */
/*
 * lot.h - the parking lot's ground: buckets, queues, attention. lib/park/park.h is the way in.
 *
 * A lot is a fixed table of buckets; an address that threads wait for hashes to one of them. A
 * queue exists while somebody waits for its key, and its header is lent by a waiter (a
 * turnstile), so waiting allocates nothing and an 8-byte lock has per-node queues of any size.
 */
#ifndef FSYI_LOT_H
#define FSYI_LOT_H

#include <fastsync/lockword.h>
#include "../sys/thread.h"

/* The tail is the head's prev, so that a queue is one cache line, and another where there are nodes. */
struct fsyi_fifo {
	struct fsyi_thread *head;
};

/* Everything here is under the bucket lock of key. */
struct fsyi_waitq {
	const void *key;
	struct fsyi_waitq *chain;              /* the bucket's next queue, or the next spare header */
	struct fsyi_waitq *spares;             /* headers lent by the other waiters */
	struct fsyi_fifo all;                  /* by seniority */
	uint32_t count;
	bool armed;                            /* counted in the attention table */
	bool known;                            /* and whoever uses the object from now on reads it there */
	int64_t turn_at;                       /* when the eldest's turn has come */
	struct fsyi_fifo node[FSYI_NODE_QUEUES];
};

struct fsyi_bucket {
	fsy_atomic_u32 lock;                   /* 0 free, 1 held, 2 held and waited for */
	fsy_atomic_u32 crowd;                  /* where those sleep who are woken together; moves at each such wake */
	struct fsyi_waitq *queues;
	uint64_t tickets;                      /* seniority of the last arrival at any of them */
	fsy_atomic_i64 turn_hint;              /* the earliest turn_at of its queues, readable without the lock */
} __attribute__((aligned(FSY_CACHELINE)));

struct fsyi_lot {
	struct fsyi_bucket *buckets;
	uint32_t shift;                        /* attention slot >> shift = bucket: a slot's keys share one bucket lock */
};

extern struct fsyi_lot fsyi_lot;

struct fsyi_bucket *fsyi_lot_bucket(struct fsyi_lot *lot, const void *key);
void fsyi_bucket_lock(struct fsyi_bucket *bucket);
void fsyi_bucket_unlock(struct fsyi_bucket *bucket);

/* With the bucket locked. A queue that fsyi_queue_remove empties is gone when it returns. */
struct fsyi_waitq *fsyi_queue_find(struct fsyi_bucket *bucket, const void *key);
void fsyi_queue_insert(struct fsyi_bucket *bucket, struct fsyi_thread *self, bool again); /* its key, node and since are set */
void fsyi_queue_remove(struct fsyi_bucket *bucket, struct fsyi_thread *thread);

/* The waiter to serve next: of the preferred node (-1 = none) if one waits within a batch of the eldest, and among the first few
 * there one that fell asleep on the preferred CPU, or elsewhere. Nobody fits the CPU: NULL if strict, else the first. */
struct fsyi_preference {
	int node, cpu;
	bool elsewhere, strict;
};
struct fsyi_thread *fsyi_queue_pick(struct fsyi_waitq *queue, struct fsyi_preference preference);

/* A new turn begins now. */
void fsyi_queue_turn(struct fsyi_bucket *bucket, struct fsyi_waitq *queue, int64_t now);

/* Raises or lowers the attention byte of the queue's key. */
void fsyi_queue_arm(struct fsyi_waitq *queue);
void fsyi_queue_disarm(struct fsyi_waitq *queue);

/* From now on unlockers may use the plain store; membarrier must have been registered. */
void fsyi_lot_publish_attention(void);

/* In a forked child with one thread: every bucket is free and empty again. */
void fsyi_lot_fork_child(void);

/* For a record to be lent with: the size of a queue header. */
extern const size_t fsyi_waitq_size;

/* At rest: no queue, no attention. For tests. */
bool fsyi_lot_is_idle(struct fsyi_lot *lot);

#endif
