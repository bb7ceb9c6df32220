/* SPDX-License-Identifier: MIT */
/*
 * sim_press.c - a lock that is known to be pressed: what looks at it, waits for its owner to come back, and keeps out of the way. Or to be
 * hopeless: what sleeps at once, yields, and dozes.
 *
 * No schedule is long enough to teach the lock that, so the scenarios begin with it known. Threads share CPUs in every way: whoever
 * waits for the CPU of the thread that wakes it, or stands in the searcher's way, is a case of its own. Paths of lib/sync/lockword*.c
 * that are run here alone: in_the_way, a searcher that holds off, the free lock that is left to its last owner, a visit's BARRED.
 */
#include "mutex_case.h"
#include <sys/membarrier.h>

static void
press(void)
{
	static const uint8_t pressures[] = { 255, 200, 110 };

	lock.busy_ = pressures[sim_random(3)];
	lock.hint_ = (uint16_t)sim_random(1 << 16);
}

static void
setup_pressed(void)
{
	unsigned cpus = 1 + sim_random(3);

	setup();
	press();
	for (int i = 0; i < sim_threads(); i++) {
		int cpu = (int)sim_random(cpus);

		sim_place(i, cpu & 1, cpu);
	}
}

static void
setup_pressed_once(void)
{
	setup_sleepy();
	press();
	lock.busy_ = 255;
	for (int i = 0; i < sim_threads(); i++)
		sim_place(i, 0, i == 2);
}

static void
entered_all(void)
{
	at_rest();
	SIM_CHECK(entered == users);
}

/* A section, with a look at the word: the lock is barred for a searcher, and not for nobody. Who sleeps by the clock may be one searcher too many. */
static void
barred_for_a_searcher(void)
{
	bool barred_for_nobody;

	section();
	barred_for_nobody = (lock.word_.cell_ & (LW_BARRED | LW_SEARCHER)) == LW_BARRED && !fsyi_membarrier_lost();
	SIM_CHECK(!barred_for_nobody);
}

/* Sections longer than anybody spins, so that searchers sleep and visits find the turn over: those of one CPU are let in by force. */
static void
long_sections(int id)
{
	for (int i = 0; i < rounds; i++) {
		fsy_mutex_lock(&lock);
		barred_for_a_searcher();
		fsyi_delay((int64_t)sim_random(3000));
		if (id == 0 && i == 0)
			fsy_mutex_unlock_fair(&lock);
		else
			fsy_mutex_unlock(&lock);
		fsyi_delay((int64_t)sim_random(400));
	}
}

/* In each of the ways there are, deadlines around the moment of the wake-up among them. */
static void
mixed(int id)
{
	for (int i = 0; i < rounds + 1; i++) {
		switch ((id + i) % 4) {
		case 0:
			if (!fsy_mutex_trylock(&lock))
				continue;
			break;
		case 1:
		case 2:
			if (fsy_mutex_lock_until(&lock, fsy_after_ns((int64_t)sim_random(4000) - 100)) != 0)
				continue;
			break;
		default:
			fsy_mutex_lock(&lock);
		}
		users++;
		barred_for_a_searcher();
		fsy_mutex_unlock(&lock);
	}
}

/* The pressure goes and comes while threads act on what they took it for. */
static void
changing(int id)
{
	for (int i = 0; i < rounds; i++) {
		FSY_RAW_STORE_(&lock.busy_, sim_random(2) ? (uint8_t)255 : (uint8_t)0, __ATOMIC_RELAXED);
		if (id == 0)
			fsyi_delay((int64_t)sim_random(500));
		fsy_mutex_lock(&lock);
		barred_for_a_searcher();
		fsy_mutex_unlock(&lock);
	}
}

/*
 * T0 holds on, and comes back at once. Nobody looks; who is woken comes too late, and dozes with the searcher's role: until it finds the lock
 * free, or its turn is due, or its deadline is over.
 */
static void
setup_doze(void)
{
	setup();
	tune(0, 4000, 0, INT64_C(2000) << 3 * sim_random(3));
	never_worth_looking();
	always_late();
}

static bool
is_waited_for(void)
{
	return (fsy_atomic_u32_load_rlx(&lock.word_) & (LW_SEARCHER | LW_QUEUED)) != 0;
}

static void
doze(int id)
{
	for (int i = 0; i < (id == 0 ? 6 : 2); i++) {
		if (id != 2)
			fsy_mutex_lock(&lock);
		else if (fsy_mutex_lock_until(&lock, sim_now() + (int64_t)sim_random(8) * fsyi_tune.turn_min_ns / 4) != 0)
			continue;
		users++;
		section();
		for (int look = 0; id == 0 && look < 32 && !is_waited_for(); look++)
			fsyi_delay(1000);
		if (id == 0)
			fsyi_delay((int64_t)sim_random(8) * fsyi_tune.turn_min_ns / 4);
		fsy_mutex_unlock(&lock);
	}
}

/* T0 lets go fairly now and then: whoever has the role by then is next, though it may doze, or be about to sleep, and T0 is back at once. */
static void
fair_to_dozers(int id)
{
	for (int i = 0, before; i < (id == 0 ? 8 : 3); i++) {
		fsy_mutex_lock(&lock);
		users++;
		section();
		for (int look = 0; id == 0 && look < 32 && !is_waited_for(); look++)
			fsyi_delay(1000);
		if (id == 0)
			fsyi_delay((int64_t)sim_random(4) * fsyi_tune.turn_min_ns / 4);
		before = entered;
		if (id != 0 || i % 2 == 0 || !(fsy_atomic_u32_load_rlx(&lock.word_) & LW_SEARCHER)) {
			fsy_mutex_unlock(&lock);
			continue;
		}
		fsy_mutex_unlock_fair(&lock);
		fsy_mutex_lock(&lock);
		SIM_CHECK(entered > before);
		fsy_mutex_unlock(&lock);
	}
}

const struct sim_case sim_cases[] = {
	BOTH("pressed-pair", 2, setup_pressed, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("pressed-once", 2, setup_pressed_once, lock_unlock, all_served, SIM_DFS_ONLY, 3),
	BOTH("pressed-trio-once", 3, setup_pressed_once, lock_unlock, all_served, SIM_DFS_ONLY, 2),
	BOTH("pressed-trio", 3, setup_pressed, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("pressed-quartet", 4, setup_pressed, lock_unlock, all_served, SIM_NO_DFS, 0),
	BOTH("pressed-long", 4, setup_pressed, long_sections, all_served, SIM_NO_DFS, 0),
	BOTH("pressed-mixed", 4, setup_pressed, mixed, entered_all, SIM_NO_DFS, 0),
	BOTH("pressed-changing", 3, setup_pressed, changing, all_served, SIM_NO_DFS, 0),
	{ "mutex/pressed-loses-membarrier/tso", 4, setup_pressed, mixed, entered_all, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	BOTH("doze", 3, setup_doze, doze, entered_all, SIM_NO_DFS, 0),
	BOTH("doze-fair", 2, setup_doze, fair_to_dozers, entered_all, SIM_NO_DFS, 0),
	BOTH("doze-fair-trio", 3, setup_doze, fair_to_dozers, entered_all, SIM_NO_DFS, 0),
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
