/* SPDX-License-Identifier: MIT */
/*
 * wait.c - waiting on a word: look for a moment, then park.
 *
 * WORD    the caller's. A bit of it, or a value, says that somebody waits.
 * STATES  looking -> parked -> over (pending said no) | given (token HANDOFF) | timed out
 * INVARIANTS
 *         W1  whoever is parked has seen, under the bucket lock, a word that says wait, and left its mark there. A change by
 *             fsyi_word_release is made under the same lock; one that is followed by fsyi_word_wake_* finds the mark in the value it
 *             replaces, and then the waiter in the queue. Either way nobody sleeps on a word that has changed.
 *         W2  a waiter with token HANDOFF does not look at the word again.
 *         W3  FSYI_WAIT_TIMEDOUT comes from a look after the deadline, or from leaving the queue after it.
 * ORDER   B1 -> B2 of lot.c between enlist and the waker; K1, K3 -> K2 of park.c publish what came before a release. Who returns because
 *         pending said no is ordered by what pending loads.
 * FAIRNESS all are woken at once. Of those that one wake each is meant for (fsyi_word_wake_one) the eldest is first, and keeps its
 *         place if it was woken in vain.
 * LIFETIME the change of fsyi_word_release, or whatever the caller did before fsyi_word_wake_*, is the waker's last access.
 * WRONG WAYS  letting a waiter that was woken by the address alone believe that its wait is over: the wake may be late, and meant for an
 *         object that lived here before. Waking more than one kind: whoever waits for a lock takes a wake for an office.
 */
#include "wait.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/futex.h"
#include "../sys/membarrier.h"
#include "../sys/tune.h"

/* How long a waiter goes without a look that relies on nobody, at first, and how often that doubles; and how long one without a record does. */
enum { TIMED_NAP_NS = 10000000, TIMED_NAP_DOUBLINGS = 7, RECORDLESS_NAP_NS = 1000000, LONGEST_BACKOFF = 32 };

struct wait {
	const struct fsyi_word_op *op;
	void *arg;
};

static bool
validate(struct fsyi_scene *scene, void *arg)
{
	struct wait *wait = (struct wait *)arg;

	return wait->op->enlist(scene, wait->arg);
}

static void
left(struct fsyi_scene *scene, void *arg)
{
	struct wait *wait = (struct wait *)arg;

	if (wait->op->left != NULL)
		wait->op->left(scene, wait->arg);
}

/* By whether the thread has been woken in vain, and whether it sleeps in the crowd. */
static const struct fsyi_park_op park_ops[2][2] = {
	{ { validate, NULL, NULL, left, 0 }, { validate, NULL, NULL, left, FSYI_PARK_CROWD } },
	{ { validate, NULL, NULL, left, FSYI_PARK_AGAIN }, { validate, NULL, NULL, left, FSYI_PARK_AGAIN | FSYI_PARK_CROWD } },
};

/* Looks for a moment, ever less often. True: it is over. */
static bool
look(const struct wait *wait, fsy_deadline_t deadline)
{
	int64_t now = fsyi_now(), give_up = now + fsyi_tune.brief_spin_ns;
	int backoff = 1;

	if (!wait->op->pending(wait->arg))
		return true;
	while (now < give_up && now < deadline && fsyi_cpu_count() > 1) {
		for (int pause = 0; pause < backoff; pause++)
			fsyi_relax();
		if (backoff < LONGEST_BACKOFF)
			backoff *= 2;
		if (!wait->op->pending(wait->arg))
			return true;
		now = fsyi_now();
	}
	return false;
}

fsy_deadline_t
fsyi_word_timed_nap(unsigned int *naps)
{
	unsigned int doublings = fsyi_membarrier_lost() ? 0 : *naps;    /* without it every sleep may miss its wake */

	if (*naps < TIMED_NAP_DOUBLINGS)
		++*naps;
	return fsyi_now() + ((int64_t)TIMED_NAP_NS << doublings);
}

void
fsyi_word_nap(fsy_deadline_t deadline)
{
	fsy_deadline_t until = fsyi_now() + RECORDLESS_NAP_NS;
	fsy_atomic_u32 never = { 0 };

	fsyi_futex_wait(&never, 0, until < deadline ? until : deadline);
}

enum fsyi_waited
fsyi_word_wait(struct fsyi_lot *lot, const void *word, const struct fsyi_word_op *op, void *arg, fsy_deadline_t deadline)
{
	struct wait wait = { op, arg };
	bool again = false;
	unsigned int naps = 0;
	fsy_deadline_t until;

	fsyi_fork_check();
	if (look(&wait, deadline))
		return FSYI_WAIT_OVER;
	while (deadline == FSY_FOREVER || !fsyi_over(deadline, fsyi_now())) {
		until = fsyi_fork_generation() > 0 ? fsyi_word_timed_nap(&naps) : deadline;
		switch (fsyi_park(lot, word, op->kind, &park_ops[again][op->crowd], &wait, until < deadline ? until : deadline)) {
		case FSYI_UNPARKED_HANDOFF:
			return FSYI_WAIT_GIVEN;
		case FSYI_PARK_NO_RECORD:
			fsyi_word_nap(deadline);
			break;
		case FSYI_UNPARKED_NORMAL:
			again = true;
			break;
		default:
			break;
		}
		if (!op->pending(arg))
			return FSYI_WAIT_OVER;
	}
	return FSYI_WAIT_TIMEDOUT;
}

struct release {
	bool (*change)(struct fsyi_scene *scene, void *arg);
	void *arg;
	uint32_t kind, woken;
};

static void
release(struct fsyi_scene *scene, void *arg)
{
	struct release *release = (struct release *)arg;

	if (release->change(scene, release->arg))
		release->woken = fsyi_scene_wake_all(scene, release->kind, FSYI_TOKEN_HANDOFF);
}

uint32_t
fsyi_word_release(struct fsyi_lot *lot, const void *word, uint32_t kind, bool (*change)(struct fsyi_scene *scene, void *arg),
		  void *arg)
{
	struct release call = { change, arg, kind, 0 };

	fsyi_fork_check();
	fsyi_visit(lot, word, release, &call);
	return call.woken;
}

static void
wake_all(struct fsyi_scene *scene, void *arg)
{
	struct release *release = (struct release *)arg;

	release->woken = fsyi_scene_wake_all(scene, release->kind, FSYI_TOKEN_NORMAL);
}

uint32_t
fsyi_word_wake_all(struct fsyi_lot *lot, const void *word, uint32_t kind)
{
	struct release call = { NULL, NULL, kind, 0 };

	fsyi_fork_check();
	fsyi_visit(lot, word, wake_all, &call);
	return call.woken;
}

static void
wake_one(struct fsyi_scene *scene, void *arg)
{
	struct release *release = (struct release *)arg;
	struct fsyi_thread *thread = scene->queue == NULL ? NULL : scene->queue->all.head;

	while (thread != NULL && thread->kind != release->kind)
		thread = thread->next;
	if (thread == NULL)
		return;
	fsyi_scene_wake(scene, thread, FSYI_TOKEN_NORMAL);
	release->woken = 1;
}

uint32_t
fsyi_word_wake_one(struct fsyi_lot *lot, const void *word, uint32_t kind)
{
	struct release call = { NULL, NULL, kind, 0 };

	fsyi_fork_check();
	fsyi_visit(lot, word, wake_one, &call);
	return call.woken;
}
