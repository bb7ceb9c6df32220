/* SPDX-License-Identifier: MIT */
/*
 * once_case.h - what the scenarios of once share: the once, a run that knows whether it is alone, and what must hold at rest.
 */
#ifndef ONCE_CASE_H
#define ONCE_CASE_H

#include "lot_rest.h"
#include <fastsync/once.h>
#include <string.h>
#include <sys/fork.h>
#include <sys/tune.h>

enum { FAILED = 9, MADE = 42 };

static fsy_once_t once;
static fsy_once_node_t node_once;
static int inside, runs, failures, value, node_value[2];
static fsy_atomic_u32 errors, successes, left, second;
static bool shared_run;                          /* two processes' runs, in one */
static bool recursive;                           /* the run looks whether it is known whose it is */

static inline void
setup(void)
{
	memset(&once, 0, sizeof(once));
	memset(&node_once, 0, sizeof(node_once));
	inside = runs = value = node_value[0] = node_value[1] = 0;
	fsy_atomic_u32_store_rlx(&errors, 0);
	fsy_atomic_u32_store_rlx(&successes, 0);
	fsy_atomic_u32_store_rlx(&left, 0);
	fsy_atomic_u32_store_rlx(&second, 0);
	shared_run = false;
	recursive = sim_random(3) == 1;
	failures = (int)sim_random(4);
	sim_name(&once, sizeof(once), "once");
	sim_name(&node_once, sizeof(node_once), "node_once");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &once)->lock, 4, "bucket");
	fsyi_tune.brief_spin_ns = sim_random(2) == 0 ? 0 : 150;
}

/* The exhaustive search draws no numbers. */
static inline void
setup_one_failure(void)
{
	setup();
	failures = 1;
}

static inline void
done_at_rest(void)
{
	lot_at_rest();
	SIM_CHECK(once.word_.cell_ == FSY_ONCE_DONE_);
	SIM_CHECK(value == MADE);
}

/* The run. It makes the value at its very end. */
static inline int
make(bool fails)
{
	SIM_CHECK(inside++ == 0 || shared_run);
	runs++;
	value = 0;
	sim_point();
	if (sim_self() != 0 || !shared_run)
		SIM_CHECK(!fsy_once_done(&once));
	if (recursive)
		SIM_CHECK(fsy_once_wait_until(&once, 0) == FSY_EDEADLK);
	inside--;
	value = fails ? 0 : MADE;
	return fails ? FAILED : 0;
}

static inline int succeed(void *arg) { (void)arg; return make(false); }
static inline void plain(void *arg) { (void)arg; make(false); }
static inline int fail(void *arg) { (void)arg; return make(true); }
static inline int force(fsy_once_state_t before, void *arg) { (void)arg; SIM_CHECK(before != FSY_ONCE_RUNNING); return make(false); }

static inline int
some_fail(void *arg)
{
	(void)arg;
	return make(failures > 0 && failures-- > 0);
}

#define CASE(name, threads, prepare, body, check, flags, bound) \
	{ "once/" name "/tso", threads, prepare, body, check, SIM_TSO | SIM_NO_MEMBARRIER | (flags), bound }
#define PLAIN(name, threads, prepare, body, check, flags, bound) \
	{ "once/" name "/sc", threads, prepare, body, check, (flags), bound }

#endif
