/* SPDX-License-Identifier: MIT */
/*
 * sim_rwlife.c - the rwmutex in unusual company: holds given back by strangers, threads that end with holds, a lock that goes away, a
 * fork. D1..D5 and edge Y3 of lib/sync/readers.c, I1, I8.
 */
#include "rwmutex_case.h"
#include "rw_life.h"
#include "rw_mail.h"
#include <sys/fork.h>

static fsy_rwmutex_t many[64], *twin;   /* twin has the lock's slot in each line */

static void
setup_twin(enum mode mode)
{
	setup_mail(mode);
	memset(many, 0, sizeof(many));
	for (twin = many; fsy_reader_slot_(&twin->readers_) != fsy_reader_slot_(&lock.readers_); twin++)
		;
}

static void setup_mail_counted(void) { setup_twin(COUNTED); }
static void setup_mail_fenced(void) { setup_twin(FENCED); }
static void setup_mail_plain(void) { setup_twin(PLAIN); }

#ifndef FSYI_FENCED
/* Two locks that have their readers in common also where these join; each has its own writer. */
static int twin_writing, twin_reading[SIM_THREADS];

static void setup_mail_joined(void) { setup_twin(JOINED); }

static void
setup_crossed(void)
{
	setup_twin(JOINED);
	twin->word_.cell_ = FSY_READERS_JOINED_;
	twin_writing = 0;
	memset(twin_reading, 0, sizeof(twin_reading));
	sim_name(twin, sizeof(*twin), "twin");
}

static void
write_twin(void)
{
	fsy_rwmutex_lock(twin);
	twin_writing = 1;
	for (int reader = 0; reader < sim_threads(); reader++)
		SIM_CHECK(twin_reading[reader] == 0);
	sim_point();
	twin_writing = 0;
	fsy_rwmutex_unlock(twin);
}

static void
read_twin(int id)
{
	fsy_rwmutex_rlock(twin);
	twin_reading[id] = 1;
	SIM_CHECK(twin_writing == 0);
	sim_point();
	SIM_CHECK(twin_writing == 0);
	twin_reading[id] = 0;
	fsy_rwmutex_runlock(twin);
}

static void
crossed(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id == 0) {
			write_once(id);
		} else if (id == 1) {
			write_twin();
		} else {
			read_once(id);
			read_twin(id);
		}
	}
}
#endif

/* Everybody sleeps soon. */
static void
setup_mail_once(void)
{
	setup_mail(FENCED);
	tune(0, 0, 0, 100);
	rounds = 1;
}

/* T0 gives back the hold of T1, while T1 tries again and again to read: it is T1's attempt that T0 may find. T2 writes. */
static void
stranger_against_attempts(int id)
{
	if (id == 1) {
		hold();
		fsy_atomic_u32_store(&mail, 1);
		for (int i = 0; i < rounds; i++)
			if (fsy_rwmutex_tryrlock(&lock)) {
				SIM_CHECK(writing == 0);
				fsy_rwmutex_runlock(&lock);
			}
	} else if (id == 0) {
		while (fsy_atomic_u32_load(&mail) == 0)
			sim_yield();
		give_back();
	} else {
		for (int i = 0; i < rounds; i++)
			write_alone(id);
	}
}

/* As reader_ends, but T0 comes as soon as the hold is counted, and T2 sleeps over the slot that it is about to leave. */
static void
ends_under_a_sleeper(int id)
{
	while (id == 0 && (lock.readers_.cell_ & READERS_COUNT) == 0)
		sim_yield();
	if (id == 0) {
		give_back();
	} else if (id == 1) {
		hold();
		fsyi_delay(5000);
		fsyi_reader_exit(fsyi_thread_self());
	} else {
		write_alone(id);
	}
}

/* Readers end, and hold nothing: a writer that comes later does not look at their lines, and sees all the same that they have read. */
static void
readers_leave(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id == 0) {
			write_once(id);
			continue;
		}
		read_once(id);
		fsyi_reader_exit(fsyi_thread_self());
	}
}

/* Two locks in one slot of each line: the second hold of a thread is counted. */
static void
nested(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id == 0) {
			write_alone(id);
			continue;
		}
		fsy_rwmutex_rlock(twin);
		hold();
		if (id == 1)
			fsy_rwmutex_runlock(twin);
		give_back();
		if (id != 1)
			fsy_rwmutex_runlock(twin);
	}
}

static void
destroy(int id)
{
	bool last, write = id == 0 || (id == 1 && sim_threads() > 3);

	if (write)
		fsy_rwmutex_lock(&lock);
	else
		fsy_rwmutex_rlock(&lock);
	last = is_last();
	if (write)
		fsy_rwmutex_unlock(&lock);
	else
		fsy_rwmutex_runlock(&lock);
	if (last)
		remove_after(write);
}

/* T0 forks with a hold or without, while the others read in slots; T3 is a thread of the child. */
static void
setup_fork(void)
{
	begin((enum mode)(FENCED + sim_random(3)));
	tune_somehow();
	users.cell_ = 0;
}

static void
forked(int id)
{
	bool reader = sim_random(2) == 0;

	if (id == 3) {
		users.cell_ = 1;
		sim_await_fork();
	}
	while (id == 0 && users.cell_ == 0)
		sim_yield();
	if (id == 1 || id == 2) {
		for (int i = 0; i < rounds; i++)
			read_once(id);
		return;
	}
	if (id == 0 && reader) {
		fsy_rwmutex_rlock(&lock);
		for (uint32_t steps = sim_random(20); steps > 0; steps--)
			sim_point();
		sim_fork();
		memset(reading, 0, sizeof(reading));
		fsyi_fork_check();              /* as fork()'s handler does */
		fsy_rwmutex_runlock(&lock);
	} else if (id == 0) {
		for (uint32_t steps = sim_random(40); steps > 0; steps--)
			sim_point();
		sim_fork();
		memset(reading, 0, sizeof(reading));
		fsyi_fork_check();              /* as fork()'s handler does */
	}
	for (int i = 0; i < rounds; i++) {
		write_once(id);
		read_once(id);
	}
}

static void
child_at_rest(void)
{
	SIM_CHECK(!(lock.word_.cell_ & (LW_LOCKED | RW_PARKED)));
	SIM_CHECK(lock.readers_.cell_ == 0 && !readers_in_slots(&lock.readers_));
	SIM_CHECK(writes[0] == rounds && writes[3] == rounds);
}

const struct sim_case sim_cases[] = {
	EACH_MODE("strangers", 4, setup_mail, strangers, at_rest, SIM_NO_DFS, 0),
	EACH_MODE("anybodys", 4, setup_mail, anybodys, at_rest, SIM_NO_DFS, 0),
	EACH_MODE("stranger-against-attempts", 3, setup_mail, stranger_against_attempts, at_rest, 0, 2),
#ifndef FSYI_FENCED
	{ "rwmutex/strangers/joined/tso", 4, setup_mail_joined, strangers, at_rest, SIM_TSO | SIM_NO_DFS, 0 },
	{ "rwmutex/ends/joined/tso", 4, setup_mail_joined, reader_ends, at_rest, SIM_TSO | SIM_NO_DFS, 0 },
	{ "rwmutex/crossed/tso", 3, setup_crossed, crossed, at_rest, SIM_TSO | SIM_NO_DFS, 0 },
	{ "rwmutex/crossed/four/tso", 4, setup_crossed, crossed, at_rest, SIM_TSO | SIM_NO_DFS, 0 },
#endif
	EACH_MODE("ends", 4, setup_mail, reader_ends, at_rest, SIM_NO_DFS, 0),
	{ "rwmutex/ends-under-a-sleeper/tso", 3, setup_mail_once, ends_under_a_sleeper, at_rest, SIM_TSO | SIM_NO_DFS, 0 },
	BOTH("leave", 3, setup_fenced, readers_leave, at_rest, SIM_NO_DFS, 0),
	EACH_MODE("nested", 3, setup_mail, nested, at_rest, SIM_NO_DFS, 0),
	BOTH("destroy-pair", 2, setup_users, destroy, at_rest, 0, 3),
	BOTH("destroy", 4, setup_users, destroy, at_rest, SIM_NO_DFS, 0),
	{ "rwmutex/strangers/loses-membarrier/tso", 4, setup_mail_plain, strangers, at_rest, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS, 0 },
	{ "rwmutex/forked/tso", 4, setup_fork, forked, child_at_rest, SIM_TSO | SIM_NO_DFS | SIM_SLOW, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
