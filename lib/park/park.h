/* SPDX-License-Identifier: MIT */
/*
 * park.h - the only room where a thread sleeps: until somebody unparks the address it waits for.
 *
 * Decisions are made by the caller's functions, which run under the bucket lock of the key: they may read and write the
 * caller's own state word, call the fsyi_queue_ functions of lot.h, and nothing else (no wait, no system call, no
 * allocation). What they decided takes effect atomically for everybody who parks or unparks there.
 */
#ifndef FSYI_PARK_H
#define FSYI_PARK_H

#include <fastsync/time.h>
#include "lot.h"

/* Why a sleeper was woken; the meaning is the caller's, the names are the field's. */
enum fsyi_token {
	FSYI_TOKEN_NONE,
	FSYI_TOKEN_NORMAL,    /* look again: for a lock, you are the searcher now */
	FSYI_TOKEN_HANDOFF,   /* what you waited for is yours */
	FSYI_TOKEN_AGAIN,     /* look again, like one that has just come */
};

enum fsyi_parked {
	FSYI_UNPARKED_NORMAL, /* slept, and was woken with the token of that name */
	FSYI_UNPARKED_HANDOFF,
	FSYI_UNPARKED_AGAIN,
	FSYI_PARK_INVALID,    /* validate or confirm said no: did not sleep */
	FSYI_PARK_TIMEDOUT,   /* the deadline came first; in no queue any more */
	FSYI_PARK_NO_RECORD,  /* no memory for a thread record: wait some other way */
};

/* What a decision has to go by, and where it puts its result. */
struct fsyi_scene {
	const void *key;
	struct fsyi_bucket *bucket;     /* locked */
	struct fsyi_waitq *queue;       /* of the key; NULL if nobody waits */
	struct fsyi_thread *wake;       /* out: a waiter that fsyi_scene_wake took from the queue */
	struct fsyi_thread *rest;       /* out: the waiters that fsyi_scene_wake_all took from the queue */
	bool asleep, crowd;             /* out: it sleeps in the kernel; in the crowd of the bucket */
	bool here;                      /* out: it fell asleep on the CPU of the one who wakes it */
	int64_t now;                    /* 0 in scenes whose maker has no use for it */
};

/* Takes thread from the queue and has it woken with token once the bucket lock is dropped. At most one per scene. The
 * word must already say what the thread will find: it may run before this returns. Sets queue to NULL if it was the last. */
void fsyi_scene_wake(struct fsyi_scene *scene, struct fsyi_thread *thread, enum fsyi_token token);

/* The same for all waiters of that kind (0: of any), eldest first, in any number; how many. They run once the lock is dropped.
 * Again in the same scene for another kind: those follow. */
uint32_t fsyi_scene_wake_all(struct fsyi_scene *scene, uint32_t kind, enum fsyi_token token);

/* With the buckets of both locked: takes thread from one queue and puts it at the end of another, as that kind. Its wait goes on there:
 * whoever wakes it there decides with which token. */
void fsyi_scene_move(struct fsyi_scene *from, struct fsyi_scene *to, struct fsyi_thread *thread, uint32_t kind);

/* Ways to park. */
enum {
	FSYI_PARK_AGAIN = 1,  /* was woken, and came too late: keeps its place in the queue */
	FSYI_PARK_MOVES = 2,  /* a move to another key is what it waits for: from then on it has no deadline */
	FSYI_PARK_LINGERS = 4, /* may be answered at once: looks for a moment before it sleeps */
	FSYI_PARK_CROWD = 8,  /* is woken with all others: one system call does for them, and may disturb its neighbours. Not with MOVES */
	FSYI_PARK_CANCELLABLE = 16, /* its sleep is a cancellation point. Not with CROWD; see fsyi_park_break_off */
};

struct fsyi_park_op {
	/* Before the thread is queued: false = do not park. */
	bool (*validate)(struct fsyi_scene *scene, void *arg);
	/* NULL, or: after it is queued (scene->queue is its queue). */
	void (*queued)(struct fsyi_scene *scene, void *arg);
	/* NULL, or: no lock held, before it sleeps; false = come back. Here a heavy fence and one more look belong. */
	bool (*confirm)(void *arg);
	/* After it left without having been woken (deadline, confirm); scene->queue is what remains. */
	void (*left)(struct fsyi_scene *scene, void *arg);
	unsigned int ways;              /* any of those above */
};

enum fsyi_parked fsyi_park(struct fsyi_lot *lot, const void *key, uint32_t kind, const struct fsyi_park_op *op,
			   void *arg, fsy_deadline_t deadline);

/*
 * For the cleanup handler of a thread whose cancellable park a cancellation has left, with the same arguments. It leaves the queue
 * (FSYI_PARK_TIMEDOUT); or it had been woken by then, or moved, and this ends as the park would have, however long that takes. Its
 * handler must stand around the park, and nothing that it passes on the way out may rely on being returned to.
 */
enum fsyi_parked fsyi_park_break_off(struct fsyi_lot *lot, const void *key, const struct fsyi_park_op *op, void *arg);

/* Of a queued thread, under its bucket lock: whether it sleeps in the kernel, or still looks whether it must. */
bool fsyi_is_asleep(const struct fsyi_thread *thread);

/* Runs visit with the bucket of key locked, then wakes whom it chose. */
void fsyi_visit(struct fsyi_lot *lot, const void *key, void (*visit)(struct fsyi_scene *scene, void *arg), void *arg);

/* The same for two addresses: other names the second by what it sees at key, and visit runs with both buckets locked (it wakes in the
 * scene of target). other returns NULL: there is no second, and target is NULL. */
void fsyi_visit_two(struct fsyi_lot *lot, const void *key, const void *(*other)(const struct fsyi_scene *scene, void *arg),
		    void (*visit)(struct fsyi_scene *scene, struct fsyi_scene *target, void *arg), void *arg);

/* The ends of a visit, for those who lock more than one bucket. */
struct fsyi_scene fsyi_scene_enter(struct fsyi_lot *lot, const void *key, int64_t now);
void fsyi_scene_leave(struct fsyi_scene *scene);

/* The plain doors, for callers whose decision is made: wake the eldest (true if there was one), all who wait at the time of the call
 * (how many), or move all but the first wake waiters from one key to another (how many were moved). */
bool fsyi_unpark_one(struct fsyi_lot *lot, const void *key, enum fsyi_token token);
uint32_t fsyi_unpark_all(struct fsyi_lot *lot, const void *key, enum fsyi_token token);
uint32_t fsyi_requeue(struct fsyi_lot *lot, const void *from, const void *to, uint32_t kind, uint32_t wake);

/* The first key, bucket by bucket from *bucket on, of whose waiters match accepts the eldest; NULL if there is none. match runs under
 * the bucket lock, like any decision. To look on from there, call it again. */
const void *fsyi_park_find(struct fsyi_lot *lot, uint32_t *bucket, bool (*match)(const struct fsyi_thread *eldest, void *arg),
			   void *arg);

/* Calls show for every parked thread, bucket by bucket under its lock: for debuggers and tests. */
void fsyi_park_each(struct fsyi_lot *lot, void (*show)(const struct fsyi_thread *thread, void *arg), void *arg);

#endif
