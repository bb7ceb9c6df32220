/* SPDX-License-Identifier: MIT */
/*
 * sim_mutex.c - the real mutex, lock word and parking lot, one step at a time.
 *
 * Built twice: as shipped (asymmetric, and at run time without membarrier), and with -DFSYI_FENCED. Edges
 * exercised: R1, R2, K1 -> K2, B1 -> B2, the store-buffering pair of lib/sync/lockword.c; invariants I1, I3 to I8.
 */
#include "scenario.h"
#include <fastsync/error.h>
#include <fastsync/mutex.h>
#include <park/lot.h>
#include <string.h>
#include <sync/lockword.h>
#include <sys/tune.h>

static fsy_mutex_t lock;
static int inside, entered, users, rounds;
static int64_t longest;

/* Short enough that a schedule of a few hundred steps sees every role; long waits occur through the clock. */
static void
tune(int64_t patience, int64_t spin, int64_t brief, int64_t turn)
{
	fsyi_tune.patience_ns = patience;
	fsyi_tune.spin_ns = spin;
	fsyi_tune.brief_spin_ns = brief;
	fsyi_tune.first_look_ns = 100;
	fsyi_tune.turn_min_ns = turn;
	fsyi_tune.turn_max_ns = 10 * turn;
	fsyi_tune.cycle_ns = turn;
	fsyi_tune.node_batch = 2;
}

static void
setup(void)
{
	memset(&lock, 0, sizeof(lock));
	inside = entered = users = 0;
	longest = 0;
	rounds = 2;
	sim_name(&lock.word_, 4, "word");
	sim_name(&lock.aux_, 4, "hint");
	if (fsy_attention_ != NULL)
		sim_name(fsy_attention_ + fsy_attention_slot_(&lock), 1, "attention");
	sim_name(&fsyi_lot_bucket(&fsyi_lot, &lock)->lock, 4, "bucket");
	switch (sim_random(4)) {
	case 0: tune(100, 200, 0, 200); break;
	case 1: tune(300, 900, 100, 2000); break;
	case 2: tune(1000, 400, 300, 1000); break;
	case 3: tune(0, 100, 0, 1000000); break;
	}
}

static void
setup_sleepy(void)
{
	setup();
	rounds = 1;
	tune(100, 150, 0, 100);
}

static void
section(void)
{
	SIM_CHECK(inside++ == 0);
	entered++;
	sim_point();
	SIM_CHECK(--inside == 0);
}

/* At rest: no bit, no queue, no attention, nobody in a list (I6, L5). */
static void
at_rest(void)
{
	const uint64_t *attention = (const uint64_t *)(const void *)fsy_attention_;

	SIM_CHECK(lock.word_.cell_ == 0);
	for (unsigned i = 0; attention != NULL && i < (1u << FSY_ATTENTION_BITS_) / 8; i++)
		if (attention[i] != 0)
			sim_fail("an attention byte near %u is still raised", 8 * i);
	for (unsigned i = 0; i < (1u << FSY_ATTENTION_BITS_) >> fsyi_lot.shift; i++) {
		SIM_CHECK(fsyi_lot.buckets[i].queues == NULL);
		SIM_CHECK(fsyi_lot.buckets[i].lock.cell_ == 0);
	}
}

static void
all_entered(void)
{
	at_rest();
	SIM_CHECK(entered == users);
}

static void
all_served(void)
{
	at_rest();
	SIM_CHECK(entered == sim_threads() * rounds);
}

static void
lock_unlock(int id)
{
	(void)id;
	for (int i = 0; i < rounds; i++) {
		fsy_mutex_lock(&lock);
		section();
		fsy_mutex_unlock(&lock);
	}
}

/* One thread in each of the ways there are. */
static void
mixed(int id)
{
	for (int i = 0; i < rounds; i++) {
		int64_t patience = (int64_t)sim_random(5000) - 100;

		switch ((id + i) % 3) {
		case 0:
			if (!fsy_mutex_trylock(&lock))
				continue;
			break;
		case 1:
			if (fsy_mutex_lock_until(&lock, fsy_after_ns(patience)) != 0)
				continue;
			break;
		default:
			fsy_mutex_lock(&lock);
		}
		users++;
		section();
		if (sim_random(2) == 0)
			fsy_mutex_unlock_fair(&lock);
		else
			fsy_mutex_unlock(&lock);
	}
}

/* Deadlines around the moment of the wake-up. Nobody times out early. */
static void
timed(int id)
{
	for (int i = 0; i < rounds; i++) {
		int64_t deadline = sim_now() + (id == 0 ? 100000 : (int64_t)sim_random(3000));
		int error = fsy_mutex_lock_until(&lock, id == 2 ? FSY_FOREVER : deadline);

		if (error != 0) {
			SIM_CHECK(error == FSY_ETIMEDOUT && id != 2 && sim_now() >= deadline);
			continue;
		}
		users++;
		section();
		fsy_mutex_unlock(&lock);
	}
}

static void
fair(int id)
{
	for (int i = 0; i < rounds; i++) {
		fsy_mutex_lock(&lock);
		section();
		if (id == 0)
			fsy_mutex_unlock(&lock);
		else
			fsy_mutex_unlock_fair(&lock);
	}
}

/* The last user takes the memory away as soon as it has the lock back (I1); timed waiters may leave empty-handed. */
static void
destroy(int id)
{
	bool last;

	(void)id;
	fsy_mutex_lock(&lock);
	section();
	last = ++users == sim_threads();
	fsy_mutex_unlock(&lock);
	if (last)
		sim_kill(&lock, sizeof(lock));
}

static void
destroy_fair(int id)
{
	bool last;

	fsy_mutex_lock(&lock);
	section();
	last = ++users == sim_threads();
	if (id > 0)
		fsy_mutex_unlock_fair(&lock);
	else
		fsy_mutex_unlock(&lock);
	if (last)
		sim_kill(&lock, sizeof(lock));
}

/* The memory becomes another lock, and that one is held by its new owner: a late visit for the old lock must not disturb it. */
static void
reuse(int id)
{
	bool last;

	(void)id;
	fsy_mutex_lock(&lock);
	section();
	last = ++users == sim_threads() - 1;
	fsy_mutex_unlock(&lock);
	if (!last)
		return;
	sim_kill(&lock, sizeof(lock));
	sim_revive(&lock, sizeof(lock));
	memset(&lock, 0, sizeof(lock));
	fsy_mutex_lock(&lock);
	section();
	for (int i = 0; i < 3; i++) {
		sim_point();
		SIM_CHECK(fsy_atomic_u32_load_rlx(&lock.word_) == LW_LOCKED);
	}
	users++;
	fsy_mutex_unlock(&lock);
	sim_kill(&lock, sizeof(lock));
}

/* The memory becomes something that is no lock, and somebody waits there for something else: its bits are its own. */
static bool
never_validate(struct fsyi_scene *scene, void *arg)
{
	(void)scene;
	(void)arg;
	return true;
}

static void
reuse_otherwise(int id)
{
	static const struct fsyi_park_op nap = { never_validate, NULL, NULL, NULL, false };
	bool last;

	(void)id;
	fsy_mutex_lock(&lock);
	section();
	last = ++users == sim_threads();
	fsy_mutex_unlock(&lock);
	if (!last)
		return;
	sim_kill(&lock, sizeof(lock));
	fsyi_park(&fsyi_lot, &lock, FSYI_KIND_LOCK + 1, &nap, NULL, sim_now() + 50);
}

static void
reuse_or_leave(int id)
{
	if (id < sim_threads() - 1)
		reuse(id);
}

static void
setup_nodes(void)
{
	setup();
	tune(100, 400, 100, 100);
	for (int i = 0; i < sim_threads(); i++)
		sim_place(i, i & 1, i & 3);
}

/* T0 forks, with or without the lock, while the others do anything; T3 is a thread of the child. */
static void
forked(int id)
{
	bool holds = sim_random(2) == 0;

	if (id == 3) {
		users = 1;
		sim_await_fork();
	}
	if (id != 0) {
		lock_unlock(id);
		return;
	}
	while (users == 0)
		sim_yield();
	if (holds)
		fsy_mutex_lock(&lock);
	sim_fork();
	inside = entered = 0;
	if (!holds && (lock.word_.cell_ & LW_LOCKED))
		lock.word_.cell_ = 0;           /* a lock held by a thread that is no more: the child makes it anew */
	if (holds)
		fsy_mutex_unlock(&lock);
	lock_unlock(id);
}

/* SEARCHER and QUEUED bits of vanished threads may outlive the first use; the lock must be free all the same. */
static void
child_at_rest(void)
{
	SIM_CHECK(!(lock.word_.cell_ & LW_LOCKED));
	SIM_CHECK(entered == 2 * rounds);       /* T0 and T3 */
}

#define BOTH(name, threads, prepare, body, check, flags, bound)                                         \
	{ "mutex/" name "/tso", threads, prepare, body, check, SIM_TSO | (flags), bound },               \
	{ "mutex/" name "/no-membarrier", threads, prepare, body, check, SIM_TSO | SIM_NO_MEMBARRIER | (flags), bound }

const struct sim_case sim_cases[] = {
	BOTH("pair", 2, setup, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("pair-once", 2, setup_sleepy, lock_unlock, all_served, SIM_DFS_ONLY, 3),
	BOTH("trio", 3, setup, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("trio-once", 3, setup_sleepy, lock_unlock, all_served, 0, 2),
	BOTH("quartet", 4, setup, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("mixed", 3, setup, mixed, all_entered, SIM_NO_DFS, 0),
	BOTH("timed", 3, setup, timed, all_entered, SIM_NO_DFS, 0),
	BOTH("timed-once", 2, setup_sleepy, timed, all_entered, SIM_DFS_ONLY, 3),
	BOTH("fair", 3, setup, fair, all_served, SIM_NO_DFS, 0),
	BOTH("fair-once", 3, setup_sleepy, fair, all_served, SIM_DFS_ONLY, 2),
	BOTH("destroy", 3, setup, destroy, at_rest, SIM_NO_DFS, 0),
	BOTH("destroy-pair", 2, setup_sleepy, destroy, at_rest, 0, 3),
	BOTH("destroy-fair", 3, setup, destroy_fair, at_rest, SIM_NO_DFS, 0),
	BOTH("reuse", 4, setup, reuse_or_leave, at_rest, SIM_NO_DFS, 0),
	BOTH("reuse-otherwise", 3, setup, reuse_otherwise, at_rest, SIM_NO_DFS, 0),
	BOTH("nodes", 4, setup_nodes, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("forked", 4, setup, forked, child_at_rest, SIM_NO_DFS | SIM_SLOW, 0),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
