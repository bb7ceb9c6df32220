/* SPDX-License-Identifier: MIT */
/*
 * sim_toys.c - known algorithms with known verdicts: the machine is tested before it tests anything.
 */
#include "scenario.h"
#include <fastsync/atomic.h>
#include <sys/clock.h>
#include <sys/futex.h>
#include <sys/membarrier.h>

static fsy_atomic_u32 x, y, word;
static uint32_t got[2];
static int inside, total;

static void
setup(void)
{
	x.cell_ = y.cell_ = word.cell_ = 0;
	got[0] = got[1] = 9;
	inside = total = 0;
	sim_name(&x, 4, "x");
	sim_name(&y, 4, "y");
	sim_name(&word, 4, "word");
}

static void
section(void)
{
	SIM_CHECK(++inside == 1);
	sim_point();
	SIM_CHECK(--inside == 0);
	total++;
}

static void
nothing(void)
{
}

/* Store buffering: with plain stores both loads may read 0. */
static void
dekker_plain(int id)
{
	fsy_atomic_u32_store_rel(id ? &y : &x, 1);
	FSY_LIGHT_BARRIER_();
	got[id] = fsy_atomic_u32_load_acq(id ? &x : &y);
}

static void
dekker_fenced(int id)
{
	fsy_atomic_u32_swap(id ? &y : &x, 1);
	got[id] = fsy_atomic_u32_load_acq(id ? &x : &y);
}

/* Light on one side, heavy on the other. */
static void
dekker_asymmetric(int id)
{
	fsy_atomic_u32_store_rel(id ? &y : &x, 1);
	if (id == 0)
		FSY_LIGHT_BARRIER_();
	else
		fsyi_membarrier();
	got[id] = fsy_atomic_u32_load_acq(id ? &x : &y);
}

/* The compiler may move the load above the store. */
static void
dekker_no_light(int id)
{
	fsy_atomic_u32_store_rel(id ? &y : &x, 1);
	if (id == 1)
		fsyi_membarrier();
	got[id] = fsy_atomic_u32_load_acq(id ? &x : &y);
}

static void
not_both_zero(void)
{
	SIM_CHECK(got[0] + got[1] > 0);
}

/* Mixed sizes: a thread sees its own byte inside the word at once. */
static void
forward(int id)
{
	if (id == 1) {
		fsy_atomic_u32_or(&word, 0xff0000);
		return;
	}
	FSY_RAW_STORE_((uint8_t *)&word, (uint8_t)0x11, __ATOMIC_RELAXED);
	FSY_RAW_STORE_((uint8_t *)&word + 1, (uint8_t)0x22, __ATOMIC_RELAXED);
	SIM_CHECK((fsy_atomic_u32_load_rlx(&word) & 0xffff) == 0x2211);
	SIM_CHECK(FSY_RAW_LOAD_((uint16_t *)&word, __ATOMIC_RELAXED) == 0x2211);
}

static void
forwarded(void)
{
	SIM_CHECK(word.cell_ == 0xff2211);
}

/* Drepper's second mutex. */
static void
futex_mutex(int id)
{
	(void)id;
	for (int i = 0; i < 2; i++) {
		uint32_t seen = 0;

		if (!fsy_atomic_u32_cas_acq(&word, &seen, 1))
			while (fsy_atomic_u32_swap_acq(&word, 2) != 0)
				fsyi_futex_wait(&word, 2, FSY_FOREVER);
		section();
		if (fsy_atomic_u32_swap_rel(&word, 0) == 2)
			fsyi_futex_wake(&word, 1);
	}
}

/* Its classic slip: the sleeper does not leave 2 behind, so the third thread's wake-up is lost. */
static void
futex_mutex_lost(int id)
{
	uint32_t seen = 0;

	(void)id;
	while (!fsy_atomic_u32_cas_acq(&word, &seen, 1)) {
		fsy_atomic_u32_swap(&y, 1);
		fsyi_futex_wait(&word, 1, FSY_FOREVER);
		seen = 0;
	}
	section();
	fsy_atomic_u32_store_rel(&word, 0);
	if (fsy_atomic_u32_swap(&y, 0) == 1)
		fsyi_futex_wake(&word, 1);
}

static void
not_atomic(int id)
{
	(void)id;
	while (fsy_atomic_u32_load_acq(&word) != 0)
		fsyi_relax();
	fsy_atomic_u32_store_rel(&word, 1);
	section();
	fsy_atomic_u32_store_rel(&word, 0);
}

/* The unlock that looks at the object after it released it; the last user takes the memory away. */
static void
late_touch(int id)
{
	uint32_t seen;

	(void)id;
	do {
		seen = 0;
		fsyi_relax();
	} while (!fsy_atomic_u32_cas_acq(&word, &seen, 1));
	section();
	if (total == 2) {
		fsy_atomic_u32_store_rel(&word, 0);
		sim_kill(&word, 4);
		return;
	}
	fsy_atomic_u32_store_rel(&word, 0);
	FSY_LIGHT_BARRIER_();
	if (fsy_atomic_u32_load_rlx(&word) == 2)
		fsyi_futex_wake(&word, 1);
}

/* Time passes only when nobody else can run, or when the schedule says so. */
static void
timer(int id)
{
	int64_t deadline = sim_now() + 1000000;

	if (id == 0) {
		SIM_CHECK(fsyi_futex_wait(&word, 0, deadline) != FSYI_TIMEDOUT || sim_now() >= deadline);
		return;
	}
	SIM_CHECK(fsyi_delay(500) >= deadline - 1000000 + 500);
}

/* What each detector says. */
static void
setup_deadlock(void)
{
	setup();
	sim_expect("deadlock: T");
}

static void
setup_livelock(void)
{
	setup();
	sim_expect("livelock");
}

static void
setup_dead_memory(void)
{
	setup();
	sim_expect("word+0 after its end of life");
}

static void
setup_bound(void)
{
	setup();
	sim_expect("in a row");
}

static void
sleeping_lock(fsy_atomic_u32 *lock)
{
	while (fsy_atomic_u32_swap_acq(lock, 1) != 0)
		fsyi_futex_wait(lock, 1, FSY_FOREVER);
}

/* Two locks, taken in two orders. */
static void
abba(int id)
{
	sleeping_lock(id ? &y : &x);
	sleeping_lock(id ? &x : &y);
	for (int i = 0; i < 2; i++) {
		fsy_atomic_u32_store_rel(i ? &y : &x, 0);
		fsyi_futex_wake(i ? &y : &x, 1);
	}
}

/* Each lets the other go first, for ever: T0 waits for 1 and T1 for 2, and nobody writes either. */
static void
polite(int id)
{
	while (fsy_atomic_u32_load_acq(&word) != (uint32_t)id + 1)
		fsyi_relax();
}

/* A lock without turns: somebody has it again and again while another waits. The bound is what a ticket lock keeps. */
static void
overtakes(int id)
{
	static int last, row;

	if (total == 0)
		row = 0;
	for (int i = 0; i < 6; i++) {
		fsy_atomic_u32_add_rlx(&x, 1);
		while (fsy_atomic_u32_swap_acq(&word, 1) != 0)
			fsyi_relax();
		fsy_atomic_u32_add_rlx(&x, (uint32_t)-1);
		row = total > 0 && last == id && fsy_atomic_u32_load_rlx(&x) > 0 ? row + 1 : 0;
		last = id;
		if (row > 2)
			sim_fail("%d times in a row while another waits", row);
		section();
		fsy_atomic_u32_store_rel(&word, 0);
	}
}

const struct sim_case sim_cases[] = {
	{ "toy/dekker/plain/sc", 2, setup, dekker_plain, not_both_zero, 0, 0 },
	{ "toy/dekker/plain/tso", 2, setup, dekker_plain, not_both_zero, SIM_TSO | SIM_EXPECT_FAILURE, 0 },
	{ "toy/dekker/fenced/tso", 2, setup, dekker_fenced, not_both_zero, SIM_TSO, 0 },
	{ "toy/dekker/asymmetric/tso", 2, setup, dekker_asymmetric, not_both_zero, SIM_TSO, 0 },
	{ "toy/dekker/no-light-barrier/tso", 2, setup, dekker_no_light, not_both_zero, SIM_TSO | SIM_EXPECT_FAILURE, 0 },
	{ "toy/forwarding/tso", 2, setup, forward, forwarded, SIM_TSO, 0 },
	{ "toy/futex-mutex/tso", 3, setup, futex_mutex, nothing, SIM_TSO, 0 },
	{ "toy/lost-wake-up", 3, setup_deadlock, futex_mutex_lost, nothing, SIM_EXPECT_FAILURE, 0 },
	{ "toy/not-atomic", 2, setup, not_atomic, nothing, SIM_EXPECT_FAILURE, 0 },
	{ "toy/late-touch/tso", 2, setup_dead_memory, late_touch, nothing, SIM_TSO | SIM_EXPECT_FAILURE, 0 },
	{ "toy/abba", 2, setup_deadlock, abba, nothing, SIM_EXPECT_FAILURE, 0 },
	{ "toy/livelock", 2, setup_livelock, polite, nothing, SIM_EXPECT_FAILURE, 0 },
	{ "toy/overtaken", 3, setup_bound, overtakes, nothing, SIM_EXPECT_FAILURE, 0 },
	{ "toy/timer", 2, setup, timer, nothing, 0, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
