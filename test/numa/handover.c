/* SPDX-License-Identifier: MIT */
/*
 * handover.c - in a virtual machine with real nodes: who gets the lock next. Counts only: the machine is emulated, and says nothing about
 * time. A line of sleepers on all nodes is served node by node within a batch; in a fight of running threads every acquisition is counted.
 */
#include "guest.h"
#include "lib/sys/topology.h"
#include "lib/sys/tune.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/fairlock.h>
#include <fastsync/rwmutex.h>
#include <fastsync/stats.h>
#include <sched.h>
#include <stdio.h>

enum { LINE = 48, MOST = 128, PER_CPU = 3, TIMES = 1500 };

static fsy_mutex_t mutex;

struct waiter {
	int cpu, node, order, served_at;
};

static struct waiter line[LINE];
static int served;

static void *
take_once(void *arg)
{
	struct waiter *waiter = arg;

	CHILD_CHECK(pin(waiter->cpu));
	fsy_mutex_lock(&mutex);
	waiter->served_at = served++;
	fsy_mutex_unlock(&mutex);
	return NULL;
}

/* One sleeper of each node in turn. How often the lock changes its node while they are served. */
static int
serve_line(int batch)
{
	pthread_t threads[LINE];
	int node_at[LINE], moves = 0;

	fsyi_tune.node_batch = batch;
	served = 0;
	fsy_mutex_lock(&mutex);
	for (int i = 0; i < LINE; i++) {
		const struct guest_node *node = &guest.node[i % guest.nodes];

		line[i] = (struct waiter){ node->cpu[i / guest.nodes % node->cpus], i % guest.nodes, i, -1 };
		threads[i] = worker_start(take_once, &line[i]);
		wait_until_parked(&mutex, (unsigned)i + 1);
	}
	wait_until_sleeping(&mutex, LINE);
	fsy_mutex_unlock(&mutex);
	for (int i = 0; i < LINE; i++)
		worker_join(threads[i]);
	for (int i = 0; i < LINE; i++)
		node_at[line[i].served_at] = line[i].node;
	for (int i = 1; i < LINE; i++)
		moves += node_at[i] != node_at[i - 1];
	return moves;
}

static void
check_line(void)
{
	int kept, strict, late = 0;

	check_begin("a line of sleepers is served node by node");
	kept = serve_line(LINE);
	check_that(kept >= guest.nodes - 1 && kept < (LINE - 1) / 3 + guest.nodes, "%d moves between nodes", kept);
	check_that(at_rest(&mutex), "the lock is not at rest");
	check_end();
	check_begin("and nobody is passed by more than a batch");
	serve_line(8);
	for (int i = 0; i < LINE; i++)
		late = line[i].served_at - line[i].order > late ? line[i].served_at - line[i].order : late;
	check_that(late < 8, "a sleeper is passed by %d", late);
	check_end();
	strict = serve_line(1);
	printf("# %d sleepers, one of each of %d nodes in turn: the lock moves %d times with the node policy, %d times without (emulated)\n", LINE,
	       guest.nodes, kept, strict);
}

static fsy_rwmutex_t rwmutex = FSY_RWMUTEX_INIT;
static fsy_fair_rwlock_t fair = FSY_FAIR_RWLOCK_INIT;
static struct gate start = GATE("fighters");
static unsigned int fighters;
static long sum;

enum kind { MUTEX, RWMUTEX, FAIR };
static const char *const kinds[] = { "mutex", "rwmutex, writers", "fair rwlock, writers" };

struct fighter {
	int cpu;
	enum kind kind;
};

static void
enter(enum kind kind)
{
	if (kind == MUTEX)
		fsy_mutex_lock(&mutex);
	else if (kind == RWMUTEX)
		fsy_rwmutex_lock(&rwmutex);
	else
		CHILD_CHECK(fsy_fair_rwlock_lock(&fair) == 0);
}

static void
leave(enum kind kind)
{
	if (kind == MUTEX)
		fsy_mutex_unlock(&mutex);
	else if (kind == RWMUTEX)
		fsy_rwmutex_unlock(&rwmutex);
	else
		fsy_fair_rwlock_unlock(&fair);
}

static void *
fight(void *arg)
{
	struct fighter *self = arg;

	CHILD_CHECK(pin(self->cpu));
	gate_meet(&start, fighters);
	for (int i = 0; i < TIMES; i++) {
		enter(self->kind);
		if (++sum % 16 == 0)
			sched_yield();                   /* so that others come to sleep */
		leave(self->kind);
	}
	return NULL;
}

static void
fight_for(enum kind kind, int batch)
{
	static struct fighter fighter[MOST];
	pthread_t threads[MOST];
	fsy_stats_t s;
	int count = 0;

	fsyi_tune.node_batch = batch;
	for (int i = 0; i < guest.nodes; i++)
		for (int j = 0; j < guest.node[i].cpus * PER_CPU && count < MOST; j++)
			fighter[count++] = (struct fighter){ guest.node[i].cpu[j % guest.node[i].cpus], kind };
	check_begin("%s: every contended acquisition is local or remote, or of none (batch %d)", kinds[kind], batch);
	fighters = (unsigned)count;
	sum = 0;
	fsy_stats_reset();
	for (int i = 0; i < count; i++)
		threads[i] = worker_start(fight, &fighter[i]);
	for (int i = 0; i < count; i++)
		worker_join(threads[i]);
	check_that(sum == (long)count * TIMES, "%ld sections, and not %ld", sum, (long)count * TIMES);
	check_that(fsy_stats_get(NULL, &s) == 0 && s.handovers_local + s.handovers_remote == (kind == FAIR ? 0 : s.contended),
		   "%lu local, %lu remote, of %lu", (unsigned long)s.handovers_local, (unsigned long)s.handovers_remote, (unsigned long)s.contended);
	check_that(s.contended > 0, "nothing was contended");
	check_that(guest.nodes == 1 || kind == FAIR || s.handovers_remote > 0, "none of %lu is remote", (unsigned long)s.contended);
	check_end();
	if (kind == FAIR) {                              /* it does not know who was the last owner, and counts none */
		printf("# %s, %d threads on %d nodes: %lu contended acquisitions (emulated)\n", kinds[kind], count, guest.nodes,
		       (unsigned long)s.contended);
		return;
	}
	printf("# %s, %d threads on %d nodes, batch %d: %lu contended acquisitions, %lu after an owner of the same node, %lu of another (emulated)\n",
	       kinds[kind], count, guest.nodes, batch, (unsigned long)s.contended, (unsigned long)s.handovers_local,
	       (unsigned long)s.handovers_remote);
}

int
main(void)
{
	int batch;

	guest_read();
	batch = (int)fsyi_tune.node_batch;
	watchdog("hand-overs", 500);
	check_line();
	for (int kind = MUTEX; kind <= RWMUTEX; kind++) {
		fight_for((enum kind)kind, batch);
		fight_for((enum kind)kind, 1);
	}
	fight_for(FAIR, batch);
	return check_status();
}
