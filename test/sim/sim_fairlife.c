/* SPDX-License-Identifier: MIT */
/*
 * sim_fairlife.c - the fair rwlock in unusual company: holds given back by strangers, threads that end with holds, a lock that goes
 * away, a fork. D1..D4 of lib/sync/readers.c, H1, I1, I8.
 */
#include "fair_case.h"
#include "rw_life.h"
#include "rw_mail.h"
#include <sys/fork.h>

static void setup_mail_counted(void) { setup_mail(COUNTED); }
static void setup_mail_fenced(void) { setup_mail(FENCED); }
static void setup_mail_plain(void) { setup_mail(PLAIN); }

/* T0 ends while it writes: whoever comes next knows, and nobody after the flag is cleared. */
static fsy_atomic_u32 ended, repaired;

static void
setup_end(void)
{
	setup_any();
	ended.cell_ = repaired.cell_ = 0;
}

static void
writer_ends(int id)
{
	uint32_t was, is;
	int error;

	for (int i = 0; i < rounds; i++) {
		if (id == 0 && i == 0) {
			SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0);
			write_section(id);
			SIM_CHECK(!fsyi_fair_leaves(false));    /* a later destructor may still unlock */
			fsy_atomic_u32_store(&ended, 1);
			SIM_CHECK(fsyi_fair_leaves(true));
			continue;
		}
		error = id == 1 ? fsy_fair_rwlock_lock(&lock) : fsy_fair_rwlock_rlock(&lock);
		was = fsy_atomic_u32_load(&ended);
		is = fsy_atomic_u32_load(&repaired);
		SIM_CHECK(error == (was && !is ? (int)FSY_EPOISONED : 0));
		if (id == 1) {
			write_section(id);
			if (error != 0) {
				fsy_fair_rwlock_clear_poison(&lock);
				fsy_atomic_u32_store(&repaired, 1);
			}
			fsy_fair_rwlock_unlock(&lock);
		} else {
			read_section(id);
			fsy_fair_rwlock_runlock(&lock);
		}
	}
}

static void
at_rest_or_poisoned(void)
{
	lock.word_.cell_ &= ~FAIR_POISON;       /* T1 may have come before the end */
	at_rest();
}

/* T1 reads and ends, T0 gives its hold back; T2 reads, and writes without letting go if nobody else reads. */
static void
upgrade_meets_end(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id < 2) {
			end_with_a_hold(id);
			continue;
		}
		enter_reading();
		if (!fsy_fair_rwlock_try_upgrade(&lock)) {
			leave_reading();
			continue;
		}
		SIM_CHECK(fsy_atomic_u32_load(&held) == 0);
		writing = 1;
		sim_point();
		SIM_CHECK(fsy_atomic_u32_load(&held) == 0);
		writing = 0;
		fsy_fair_rwlock_unlock(&lock);
	}
}

static void
destroy(int id)
{
	bool last, write = id == 0 || (id == 1 && sim_threads() > 3);

	SIM_CHECK((write ? fsy_fair_rwlock_lock(&lock) : fsy_fair_rwlock_rlock(&lock)) == 0);
	last = is_last();
	if (write && sim_threads() > 2 && sim_random(2) == 0) {
		fsy_fair_rwlock_downgrade(&lock);
		write = false;
	}
	if (write)
		fsy_fair_rwlock_unlock(&lock);
	else
		fsy_fair_rwlock_runlock(&lock);
	if (last)
		remove_after(write);
}

/* T0 forks with a hold of either kind or without. While it writes T1 and T2 wait, in every way; T3 is a thread of the child. */
static enum { WRITES, READS, DOES_NEITHER } forker;

static void
setup_fork(void)
{
	setup_users();
	forker = (__typeof__(forker))sim_random(3);
}

static void
forked(int id)
{
	if (id == 3) {
		users.cell_ = 1;
		sim_await_fork();
	}
	if (id == 1 || id == 2) {
		while (users.cell_ < 2)
			sim_yield();
		if (forker == WRITES)
			SIM_CHECK((id == 2 ? fsy_fair_rwlock_lock(&lock) : fsy_fair_rwlock_rlock(&lock)) == 0);
		return;
	}
	if (id == 0) {
		while (users.cell_ == 0)
			sim_yield();
		if (forker == WRITES)
			SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0);
		if (forker == READS)
			SIM_CHECK(fsy_fair_rwlock_rlock(&lock) == 0);
		users.cell_ = 2;
		for (uint32_t steps = sim_random(60); steps > 0; steps--)
			sim_point();
		sim_fork();
		fsyi_fork_check();              /* as fork()'s handler does */
		if (forker == WRITES)
			fsy_fair_rwlock_unlock(&lock);
		if (forker == READS)
			fsy_fair_rwlock_runlock(&lock);
	}
	for (int i = 0; i < rounds; i++) {
		write_once(id);
		read_once(id);
	}
}

static void
child_at_rest(void)
{
	SIM_CHECK(writes[0] == rounds && writes[3] == rounds);
	at_rest();
}

const struct sim_case sim_cases[] = {
	EACH_MODE("strangers", 4, setup_mail, strangers, at_rest, SIM_NO_DFS, 0),
	EACH_MODE("anybodys", 4, setup_mail, anybodys, at_rest, SIM_NO_DFS, 0),
	EACH_MODE("reader-ends", 4, setup_mail, reader_ends, at_rest, SIM_NO_DFS, 0),
	EACH_MODE("upgrade-meets-end", 3, setup_mail, upgrade_meets_end, at_rest, SIM_NO_DFS, 0),
	BOTH("writer-ends", 4, setup_end, writer_ends, at_rest_or_poisoned, SIM_NO_DFS, 0),
	BOTH("destroy-pair", 2, setup_users, destroy, at_rest, 0, 3),
	BOTH("destroy", 4, setup_users, destroy, at_rest, SIM_NO_DFS, 0),
	{ "fair/strangers/loses-membarrier/tso", 4, setup_mail_plain, strangers, at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ "fair/forked/tso", 4, setup_fork, forked, child_at_rest, SIM_TSO | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
