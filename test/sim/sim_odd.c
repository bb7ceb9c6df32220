/* SPDX-License-Identifier: MIT */
/*
 * sim_odd.c - the mutex in unusual company: sections longer than anybody spins, unlocked by another thread, two locks that share
 * an attention byte, attention published while locks are in use, threads without a record, membarrier refused meanwhile.
 */
#include "mutex_case.h"
#include <sys/init.h>
#include <sys/thread.h>

static fsy_mutex_t crowd[1 << 18], *twin;
static fsy_atomic_u32 mail;
static int twin_inside;

static void
setup_odd(void)
{
	setup();
	rounds = 3;
	mail.cell_ = 0;
	twin_inside = 0;
}

static void
long_section(void)
{
	SIM_CHECK(inside++ == 0);
	entered++;
	for (uint32_t steps = sim_random(25); steps > 0; steps--)
		sim_point();
	SIM_CHECK(--inside == 0);
}

/* T0 may give up. */
static bool
lock_somehow(int id, uint32_t patience)
{
	if (id == 0)
		return fsy_mutex_lock_until(&lock, fsy_after_ns((int64_t)sim_random(patience))) == 0;
	fsy_mutex_lock(&lock);
	return true;
}

static void
long_sections(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (!lock_somehow(id, 9000))
			continue;
		long_section();
		if (id == 2 && (i & 1))
			fsy_mutex_unlock_fair(&lock);
		else
			fsy_mutex_unlock(&lock);
	}
}

/* T0 gives up about when membarrier is refused to it; the others sleep, and look at no clock. */
static void
setup_gives_up(void)
{
	setup_odd();
	never_worth_looking();
	tune(0, 100, 0, 1000000);
}

static void
gives_up(int id)
{
	if (id == 0) {
		if (fsy_mutex_lock_until(&lock, fsy_after_ns(100 + (int64_t)sim_random(1500))) == 0)
			fsy_mutex_unlock(&lock);
		return;
	}
	fsy_mutex_lock(&lock);
	long_section();
	long_section();
	fsy_mutex_unlock(&lock);
}

static void
long_destroy(int id)
{
	bool last;

	for (int i = 0; i < 2; i++) {
		fsy_mutex_lock(&lock);
		long_section();
		last = ++users == 2 * sim_threads();
		if (id == 1)
			fsy_mutex_unlock_fair(&lock);
		else
			fsy_mutex_unlock(&lock);
		if (last)
			sim_kill(&lock, sizeof(lock));
	}
}

/* T0 unlocks whatever the others lock. */
static void
foreign(int id)
{
	for (int left = (sim_threads() - 1) * rounds; id == 0 && left > 0; left--) {
		uint32_t seen = 1;

		for (; !fsy_atomic_u32_cas_acq(&mail, &seen, 0); seen = 1)
			sim_yield();
		SIM_CHECK(--inside == 0);
		if (left & 1)
			fsy_mutex_unlock_fair(&lock);
		else
			fsy_mutex_unlock(&lock);
	}
	for (int i = 0; id > 0 && i < rounds; i++) {
		fsy_mutex_lock(&lock);
		SIM_CHECK(inside++ == 0);
		entered++;
		fsy_atomic_u32_store_rel(&mail, 1);
	}
}

static void
foreign_served(void)
{
	at_rest();
	SIM_CHECK(entered == (sim_threads() - 1) * rounds);
}

static void
setup_twins(void)
{
	setup_odd();
	for (twin = crowd; fsy_attention_slot_(&twin->word_) != fsy_attention_slot_(&lock.word_); twin++)
		if (twin == crowd + sizeof(crowd) / sizeof(crowd[0]) - 1)
			sim_fail("no lock of the crowd shares the slot");
	memset(twin, 0, sizeof(*twin));
	sim_name(twin, sizeof(*twin), "twin");
}

static void
twins(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id & 1) {
			fsy_mutex_lock(twin);
			SIM_CHECK(twin_inside++ == 0);
			sim_point();
			SIM_CHECK(--twin_inside == 0);
			fsy_mutex_unlock(twin);
		} else if (lock_somehow(id, 3000)) {
			long_section();
			fsy_mutex_unlock(&lock);
		}
	}
}

static void
twins_at_rest(void)
{
	at_rest();
	SIM_CHECK(twin->word_.cell_ == 0);
}

/* The constructor runs in T3 while the others use locks: constructors of other libraries may start threads. */
static void
setup_unpublished(void)
{
	setup_odd();
	FSY_RAW_STORE_(&fsy_attention_, (const uint8_t *)NULL, __ATOMIC_RELAXED);
}

static void
publish(int id)
{
	if (id == 3) {
		for (uint32_t steps = sim_random(200); steps > 0; steps--)
			sim_point();
		fsyi_lot_publish_attention();
	}
	long_sections(id);
}

/* No memory for T1's record. */
static void
no_record(int id)
{
	if (id == 1)
		fsyi_thread_self()->spare = NULL;
	long_sections(id);
}

const struct sim_case sim_cases[] = {
	BOTH("long-sections", 4, setup_odd, long_sections, at_rest, SIM_NO_DFS, 0),
	BOTH("long-destroy", 4, setup_odd, long_destroy, at_rest, SIM_NO_DFS, 0),
	BOTH("foreign", 4, setup_odd, foreign, foreign_served, SIM_NO_DFS, 0),
	BOTH("twins", 4, setup_twins, twins, twins_at_rest, SIM_NO_DFS, 0),
	BOTH("no-record", 3, setup_odd, no_record, at_rest, SIM_NO_DFS, 0),
	{ "mutex/publish/tso", 4, setup_unpublished, publish, at_rest, SIM_TSO | SIM_NO_DFS, 0 },
	{ "mutex/loses-membarrier-long/tso", 4, setup_odd, long_sections, at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ "mutex/loses-membarrier-gives-up/tso", 3, setup_gives_up, gives_up, at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ "mutex/loses-membarrier-destroy/tso", 4, setup_odd, long_destroy, at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
