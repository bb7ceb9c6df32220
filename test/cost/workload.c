/* SPDX-License-Identifier: MIT */
/* workload.c - see workload.h. */
#include "workload.h"
#include "toys.h"

#include <fastsync/fairlock.h>
#include <fastsync/mutex.h>
#include <fastsync/rwmutex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 16 };

static struct toy toy;
static struct toy_node nodes[COST_THREADS];
static fsy_mutex_t mutex __attribute__((aligned(128)));
static fsy_rwmutex_t rwmutex __attribute__((aligned(128))) = FSY_RWMUTEX_INIT;
static fsy_fair_rwlock_t fair __attribute__((aligned(128))) = FSY_FAIR_RWLOCK_INIT;
static struct { char byte __attribute__((aligned(128))); } data[LINES];

#define TOY(name) \
	static void name##_enter(int i) { name##_lock(&toy, &nodes[i]); } \
	static void name##_leave(int i) { name##_unlock(&toy, &nodes[i]); }
TOY(ttas)
TOY(ticket)
TOY(mcs)
TOY(futex)

static void mutex_enter(int i) { (void)i; fsy_mutex_lock(&mutex); }
static void mutex_leave(int i) { (void)i; fsy_mutex_unlock(&mutex); }
static void write_enter(int i) { (void)i; fsy_rwmutex_lock(&rwmutex); }
static void write_leave(int i) { (void)i; fsy_rwmutex_unlock(&rwmutex); }
static void read_enter(int i) { (void)i; fsy_rwmutex_rlock(&rwmutex); }
static void read_leave(int i) { (void)i; fsy_rwmutex_runlock(&rwmutex); }
static void fair_write_enter(int i) { (void)i; (void)!fsy_fair_rwlock_lock(&fair); }
static void fair_write_leave(int i) { (void)i; fsy_fair_rwlock_unlock(&fair); }
static void fair_read_enter(int i) { (void)i; (void)!fsy_fair_rwlock_rlock(&fair); }
static void fair_read_leave(int i) { (void)i; fsy_fair_rwlock_runlock(&fair); }

const struct cost_lock cost_locks[] = {
	{ "ttas", ttas_enter, ttas_leave, false },
	{ "ticket", ticket_enter, ticket_leave, false },
	{ "mcs", mcs_enter, mcs_leave, false },
	{ "futex", futex_enter, futex_leave, false },
	{ "mutex", mutex_enter, mutex_leave, false },
	{ "rwmutex-write", write_enter, write_leave, false },
	{ "rwmutex-read", read_enter, read_leave, true },
	{ "fair-write", fair_write_enter, fair_write_leave, false },
	{ "fair-read", fair_read_enter, fair_read_leave, true },
	{ NULL, NULL, NULL, false },
};

const struct cost_lock *
cost_lock_named(const char *name)
{
	for (const struct cost_lock *lock = cost_locks; lock->name != NULL; lock++)
		if (strcmp(lock->name, name) == 0)
			return lock;
	cost_fail("no lock is called %s", name);
}

static const struct cost_load *load;
static int64_t begin_ns, end_ns;
static int inside = -1, last = -1;
static uint64_t had[COST_THREADS], near_moves, far_moves;
static int64_t longest;

/* Exclusive locks: who had it before. */
static void
note_move(int self)
{
	if (inside >= 0)
		cost_fail("threads %d and %d are inside at once", inside, self);
	inside = self;
	if (last != self && last >= 0 && cost_now() >= begin_ns) {
		if (cost_node(last) == cost_node(self))
			near_moves++;
		else
			far_moves++;
	}
	last = self;
}

static void
one_section(int self)
{
	const struct cost_lock *lock = load->lock;
	int64_t asked = cost_now(), wait;

	lock->enter(self);
	wait = cost_now() - asked;
	if (!lock->shared)
		note_move(self);
	if (asked >= begin_ns)
		had[self]++;
	if (cost_now() >= begin_ns && wait > longest)    /* however early it began: who starves has asked long ago */
		longest = wait;
	for (int i = 0; i < load->lines; i++)
		cost_touch(&data[i].byte, !lock->shared);
	if (load->section > 0) {
		cost_spend(load->section);
		cost_sync(false);
	}
	inside = -1;
	lock->leave(self);
}

static void
body(int self)
{
	while (cost_now() < end_ns) {
		one_section(self);
		cost_spend(load->outside);
		cost_sync(false);
	}
}

static struct cost_result
result(void)
{
	struct cost_result r = { 0 };
	double sum = 0, squares = 0;

	for (int i = 0; i < cost_machine.threads; i++) {
		sum += (double)had[i];
		squares += (double)had[i] * (double)had[i];
	}
	r.mops = sum / (double)(end_ns - begin_ns) * 1000;
	r.jain = squares == 0 ? 0 : sum * sum / squares / cost_machine.threads;
	r.moves = near_moves + far_moves;
	r.local = r.moves == 0 ? -1 : (double)near_moves / (double)r.moves;
	r.longest_us = (double)longest / 1000;
	r.counts = cost_counts;
	r.elapsed_us = (double)(end_ns - begin_ns) / 1000;
	return r;
}

struct cost_result
cost_measure(const struct cost_machine *machine, const struct cost_load *what)
{
	struct cost_result r;
	int ends[2], status;
	pid_t child;

	fflush(stdout);
	if (pipe(ends) != 0 || (child = fork()) < 0)
		cost_fail("no process to be had");
	if (child == 0) {
		cost_machine = *machine;
		load = what;
		begin_ns = (int64_t)((load->warm_us > 0 ? load->warm_us : load->run_us / 5) * 1000);
		end_ns = begin_ns + (int64_t)(load->run_us * 1000);
		cost_world_begin();
		cost_run(body);
		r = result();
		_exit(write(ends[1], &r, sizeof(r)) != (ssize_t)sizeof(r));
	}
	close(ends[1]);
	if (read(ends[0], &r, sizeof(r)) != (ssize_t)sizeof(r) || waitpid(child, &status, 0) < 0 || status != 0)
		cost_fail("%s on %dx%d CPUs, %d threads: the run has failed", what->lock->name, machine->nodes, machine->cpus_per_node, machine->threads);
	close(ends[0]);
	return r;
}
