/* SPDX-License-Identifier: MIT */
/*
 * sim_rwmutex.c - the real rwmutex, one step at a time: readers against writers in each mode, deadlines and trials, who comes next.
 *
 * Edges exercised: R1, R2, R3 -> S4, S6; S1 -> S2, S3 -> S5; Q1, Q2 -> Q3; the store-buffering pairs of rwmutex.c and of readers_drain.c; invariants
 * W1..W4, D1, D6, I3, I4, I6, I7.
 */
#include "rwmutex_case.h"
#include "rw_company.h"

/* In each of the ways there are; nobody times out early. */
static bool
get_in(int id, bool write)
{
	int64_t deadline = sim_now() + (int64_t)sim_random(4000) - 100;
	int error;

	switch ((id + (int)sim_random(3)) % 3) {
	case 0:
		return write ? fsy_rwmutex_trylock(&lock) : fsy_rwmutex_tryrlock(&lock);
	case 1:
		error = write ? fsy_rwmutex_lock_until(&lock, deadline) : fsy_rwmutex_rlock_until(&lock, deadline);
		SIM_CHECK(error == 0 || (error == FSY_ETIMEDOUT && sim_now() >= deadline));
		return error == 0;
	default:
		if (write)
			fsy_rwmutex_lock(&lock);
		else
			fsy_rwmutex_rlock(&lock);
		return true;
	}
}

static void
mixed(int id)
{
	for (int i = 0; i < rounds; i++) {
		bool write = sim_random(3) == 0;

		if (!get_in(id, write))
			continue;
		if (write) {
			write_section(id);
			fsy_rwmutex_unlock(&lock);
		} else {
			read_section(id);
			fsy_rwmutex_runlock(&lock);
		}
	}
}

/* Modes change all the time: readers are about to change them, and every writer changes them back. */
static void
setup_restless(void)
{
	setup_any();
	rounds = 4;
	lock.calm_ = 15;
	fsyi_tune.readers_calm_ns = sim_random(2) == 0 ? 0 : 1000000000;
}

static void
restless(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (sim_random(4) == 0) {
			write_once(id);
		} else {
			if (fsy_reader_->slot[0].cell_ != TAKEN)        /* it has a line: the next read is looked at more closely */
				fsy_reader_->reads = FSY_READS_SAMPLED_ - 1;
			read_once(id);
		}
		if (sim_random(2) == 0)
			FSY_RAW_STORE_(&lock.calm_, (uint8_t)(sim_random(2) == 0 ? 63 : 15), __ATOMIC_RELAXED);
	}
}

#ifndef FSYI_FENCED
static void setup_joined(void) { begin_tuned(JOINED); }
static void once_joined(void) { begin_once(JOINED); }

/* As when a reader has met a writer before: its first read does without a fence. */
static void
have_joined(void)
{
	if (fsyi_reader_slot(&lock.readers_) != NULL)
		fsyi_reader_join(&lock.readers_);
}

static void
have_joined_one_writer(int id)
{
	if (id < sim_threads() - 1)
		have_joined();
	one_writer(id);
}

/* All have lines, and some have joined. */
static void
may_have_joined(int id)
{
	if (sim_random(2) == 0)
		have_joined();
	else
		fsyi_reader_slot(&lock.readers_);
	by_turns(id);
}

/* Readers that do not answer in time. */
static void
have_joined_long_reads(int id)
{
	have_joined();
	long_reads(id);
}

/* Of two tries of a free lock that meet both may find the other one there, where readers store plainly: one reads, one writes. So it is. */
static bool tried[2];

static void
setup_tries(void)
{
	once_plain();
	tried[0] = tried[1] = false;
	sim_expect("tried[0] || tried[1]");
}

static void
tries_meet(int id)
{
	tried[id] = id == 0 ? fsy_rwmutex_tryrlock(&lock) : fsy_rwmutex_trylock(&lock);
	if (tried[id])
		(id == 0 ? fsy_rwmutex_runlock : fsy_rwmutex_unlock)(&lock);
}

static void
one_had_it(void)
{
	at_rest();
	SIM_CHECK(tried[0] || tried[1]);
}
#endif

/* A reader that is queued when a writer begins its unlock is in before the next writer. */
static struct fsyi_thread *record[SIM_THREADS];
static int reads_before[SIM_THREADS];
static bool owed[SIM_THREADS];

static void
setup_promised(void)
{
	setup_any();

	memset(owed, 0, sizeof(owed));
	for (int i = 0; i < SIM_THREADS; i++)
		record[i] = NULL;
}

/* Without a step of the machine, and only where nobody is changing it. */
static void
see_who_is_queued(void)
{
	const struct fsyi_bucket *bucket = fsyi_lot_bucket(&fsyi_lot, &lock);
	const struct fsyi_waitq *queue;

	if (bucket->lock.cell_ != 0)
		return;
	for (queue = bucket->queues; queue != NULL; queue = queue->chain)
		for (const struct fsyi_thread *thread = queue->all.head; thread != NULL; thread = thread->next)
			for (int i = 0; queue->key == (const char *)&lock + 1 && i < sim_threads(); i++)
				if (thread == record[i]) {
					owed[i] = true;
					reads_before[i] = reads[i];
				}
}

static void
promised(int id)
{
	record[id] = fsyi_thread_self();
	for (int i = 0; i < rounds; i++) {
		if (id >= 2) {
			read_once(id);
			continue;
		}
		fsy_rwmutex_lock(&lock);
		for (int k = 0; k < sim_threads(); k++) {
			if (owed[k] && reads[k] == reads_before[k])
				sim_fail("T%d was queued when the last writer left, and T%d is in before it", k, id);
			owed[k] = false;
		}
		write_section(id);
		for (uint32_t steps = sim_random(40); steps > 0; steps--)
			sim_point();
		see_who_is_queued();
		fsy_rwmutex_unlock(&lock);
	}
}

const struct sim_case sim_cases[] = {
	EACH_MODE("pair", 2, setup, one_writer, everybody_was_in, SIM_NO_DFS, 0),
	EACH_MODE_ONCE("pair", 2, one_writer, everybody_was_in, 3),
	EACH_MODE("trio", 3, setup, one_writer, everybody_was_in, SIM_NO_DFS, 0),
	EACH_MODE_ONCE("trio", 3, one_writer, everybody_was_in, 2),
	EACH_MODE_ONCE("writers", 3, two_writers, everybody_was_in, 2),
	BOTH("quartet", 4, setup_any, two_writers, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("by-turns", 4, setup_any, by_turns, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("mixed", 4, setup_any, mixed, at_rest, SIM_NO_DFS, 0),
	BOTH("long-reads", 3, setup_any, long_reads, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("restless", 4, setup_restless, restless, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("together", 4, setup_together, together, at_rest, SIM_NO_DFS, 0),
#ifndef FSYI_FENCED
	{ "rwmutex/pair/joined/tso", 2, setup_joined, have_joined_one_writer, everybody_was_in, SIM_TSO | SIM_NO_DFS, 0 },
	{ "rwmutex/pair/once/joined/tso", 2, once_joined, have_joined_one_writer, everybody_was_in, SIM_TSO | SIM_DFS_ONLY, 3 },
	{ "rwmutex/trio/joined/tso", 3, setup_joined, have_joined_one_writer, everybody_was_in, SIM_TSO | SIM_NO_DFS, 0 },
	{ "rwmutex/trio/once/joined/tso", 3, once_joined, have_joined_one_writer, everybody_was_in, SIM_TSO | SIM_DFS_ONLY, 2 },
	{ "rwmutex/by-turns/joined/tso", 3, setup_joined, may_have_joined, everybody_was_in, SIM_TSO | SIM_NO_DFS, 0 },
	{ "rwmutex/long-reads/joined/tso", 3, setup_joined, have_joined_long_reads, everybody_was_in, SIM_TSO | SIM_NO_DFS, 0 },
	{ "rwmutex/writers/once/joined/tso", 3, once_joined, two_writers, everybody_was_in, SIM_TSO | SIM_DFS_ONLY, 2 },
	{ "rwmutex/joined/loses-membarrier/tso", 3, setup_joined, may_have_joined, everybody_was_in,
		SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ "rwmutex/tries-meet/tso", 2, setup_tries, tries_meet, one_had_it, SIM_TSO | SIM_DFS_ONLY | SIM_EXPECT_FAILURE, 3 },
#endif
	{ "rwmutex/promised/tso", 4, setup_promised, promised, everybody_was_in, SIM_TSO | SIM_NO_DFS, 0 },
	{ "rwmutex/loses-membarrier/tso", 4, setup_any, mixed, at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
