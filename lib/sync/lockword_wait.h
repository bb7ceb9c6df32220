/* SPDX-License-Identifier: MIT */
/* lockword_wait.h - between the parts of the adaptive lock: lockword.c and lockword_arrive.c (threads that are awake),
 * lockword_{queue,wake}.c (decisions under the bucket lock), lockword_hint.c (whom to wake), lockword_worth.c (how long to look). */
#ifndef FSYI_LOCKWORD_WAIT_H
#define FSYI_LOCKWORD_WAIT_H

#include "lockword.h"
#include "owner.h"
#include "../sys/fork.h"

/* How often threads look at the word that expect it to be free in a moment. */
enum { LOOK_NS = 100 };

/* Where a step of the slow path leads. SPUN: taken, after a moment's spin. */
enum lw_outcome { LW_TAKEN, LW_SPUN, LW_TIMEDOUT, LW_AGAIN };

/* One pass of one thread through the slow path. */
struct fsyi_waiting {
	const struct fsyi_lockword *lock;
	fsy_deadline_t deadline;
	int64_t start;
	bool searcher;                  /* has the role */
	bool fresh;                     /* got it in its sleep: keeps it, and its place in the queue, until it has had the lock */
	bool refused;                   /* could not execute the heavy fence, and came back */
	bool asked;                     /* for a turn, once */
	bool covered;                   /* parks while another thread has the role */
	bool timed;                     /* parks for a moment only: the role, or the heavy fence, cannot be trusted */
	bool awake;                     /* does not park here: gives up instead */
	bool placed;                    /* was woken, with a role or without, and keeps its place in the queue */
	unsigned int naps;              /* of those that are timed */
};

/* In a forked child a bar may have been set by a thread that the fork left behind, and is not respected. */
static inline bool
lw_takeable(uint32_t seen)
{
	return !(seen & LW_LOCKED) && (!(seen & LW_BARRED) || fsyi_fork_generation() > 0);
}

static inline uint32_t
lw_kind(const struct fsyi_lockword *lock)
{
	return lock->owner != NULL ? FSYI_KIND_POISON : FSYI_KIND_LOCK;
}

static inline bool
lw_take(struct fsyi_waiting *w, uint32_t *seen, uint32_t clear)
{
	return fsy_atomic_u32_cas_acq(w->lock->word, seen, (*seen & ~(LW_BARRED | clear)) | LW_LOCKED); /* A2 <- R1,R2,R3 */
}

/* The steps: a thread that found the lock taken; going to sleep. */
enum lw_outcome fsyi_lockword_arrive(struct fsyi_waiting *w);
enum lw_outcome fsyi_lockword_sleep(struct fsyi_waiting *w, const struct fsyi_park_op *op);

/* How an arrival, a searcher that spun in vain (for the first time, or after it was woken) and a searcher whose turn is over
 * go to sleep. */
extern const struct fsyi_park_op fsyi_park_arrival[2], fsyi_park_searcher, fsyi_park_loser, fsyi_park_turn;

/* fsyi_park of a lock word; in a forked child sleeps for a moment only, and then takes the searcher's role. */
enum fsyi_parked fsyi_lockword_park(struct fsyi_waiting *w, const struct fsyi_park_op *op);

/* The holder, just now the searcher, has the next unlock visit the lot unless a searcher turned up. */
void fsyi_lockword_arm(const struct fsyi_lockword *lock);

/* The searcher leaves without the lock (deadline): its role goes to the second, a sleeper, or nobody. */
void fsyi_lockword_abandon(const struct fsyi_lockword *lock);

/* Whom to wake. A thread that is about to sleep leaves its CPU; one that goes on running does not. Nobody fits: NULL if strict. */
struct fsyi_thread *fsyi_lockword_choose(struct fsyi_scene *scene, const struct fsyi_lockword *lock, bool leaving, bool strict);

/* Makes a sleeper the searcher, and asks the next unlock to come by, in case the owner is in its way. */
void fsyi_lockword_wake_searcher(struct fsyi_scene *scene, const struct fsyi_lockword *lock, struct fsyi_thread *sleeper);

/* By a thread that is about to sleep, and finds a searcher on its way: whether it has woken one more of those who were moved to the queue. */
bool fsyi_lockword_take_my_place(struct fsyi_scene *scene, const struct fsyi_lockword *lock, uint32_t seen);

/* The calling thread owns the lock: leaves its node behind, and returns it. What the last contended owner left; -1 = nothing. */
int fsyi_lockword_i_own(const struct fsyi_lockword *lock);
int fsyi_lockword_owner_node(const struct fsyi_lockword *lock);

/* What a waiter sees at a second look, and whether it comes often; and what that says of the lock. Pressed: whoever releases it wants it back at
 * once, so that it pays to keep it for a while, and to stay away from it meanwhile. */
void fsyi_lockword_sample(const struct fsyi_lockword *lock, bool locked, bool often, int64_t now);
bool fsyi_lockword_is_pressed(const struct fsyi_lockword *lock);

/* For how long the searcher of a pressed lock stays away first, in ns. */
int64_t fsyi_lockword_first_look_ns(const struct fsyi_lockword *lock);

/* How long a searcher should look before it sleeps, in ns, by what has paid lately; and what came of it, after how long: the lock, or nothing.
 * Vain: long looks are. Hopeless: short ones as well. */
bool fsyi_lockword_is_vain(const struct fsyi_lockword *lock);
bool fsyi_lockword_is_hopeless(const struct fsyi_lockword *lock);
int64_t fsyi_lockword_search_ns(const struct fsyi_lockword *lock);
void fsyi_lockword_note_search(const struct fsyi_lockword *lock, int64_t took, bool paid);

/* That somebody comes to it often; whether somebody did within the last milliseconds. */
void fsyi_lockword_note_fight(const struct fsyi_lockword *lock, int64_t now);
bool fsyi_lockword_is_fought_for(const struct fsyi_lockword *lock, int64_t now);

/* A thread that was woken for a lock finds it held, or not. Whether the wake-ups mostly come too late. */
bool fsyi_lockword_wakes_late(const struct fsyi_lockword *lock, bool held);

/* Instead of a sleep and a wake-up, if that has paid lately: lets others have this CPU, the holder perhaps. True: the lock is free. */
bool fsyi_lockword_let_run(const struct fsyi_lockword *lock, uint32_t *seen);

/* How long a searcher lets others barge, in ns: a multiple of what sections last, by what was left of those that it cut off from the next. */
int64_t fsyi_lockword_patience_ns(const struct fsyi_lockword *lock);
/* By the searcher, when it has the lock: how long that took after it had barred it. */
void fsyi_lockword_note_rest(const struct fsyi_lockword *lock, int64_t rest);

/* By who visits the lot after a release: the next holder is another one, of whom nothing is known. */
void fsyi_lockword_note_release(const struct fsyi_lockword *lock);

/* Of a searcher that waits for the calling thread's CPU: whether the lock may be barred for it; that it is; and, by the searcher, that it has it. */
bool fsyi_lockword_may_bar(const struct fsyi_lockword *lock, int64_t now);
void fsyi_lockword_i_bar(const struct fsyi_lockword *lock, int64_t now);
void fsyi_lockword_note_bar(const struct fsyi_lockword *lock, int64_t now);

/* The holder took the lock on this CPU, as far as is known: while the caller runs it does not, and is looked for in vain. */
bool fsyi_lockword_holder_waits_for_me(const struct fsyi_lockword *lock, uint32_t seen);

/* The calling thread searches from here on. */
void fsyi_lockword_i_search(const struct fsyi_lockword *lock);

/* The searcher was last seen on this CPU: while the caller runs, it does not. */
bool fsyi_lockword_searcher_waits_for_me(const struct fsyi_lockword *lock);

/* Whether the searcher should ask for a turn: because the last one is over, or because the lock has gone to another node. A
 * guess, without the bucket lock. */
bool fsyi_lockword_is_mixed(const struct fsyi_lockword *lock);
bool fsyi_lockword_may_turn(const struct fsyi_lockword *lock, int64_t now);

/* The lock was taken on the slow path: leaves the hint for the next choice, and counts. Spun: after a moment, and others are
 * waiting; what can be left out is. */
void fsyi_lockword_note(struct fsyi_waiting *w, bool spun);

#endif
