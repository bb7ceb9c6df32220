/* SPDX-License-Identifier: MIT */
/*
 * sim_once.c - once in every policy: one run at a time, what it has made is seen by all, a failed run goes to exactly one heir, and nobody
 * is forgotten. G8, R7.
 */
#include "once_case.h"

static void
outcome(int error)
{
	if (error == 0)
		SIM_CHECK(value == MADE);
	fsy_atomic_u32_add_rlx(error == 0 ? &successes : &errors, 1);
}

static void
use_do(int id)
{
	(void)id;
	fsy_once_do(&once, plain, NULL);
	outcome(0);
}

static void
all_did(void)
{
	done_at_rest();
	SIM_CHECK(runs == 1);
}

/* Each failed run has one caller to tell; each caller runs at most once. */
static void
retry(int id)
{
	int error = fsy_once_try(&once, some_fail, NULL);

	(void)id;
	SIM_CHECK(error == 0 || error == FAILED);
	outcome(error);
}

static void
all_tried(void)
{
	int failed = (int)fsy_atomic_u32_load_rlx(&errors), good = (int)fsy_atomic_u32_load_rlx(&successes);

	lot_at_rest();
	SIM_CHECK(failed + good == sim_threads());
	SIM_CHECK(runs == failed + (good > 0));
	SIM_CHECK(good == 0 || once.word_.cell_ == FSY_ONCE_DONE_);
	SIM_CHECK(good > 0 || once.word_.cell_ == 0);
}

/* T0 waits before anybody starts; the others retry until it is done. */
static void
watch_and_retry(int id)
{
	if (id == 0) {
		SIM_CHECK(fsy_once_wait(&once) == 0);
		SIM_CHECK(value == MADE);
		return;
	}
	while (fsy_once_try(&once, some_fail, NULL) != 0)
		sim_yield();
	SIM_CHECK(value == MADE);
}

/* T0 poisons, or comes too late; T2 forces; T1 and T3 wait, for the one or the other. */
static void
poison(int id)
{
	int error;

	switch (id) {
	case 0:
		error = fsy_once_call(&once, fail, NULL);
		SIM_CHECK(error == 0 || error == FAILED);
		break;
	case 1:
		error = sim_random(2) ? fsy_once_wait(&once) : fsy_once_try(&once, succeed, NULL);
		SIM_CHECK(error == 0 || error == FSY_EPOISONED);
		break;
	case 2:
		error = fsy_once_force(&once, force, NULL);
		SIM_CHECK(error == 0);
		break;
	default:
		error = fsy_once_wait_force_until(&once, FSY_FOREVER);
		SIM_CHECK(error == 0);
		break;
	}
	outcome(error);
}

/* Nobody forces: it stays poisoned, unless T2 was first. */
static void
stay_poisoned(int id)
{
	int error = id == 0 ? fsy_once_call(&once, fail, NULL) : id == 1 ? fsy_once_wait(&once) : fsy_once_try(&once, succeed, NULL);

	SIM_CHECK(error == 0 || error == (id == 0 ? FAILED : FSY_EPOISONED));
	outcome(error);
}

static void
poisoned_at_rest(void)
{
	lot_at_rest();
	SIM_CHECK(fsy_once_state(&once) == FSY_ONCE_POISONED ? once.word_.cell_ == 8 : once.word_.cell_ == FSY_ONCE_DONE_);
}

/* With deadlines at any moment; a run that is passed to a thread that gives up is accepted (I7). */
static void
timed(int id)
{
	fsy_deadline_t deadline = sim_now() + sim_random(400);
	int error = id == 0 ? fsy_once_try(&once, some_fail, NULL) : id == 1 ? fsy_once_try_until(&once, some_fail, NULL, deadline) :
		fsy_once_wait_until(&once, deadline);

	SIM_CHECK(error == 0 || (error == FAILED && id < 2) || (error == FSY_ETIMEDOUT && id > 0));
	outcome(error);
}

static void
timed_at_rest(void)
{
	lot_at_rest();
	SIM_CHECK(once.word_.cell_ == 0 || (once.word_.cell_ == FSY_ONCE_DONE_ && value == MADE));
}

const struct sim_case sim_cases[] = {
	CASE("do-pair", 2, setup, use_do, all_did, SIM_DFS_ONLY, 3),
	CASE("retry-pair", 2, setup_one_failure, retry, all_tried, SIM_DFS_ONLY, 3),
	CASE("do", 3, setup, use_do, all_did, 0, 2),
	PLAIN("do", 3, setup, use_do, all_did, 0, 2),
	CASE("retry", 3, setup, retry, all_tried, 0, 2),
	PLAIN("retry", 3, setup, retry, all_tried, 0, 2),
	CASE("retry-after-one", 3, setup_one_failure, retry, all_tried, SIM_DFS_ONLY, 2),
	CASE("watch-one-failure", 2, setup_one_failure, watch_and_retry, done_at_rest, SIM_DFS_ONLY, 2),
	CASE("watch", 3, setup, watch_and_retry, done_at_rest, SIM_NO_DFS, 0),
	CASE("poison", 4, setup, poison, done_at_rest, SIM_NO_DFS, 0),
	CASE("poisoned", 3, setup, stay_poisoned, poisoned_at_rest, 0, 2),
	CASE("timed", 3, setup, timed, timed_at_rest, SIM_NO_DFS, 0),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
