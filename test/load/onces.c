/* SPDX-License-Identifier: MIT */
/*
 * onces.c - the loads of once and lazy: runs that fail, that are left half-way, that others wait for. A batch is used up, and made new
 * by the writer of a guard whose readers use it.
 */
#include "load.h"

#include <fastsync/error.h>
#include <fastsync/lazy.h>
#include <fastsync/rwmutex.h>
#include <fastsync/stats.h>
#include <string.h>

enum { BATCH = 32, NODES = 32 };

struct made {
	long value;                      /* plain: published by the once or lazy beside it */
	fsy_atomic_u32 running, successes;
};

/* One run: which object, and who is at it. */
struct run {
	struct made *made;
	struct hand *hand;
	bool leaves;
};

static fsy_rwmutex_t once_guard, lazy_guard;
static long once_batch, lazy_batch;      /* written under the guard */

static fsy_once_t onces[BATCH];
static struct made once_made[BATCH];
static fsy_once_node_t node_once;
static struct made node_made[NODES];

static void
leave_guard(void *guard)
{
	fsy_rwmutex_runlock((fsy_rwmutex_t *)guard);
}

static void
end_running(void *made)
{
	fsy_atomic_u32_store(&((struct made *)made)->running, 0);
}

/* The function of every run: fails now and then, or is left by the thread's cancellation. */
static int
make(struct made *made, struct hand *hand, long value)
{
	bool fails = load_chance(hand, 2);

	LOAD_CHECK(fsy_atomic_u32_swap(&made->running, 1) == 0);
	LOAD_CHECK(fsy_atomic_u32_load(&made->successes) == 0);
	pthread_cleanup_push(end_running, made);
	made->value = -1;
	load_dawdle(hand);
	if (hand->may_die)
		pthread_testcancel();
	if (!fails) {
		made->value = value;
		fsy_atomic_u32_store(&made->successes, 1);
	}
	pthread_cleanup_pop(1);
	return fails ? FSY_EAGAIN : 0;
}

static int
run_once(void *arg)
{
	struct run *run = arg;

	return make(run->made, run->hand, once_batch);
}

static int
run_force(fsy_once_state_t before, void *arg)
{
	LOAD_CHECK(before == FSY_ONCE_NEW || before == FSY_ONCE_POISONED);
	return run_once(arg);
}

static int
run_node(int node, void *arg)
{
	struct run *run = arg;

	return make(&node_made[node % NODES], run->hand, once_batch);
}

static int
do_once(fsy_once_t *once, struct run *run, struct hand *hand)
{
	switch (load_below(hand, 8)) {
	case 0:
		return fsy_once_call(once, run_once, run);
	case 1:
	case 2:
		return fsy_once_force(once, run_force, run);
	case 3:
		return fsy_once_wait_until(once, load_deadline(hand));
	case 4:
		return fsy_once_try_until(once, run_once, run, load_deadline(hand));
	default:
		return fsy_once_try(once, run_once, run);
	}
}

static void
use_once(struct hand *hand)
{
	uint32_t i = load_below(hand, BATCH);
	struct run run = { &once_made[i], hand, false };
	int error = do_once(&onces[i], &run, hand);

	LOAD_CHECK(error == 0 || error == FSY_EAGAIN || error == FSY_EPOISONED || error == FSY_ETIMEDOUT);
	LOAD_CHECK(error != 0 || (fsy_once_done(&onces[i]) && once_made[i].value == once_batch));
}

static void
use_node_once(struct hand *hand)
{
	struct run run = { NULL, hand, false };
	int error = fsy_once_node_try(&node_once, run_node, &run);

	LOAD_CHECK(error == 0 || error == FSY_EAGAIN);
	for (int node = 0; node < fsy_node_count() && node < NODES; node++)
		LOAD_CHECK(!fsy_once_node_done(&node_once, node) || node_made[node].value == once_batch);
}

static void
renew_onces(void)
{
	fsy_rwmutex_lock(&once_guard);
	for (int i = 0; i < BATCH; i++)
		LOAD_CHECK(fsy_once_done(&onces[i]) == (fsy_atomic_u32_load(&once_made[i].successes) == 1));
	memset((void *)onces, 0, sizeof(onces));
	memset((void *)once_made, 0, sizeof(once_made));
	memset((void *)&node_once, 0, sizeof(node_once));
	memset((void *)node_made, 0, sizeof(node_made));
	once_batch++;
	fsy_rwmutex_unlock(&once_guard);
}

static void
turn_once(struct hand *hand)
{
	if (load_chance(hand, 4 * BATCH)) {
		renew_onces();
		return;
	}
	fsy_rwmutex_rlock(&once_guard);
	pthread_cleanup_push(leave_guard, &once_guard);
	if (load_chance(hand, 8))
		use_node_once(hand);
	else
		use_once(hand);
	pthread_cleanup_pop(1);
}

static void
begin_onces(void)
{
	memset((void *)&once_guard, 0, sizeof(once_guard));
	memset((void *)onces, 0, sizeof(onces));
	memset((void *)once_made, 0, sizeof(once_made));
	memset((void *)&node_once, 0, sizeof(node_once));
	memset((void *)node_made, 0, sizeof(node_made));
}

static const char *
audit_onces(void)
{
	for (int i = 0; i < BATCH; i++) {
		fsy_once_state_t state = fsy_once_state(&onces[i]);

		if (state == FSY_ONCE_RUNNING)
			return "a run of nobody goes on";
		if ((state == FSY_ONCE_DONE) != (fsy_atomic_u32_load(&once_made[i].successes) == 1))
			return "done is not done";
	}
	return fsy_atomic_u32_load(&once_guard.readers_) == 0 ? NULL : "the guard is not at rest";
}

static void
dump_onces(void)
{
	for (int i = 0; i < BATCH; i++)
		if (fsy_once_state(&onces[i]) != FSY_ONCE_DONE)
			load_print("once %d %p: word %016lx, running %u\n", i, (void *)&onces[i],
				   (unsigned long)fsy_atomic_u64_load_rlx(&onces[i].word_), fsy_atomic_u32_load(&once_made[i].running));
	load_print("once per node: word %016lx; guard: word %08x, readers %08x\n", (unsigned long)fsy_atomic_u64_load_rlx(&node_once.word_),
		   fsy_atomic_u32_load_rlx(&once_guard.word_), fsy_atomic_u32_load_rlx(&once_guard.readers_));
}

const struct load load_once = { "once", begin_onces, turn_once, NULL, audit_onces, dump_onces };

static fsy_lazy_t lazies[BATCH];
static struct made lazy_made[BATCH];
static fsy_lazy_node_t node_lazy;

static int
make_lazy(void **value, void *arg)
{
	struct run *run = arg;
	int error = make(run->made, run->hand, lazy_batch);

	*value = error == 0 ? run->made : NULL;
	return error;
}

static int
make_node(int node, void **value, void *arg)
{
	(void)arg;
	*value = &node_made[node % NODES];
	return 0;
}

static void
use_lazy(struct hand *hand)
{
	uint32_t i = load_below(hand, BATCH);
	struct run run = { &lazy_made[i], hand, false };
	void *value = NULL;
	int error = load_chance(hand, 4) ? fsy_lazy_wait_until(&lazies[i], load_deadline(hand), &value) :
					   fsy_lazy_get_or_init(&lazies[i], make_lazy, &run, &value);

	LOAD_CHECK(error == 0 || error == FSY_EAGAIN || error == FSY_ETIMEDOUT);
	LOAD_CHECK(error != 0 || (value == &lazy_made[i] && lazy_made[i].value == lazy_batch && fsy_lazy_get(&lazies[i]) == value));
	if (load_chance(hand, 16)) {
		LOAD_CHECK(fsy_lazy_node_get(&node_lazy, make_node, NULL, &value) == 0);
		LOAD_CHECK((struct made *)value >= node_made && (struct made *)value < node_made + NODES);
	}
}

static void
clear_lazies(void)
{
	memset((void *)lazies, 0, sizeof(lazies));
	memset((void *)lazy_made, 0, sizeof(lazy_made));
	memset((void *)&node_lazy, 0, sizeof(node_lazy));
}

static void
turn_lazy(struct hand *hand)
{
	if (load_chance(hand, 4 * BATCH)) {
		fsy_rwmutex_lock(&lazy_guard);
		clear_lazies();
		lazy_batch++;
		fsy_rwmutex_unlock(&lazy_guard);
		return;
	}
	fsy_rwmutex_rlock(&lazy_guard);
	pthread_cleanup_push(leave_guard, &lazy_guard);
	use_lazy(hand);
	pthread_cleanup_pop(1);
}

static void
begin_lazies(void)
{
	memset((void *)&lazy_guard, 0, sizeof(lazy_guard));
	clear_lazies();
}

static const char *
audit_lazies(void)
{
	for (int i = 0; i < BATCH; i++)
		if (fsy_lazy_is_set(&lazies[i]) != (fsy_atomic_u32_load(&lazy_made[i].successes) == 1) ||
		    (fsy_lazy_is_set(&lazies[i]) && lazy_made[i].value != lazy_batch))
			return "a value is not what was made";
	return fsy_atomic_u32_load(&lazy_guard.readers_) == 0 ? NULL : "the guard is not at rest";
}

static void
dump_lazies(void)
{
	for (int i = 0; i < BATCH; i++)
		if (!fsy_lazy_is_set(&lazies[i]))
			load_print("lazy %d %p: word %016lx, running %u\n", i, (void *)&lazies[i],
				   (unsigned long)fsy_atomic_u64_load_rlx(&lazies[i].once_.word_), fsy_atomic_u32_load(&lazy_made[i].running));
	load_print("guard: word %08x, readers %08x\n", fsy_atomic_u32_load_rlx(&lazy_guard.word_), fsy_atomic_u32_load_rlx(&lazy_guard.readers_));
}

const struct load load_lazy = { "lazy", begin_lazies, turn_lazy, NULL, audit_lazies, dump_lazies };
