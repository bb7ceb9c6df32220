/* SPDX-License-Identifier: MIT */
/*
 * waitgroup_go.c - fsy_waitgroup_go: here, and not beside the wait group, because it allocates.
 *
 * INVARIANTS
 *         One done per successful call, made by the new thread as its last act but its destructors, however its function ends.
 * LIFETIME the errand is freed before the done: who waits may end the process, and a leak checker then finds nothing.
 */
#include <fastsync/waitgroup.h>
#include <fastsync/error.h>
#include "../sys/thread.h"
#include "heap.h"

struct errand {
	struct fsyi_errand thread;
	fsy_waitgroup_t *wg;
	void (*fn)(void *arg);
	void *arg;
};

static void
run(void *arg)
{
	struct errand *errand = (struct errand *)arg;

	errand->fn(errand->arg);
}

static void
finish(void *arg)
{
	struct errand *errand = (struct errand *)arg;
	fsy_waitgroup_t *wg = errand->wg;

	free(errand);
	fsy_waitgroup_done(wg);
}

int
fsy_waitgroup_go(fsy_waitgroup_t *wg, void (*fn)(void *arg), void *arg)
{
	struct errand *errand = (struct errand *)fsyi_heap(sizeof(*errand));
	int error;

	if (errand == NULL)
		return FSY_ENOMEM;
	*errand = (struct errand){ { run, finish, errand }, wg, fn, arg };
	fsy_waitgroup_add(wg, 1);
	error = fsyi_thread_start(&errand->thread);
	if (error != 0)
		finish(errand);
	return error;
}
