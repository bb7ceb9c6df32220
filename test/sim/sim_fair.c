/* SPDX-License-Identifier: MIT */
/*
 * sim_fair.c - the real fair rwlock, one step at a time: readers against writers in each mode, deadlines and trials, changes of kind, and who
 * comes next.
 *
 * Edges exercised: V1 -> V2, V3, V4, S4, S6; S1 -> S2, S3 -> S5; K1, K3 -> K2; invariants F1..F6, W1, D1, I3, I4, I6, I7.
 */
#include "fair_case.h"
#include "rw_company.h"

/* In each of the ways there are; nobody times out early. */
static bool
get_in(int id, bool write)
{
	int64_t deadline = sim_now() + (int64_t)sim_random(4000) - 100;
	int error;

	switch ((id + (int)sim_random(3)) % 3) {
	case 0:
		error = write ? fsy_fair_rwlock_trylock(&lock) : fsy_fair_rwlock_tryrlock(&lock);
		SIM_CHECK(error == 0 || error == FSY_EBUSY);
		return error == 0;
	case 1:
		error = write ? fsy_fair_rwlock_lock_until(&lock, deadline) : fsy_fair_rwlock_rlock_until(&lock, deadline);
		SIM_CHECK(error == 0 || (error == FSY_ETIMEDOUT && sim_now() >= deadline));
		return error == 0;
	default:
		SIM_CHECK((write ? fsy_fair_rwlock_lock(&lock) : fsy_fair_rwlock_rlock(&lock)) == 0);
		return true;
	}
}

/* Writers may go on as readers, and readers may as writers. */
static void
mixed(int id)
{
	for (int i = 0; i < rounds; i++) {
		bool write = sim_random(2) == 0;

		if (!get_in(id, write))
			continue;
		if (write) {
			write_section(id);
			if (sim_random(2) == 0) {
				fsy_fair_rwlock_unlock(&lock);
				continue;
			}
			fsy_fair_rwlock_downgrade(&lock);
		}
		read_section(id);
		if (sim_random(2) == 0 && fsy_fair_rwlock_try_upgrade(&lock)) {
			write_section(id);
			fsy_fair_rwlock_unlock(&lock);
		} else {
			fsy_fair_rwlock_runlock(&lock);
		}
	}
}

/* Writers that give up, one after the other, while readers that never do take seats. */
static void
impatient(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id >= 2) {
			SIM_CHECK(fsy_fair_rwlock_rlock(&lock) == 0);
			if (sim_random(2) == 0)
				fsyi_delay((int64_t)sim_random(2000));
			read_section(id);
			fsy_fair_rwlock_runlock(&lock);
		} else if (fsy_fair_rwlock_lock_until(&lock, sim_now() + (int64_t)sim_random(1500)) == 0) {
			write_section(id);
			fsy_fair_rwlock_unlock(&lock);
		}
	}
}

/* What a writer wrote is still so when it reads after its downgrade: nobody got in between. */
static void
downgrades(int id)
{
	long mine;

	for (int i = 0; i < rounds; i++) {
		if (id >= 2) {
			read_once(id);
			continue;
		}
		SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0);
		write_section(id);
		mine = right_half;
		fsy_fair_rwlock_downgrade(&lock);
		sim_point();
		SIM_CHECK(left_half == mine && right_half == mine);
		fsy_fair_rwlock_runlock(&lock);
	}
}

/* A downgrade lets in whoever waits to read, though a writer waits for longer: this thread reads until they do. */
static fsy_atomic_u32 in;

static void
setup_admitting(void)
{
	setup_any();
	in.cell_ = 0;
}

static void
admitting(int id)
{
	if (id == 0) {
		SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0);
		write_section(id);
		while (!(fsy_atomic_u32_load(&lock.word_) & (FAIR_READERS | FAIR_SEATS)) && fsy_atomic_u32_load(&in) == 0)
			sim_yield();
		fsy_fair_rwlock_downgrade(&lock);
		while (fsy_atomic_u32_load(&in) == 0)
			sim_yield();
		fsy_fair_rwlock_runlock(&lock);
	} else if (id == 1) {
		SIM_CHECK(fsy_fair_rwlock_rlock(&lock) == 0);
		fsy_atomic_u32_store(&in, 1);
		read_section(id);
		fsy_fair_rwlock_runlock(&lock);
	} else {
		while (!(fsy_atomic_u32_load(&lock.word_) & FAIR_LOCKED) && fsy_atomic_u32_load(&in) == 0)
			sim_yield();
		write_once(id);
	}
}

/* The mark of a claim ends with the write phase in which it was made: whoever is handed the lock finds none of those who are in, and a claim that
 * was given up is not left in a free lock. Everybody claims and sleeps at once; there may be one writer or two. */
enum { GOT_IN = 1, GAVE_UP };

static void
setup_one_claim(void)
{
	setup_admitting();
	tune(0, 0, 0);
}

static void
claim_once(int id)
{
	if (fsy_fair_rwlock_rlock_until(&lock, sim_now() + (int64_t)sim_random(1500)) != 0) {
		fsy_atomic_u32_store(&in, GAVE_UP);
		return;
	}
	fsy_atomic_u32_store(&in, GOT_IN);
	read_section(id);
	fsy_fair_rwlock_runlock(&lock);
}

static void
one_claim(int id)
{
	bool until_it_gives_up = sim_random(2) == 0;

	if (id == 0) {
		claim_once(id);
		return;
	}
	if (id == 2 && sim_random(2) == 0)
		return;
	SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0);
	SIM_CHECK(fsy_atomic_u32_load(&in) != GOT_IN || !(fsy_atomic_u32_load(&lock.word_) & FAIR_DUE));
	write_section(id);
	while (fsy_atomic_u32_load(&in) == 0 && (until_it_gives_up || !(fsy_atomic_u32_load(&lock.word_) & FAIR_DUE)))
		sim_yield();
	fsy_fair_rwlock_unlock(&lock);
}

/* Nobody else writes, and nobody has claimed yet: whoever sleeps when the downgrade releases the lock is let in by it, and not told to try, also
 * while another gives up. */
static void
setup_drowsy(enum mode mode)
{
	begin(mode);
	tune(1000000, 0, 0);
	rounds = 1;
}

static void drowsy_counted(void) { setup_drowsy(COUNTED); }
static void drowsy_fenced(void) { setup_drowsy(FENCED); }
static void drowsy_plain(void) { setup_drowsy(PLAIN); }

static void
all_let_in(int id)
{
	bool got_in = true;

	if (id == 0) {
		SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0);
		write_section(id);
		for (uint32_t steps = sim_random(40); steps > 0; steps--)
			sim_point();
		fsy_fair_rwlock_downgrade(&lock);
	} else if (id == 1) {
		got_in = fsy_fair_rwlock_rlock_until(&lock, sim_now() + 300) == 0;
	} else {
		SIM_CHECK(fsy_fair_rwlock_rlock(&lock) == 0);
	}
	SIM_CHECK(id == 0 || fsyi_thread_self()->token != FSYI_TOKEN_NORMAL);
	if (!got_in)
		return;
	read_section(id);
	fsy_fair_rwlock_runlock(&lock);
}

/* Of those who read and want to write without letting go, one at a time may; nobody writes between its two looks. */
static void
upgrades(int id)
{
	long seen;

	for (int i = 0; i < rounds; i++) {
		SIM_CHECK(fsy_fair_rwlock_rlock(&lock) == 0);
		seen = left_half;
		read_section(id);
		reads[id]--;
		if (fsy_fair_rwlock_try_upgrade(&lock)) {
			SIM_CHECK(left_half == seen);
			write_section(id);
			fsy_fair_rwlock_unlock(&lock);
		} else {
			reads[id]++;
			fsy_fair_rwlock_runlock(&lock);
		}
	}
}

#define CASES_OF_ALL \
	EACH_MODE("pair", 2, setup, one_writer, everybody_was_in, SIM_NO_DFS, 0), \
	EACH_MODE_ONCE("pair", 2, one_writer, everybody_was_in, 3), \
	EACH_MODE("trio", 3, setup, one_writer, everybody_was_in, SIM_NO_DFS, 0), \
	EACH_MODE_ONCE("trio", 3, one_writer, everybody_was_in, 2), \
	EACH_MODE_ONCE("two-writers", 3, two_writers, everybody_was_in, 2)

const struct sim_case sim_cases[] = {
	CASES_OF_ALL,
	BOTH("writers", 4, setup_any, writers, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("quartet", 4, setup_any, two_writers, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("by-turns", 5, setup_any, by_turns, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("mixed", 4, setup_any, mixed, at_rest, SIM_NO_DFS, 0),
	BOTH("long-reads", 3, setup_any, long_reads, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("impatient", 5, setup_any, impatient, at_rest, SIM_NO_DFS, 0),
	BOTH("downgrades", 4, setup_any, downgrades, at_rest, SIM_NO_DFS, 0),
	BOTH("admitting", 4, setup_admitting, admitting, at_rest, SIM_NO_DFS, 0),
	BOTH("one-claim", 3, setup_one_claim, one_claim, at_rest, SIM_NO_DFS, 0),
	EACH_MODE("all-let-in", 3, drowsy, all_let_in, at_rest, SIM_NO_DFS, 0),
	BOTH("upgrades", 3, setup_any, upgrades, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("together", 4, setup_together, together, at_rest, SIM_NO_DFS, 0),
	{ "fair/loses-membarrier/tso", 4, setup_any, mixed, at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
