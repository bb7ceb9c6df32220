/* SPDX-License-Identifier: MIT */
/*
 * sim_mutex.c - the real mutex, lock word and parking lot, one step at a time.
 *
 * Built twice: as shipped (asymmetric, and at run time without membarrier), and with -DFSYI_FENCED. Edges
 * exercised: R1, R2, K1 -> K2, B1 -> B2, the store-buffering pair of lib/sync/lockword.c; invariants I3, I4, I6, I7.
 */
#include "mutex_case.h"

static void
all_entered(void)
{
	at_rest();
	SIM_CHECK(entered == users);
}

/*
 * T0 holds on for longer than anybody spins, lets go and barges in again: T1 is woken in vain, and goes back to sleep as
 * one that has a lock coming to it. T2 comes by often, and lets go when it sees
 * somebody look into the lot: at times between T0's last look at the lock and its taking it for T1.
 */
static void
setup_vain(void)
{
	setup();
	tune(0, 100, 0, 100);
}

static void
vain_served(void)
{
	at_rest();
	SIM_CHECK(entered == 9);
}

static void
vain(int id)
{
	const struct fsyi_bucket *bucket = fsyi_lot_bucket(&fsyi_lot, &lock);

	for (int i = 0; i < (id == 2 ? 5 : 2); i++) {
		if (id == 2)
			fsyi_delay((int64_t)sim_random(1000));
		fsy_mutex_lock(&lock);
		section();
		if (id == 0)
			fsyi_delay(200 + (int64_t)sim_random(1000));
		while (id == 2 && sim_random(32) != 0 && fsy_atomic_u32_load_rlx(&bucket->lock) == 0)
			sim_point();
		fsy_mutex_unlock(&lock);
	}
}

/* T0 comes back again and again, and keeps the lock for longer than anybody looks; of the others each comes once, T3 twice: who is woken finds it
 * taken, and goes back to sleep beside those who never were. */
static void
setup_relapse(void)
{
	setup();
	tune(0, 100, 0, 1000000);
}

static void
relapse(int id)
{
	for (int i = 0; i < (id == 0 ? 6 : id == 3 ? 2 : 1); i++) {
		fsyi_delay((int64_t)sim_random(id == 0 ? 4 : 8) * 200);
		fsy_mutex_lock(&lock);
		section();
		fsyi_delay((int64_t)sim_random(3) * 300);
		fsy_mutex_unlock(&lock);
	}
}

static void
relapse_served(void)
{
	at_rest();
	SIM_CHECK(entered == 10);
}

/*
 * Whoever was woken, and finds the lock taken, keeps its place in the queue until it has had the lock: also if it was about to sleep again, saw the
 * lock free after its fence, and comes back to find that somebody else has taken it and a third one searches. Each who lets go looks at the others.
 */
static struct { struct fsyi_thread *thread; uint64_t place; bool queued, woken; } guests[SIM_THREADS];

static void
setup_place(void)
{
	setup();
	tune(1000, 2000, 100, 3000);
	never_worth_looking();
	rounds = 40;
	memset(guests, 0, sizeof(guests));
}

static void
enter_or_leave(int id, bool enters)
{
	struct fsyi_bucket *bucket = fsyi_lot_bucket(&fsyi_lot, &lock);

	fsyi_bucket_lock(bucket);
	guests[id].thread = enters ? fsyi_thread_self() : NULL;
	guests[id].queued = guests[id].woken = false;
	for (int i = 0; i < sim_threads(); i++) {
		const struct fsyi_thread *thread = guests[i].thread;

		if (thread == NULL)
			continue;
		guests[i].queued = guests[i].queued || thread->queue != NULL;
		if (guests[i].woken)
			SIM_CHECK(thread->seniority == guests[i].place);
		guests[i].woken = guests[i].woken || (guests[i].queued && thread->queue == NULL && thread->token == FSYI_TOKEN_NORMAL);
		guests[i].place = thread->seniority;
	}
	fsyi_bucket_unlock(bucket);
}

static void
keeps_its_place(int id)
{
	for (int i = 0; i < rounds; i++) {
		enter_or_leave(id, true);
		fsy_mutex_lock(&lock);
		enter_or_leave(id, false);
		section();
		fsy_mutex_unlock(&lock);
	}
}

/*
 * T1 searches, the others go to sleep covered by it, and it gives up: it makes one of them the searcher and has the next unlock come by, at the
 * moment when T0's looks whether it should. Patient, so that nobody becomes the second.
 */
static void
setup_gives_up(void)
{
	setup();
	tune(100000, 4000, 0, 1000000);
}

static void
gives_up(int id)
{
	if (id > 1)
		fsyi_delay(100 + (int64_t)sim_random(4) * 50);
	if (id != 1)
		fsy_mutex_lock(&lock);
	else if (fsy_mutex_lock_until(&lock, sim_now() + 1000 + (int64_t)sim_random(4) * 500) != 0)
		return;
	users++;
	section();
	if (id == 0)
		fsyi_delay(800 + (int64_t)sim_random(16) * 150);
	fsy_mutex_unlock(&lock);
	for (int i = 0; id == 0 && i < 100; i++)
		sim_point();
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
		int error = fsy_mutex_lock_until(&lock, id >= 2 ? FSY_FOREVER : deadline);

		if (error != 0) {
			SIM_CHECK(error == FSY_ETIMEDOUT && id < 2 && sim_now() >= deadline);
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

static void
setup_nodes(void)
{
	setup();
	tune(100, 400, 100, 100);
	for (int i = 0; i < sim_threads(); i++)
		sim_place(i, i & 1, i & 3);
}

/*
 * The wait bound of lib/sync/lockword.c: with threads that run side by side, the k-th sleeper waits until at most k + batch - 1
 * have been served. That takes a turn of the queue, one patience and one section, and what notices the end of a turn late: the searcher's
 * longest pause and the grace after a take-over. Of a hopeless lock a sleeper has two turns, for it may come too late once; nobody
 * has patience; and a turn waits for a visit that finds the lock free, for one more turn (turn_max), and then for those who keep it
 * taken to stay away. A section here is six steps.
 */
enum { TURN_NS = 3000, PATIENCE_NS = 1000, GRACE_NS = 1000, NOTICE_NS = 4000 + GRACE_NS, SECTION_NS = 6 * 20, BATCH = 2, RUN = 600 };
enum { SERVED_NS = TURN_NS + PATIENCE_NS + NOTICE_NS + SECTION_NS, HOPELESS_NS = 2 * (TURN_NS + TURN_NS + GRACE_NS) + SECTION_NS };
static int64_t longest, bound;

static void
setup_bound(void)
{
	setup();
	rounds = RUN;
	longest = 0;
	bound = (sim_threads() - 1 + BATCH - 1) * (is_hopeless() ? HOPELESS_NS : SERVED_NS);
	tune(PATIENCE_NS, 2 * PATIENCE_NS, 100, TURN_NS);
	fsyi_tune.turn_max_ns = TURN_NS;
	fsyi_tune.node_batch = BATCH;
	for (int i = 0; i < sim_threads(); i++)
		sim_place(i, i & 1, i);
}

static void
waits(int id)
{
	(void)id;
	for (int i = 0; i < rounds; i++) {
		int64_t start = sim_now(), wait;

		fsy_mutex_lock(&lock);
		wait = sim_now() - start;
		longest = wait > longest ? wait : longest;
		for (int step = 0; step < 5; step++)
			sim_point();
		section();
		fsy_mutex_unlock(&lock);
	}
}

static void
bound_held(void)
{
	all_served();
	if (longest > bound)
		sim_fail("a wait of %lld ns, bound %lld", (long long)longest, (long long)bound);
}

const struct sim_case sim_cases[] = {
	BOTH("pair", 2, setup, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("pair-once", 2, setup_sleepy, lock_unlock, all_served, SIM_DFS_ONLY, 3),
	BOTH("trio", 3, setup, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("trio-once", 3, setup_sleepy, lock_unlock, all_served, 0, 2),
	BOTH("gives-up", 4, setup_gives_up, gives_up, all_entered, SIM_NO_DFS, 0),
	BOTH("relapse", 4, setup_relapse, relapse, relapse_served, SIM_NO_DFS, 0),
	BOTH("place", 4, setup_place, keeps_its_place, all_served, SIM_NO_DFS | SIM_FAIR, 0),
	BOTH("quartet", 4, setup, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("vain", 3, setup_vain, vain, vain_served, SIM_NO_DFS, 0),
	BOTH("mixed", 3, setup, mixed, all_entered, SIM_NO_DFS, 0),
	BOTH("timed", 3, setup, timed, all_entered, SIM_NO_DFS, 0),
	BOTH("timed-once", 2, setup_sleepy, timed, all_entered, SIM_DFS_ONLY, 3),
	BOTH("fair", 3, setup, fair, all_served, SIM_NO_DFS, 0),
	BOTH("fair-once", 3, setup_sleepy, fair, all_served, SIM_DFS_ONLY, 2),
	BOTH("nodes", 4, setup_nodes, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("wait-bound", 4, setup_bound, waits, bound_held, SIM_NO_DFS | SIM_FAIR | SIM_SLOW, 0),
	{ "mutex/loses-membarrier-timed/tso", 4, setup, timed, all_entered, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
