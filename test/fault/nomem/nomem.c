/* SPDX-License-Identifier: MIT */
/*
 * nomem.c - every call that allocates, with its n-th allocation failing, for n = 1, 2, ... until none fails any more; once with that one alone, and
 * once with all after it. Each attempt is a process of its own. What a call promises for want of memory holds then; nothing is lost, nothing
 * leaks, errno stays as it was, and the same call works when there is memory again. Locks promise that nobody notices.
 */
#include "attempt.h"
#include "test/load/load.h"
#include "test/support/worker.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 200, ENOUGH = 10 };

bool attempt_hit;

/* Threads whose records, lines and tables fail beside threads that have theirs. */
struct worker {
	const struct attempt *attempt;
	struct hand hand;
	bool poor;
};

static void *
take_turns(void *arg)
{
	struct worker *worker = arg;

	if (worker->poor)
		nth_fails(worker->attempt->n, worker->attempt->for_good);
	for (int i = 0; i < 150; i++)
		load_turn(worker->attempt->load, &worker->hand);
	if (worker->poor && nth_over())
		attempt_hit = true;
	fsy_atomic_u32_store(&worker->hand.state, 1);
	return NULL;
}

static void
load_in_need(const struct attempt *attempt)
{
	struct worker workers[3];
	const struct load *load = loads[attempt->load];
	uint32_t done = 0;

	memset((void *)workers, 0, sizeof(workers));
	for (int i = 0; loads[i] != NULL; i++)
		loads[i]->begin();
	for (int i = 0; i < 3; i++) {
		workers[i].attempt = attempt;
		workers[i].poor = i == 0;
		workers[i].hand.random = (uint64_t)(i + 1 + attempt->n * 10);
		workers[i].hand.thread = worker_start(take_turns, &workers[i]);
	}
	while (done < 3) {
		if (load->rescue != NULL)
			load->rescue();
		done = 0;
		for (int i = 0; i < 3; i++)
			done += fsy_atomic_u32_load(&workers[i].hand.state);
		sched_yield();
	}
	for (int i = 0; i < 3; i++)
		worker_join(workers[i].hand.thread);
	CHILD_CHECK(loads_audit());
}

static int
in_child(void *arg)
{
	const struct attempt *attempt = arg;

	CHILD_CHECK(nth_begin());
	attempt->body(attempt);
	return load_failures() != 0 ? 98 : attempt_hit ? 0 : ENOUGH;
}

/* Until an attempt has no allocation to fail. */
static bool
try_all(const char *name, void (*body)(const struct attempt *), int load)
{
	struct attempt attempt = { body, 0, false, load };
	int tried = 0;

	for (int mode = 0; mode < 2; mode++) {
		attempt.for_good = mode == 1;
		for (attempt.n = 1;; attempt.n++) {
			struct child child = child_fork(in_child, &attempt);

			if (!child.exited || (child.status != 0 && child.status != ENOUGH) || child.err[0] != '\0' || attempt.n > MOST) {
				printf("not ok nomem/%s: allocation %d%s: status %d, signal %d: %s\n", name, attempt.n,
				       attempt.for_good ? " and all after it" : "", child.status, child.signal, child.err);
				return false;
			}
			if (child.status == ENOUGH)
				break;
			tried++;
		}
	}
	printf("ok nomem/%s\n    %d failed allocations\n", name, tried);
	return true;
}

int
main(int argc, char **argv)
{
	char name[64];
	int failed = 0;

	for (const struct attempt_call *call = attempt_calls; call->name != NULL; call++)
		if (!call->slow || (argc > 1 && strcmp(argv[1], "long") == 0))
			failed += !try_all(call->name, call->body, 0);
	for (int i = 0; loads[i] != NULL; i++) {
		snprintf(name, sizeof(name), "%s, a thread in need", loads[i]->name);
		failed += !try_all(name, load_in_need, i);
	}
	return failed != 0;
}
