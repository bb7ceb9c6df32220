/* SPDX-License-Identifier: MIT */
/*
 * change.c - in a virtual machine: CPUs go and come back, and the set of CPUs that the process may use moves to another node, while
 * threads fight for locks.
 *   change offline          all CPUs of the last node go and come, some times
 *   change late NODE:CPU    a CPU that was offline when the process began comes back
 *   change cpuset DIR       this process is in the control group DIR, whose cpuset moves from node to node
 */
#include "guest.h"
#include "lib/sys/cpu.h"
#include "lib/sys/thread.h"
#include "lib/sys/topology.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/pool.h>
#include <fastsync/rwmutex.h>
#include <fastsync/stats.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { FIGHTERS = 12, ROUNDS = 3, STEP = 3000 };

static fsy_mutex_t mutex;
static fsy_rwmutex_t rwmutex = FSY_RWMUTEX_INIT;
static fsy_pool_t *pool;
static fsy_atomic_u32 stop, odd_nodes;
static fsy_atomic_u64 sections;
static uint64_t sum;

static void *
fight(void *arg)
{
	uint64_t done = 0;

	while (!fsy_atomic_u32_load(&stop)) {
		void *object = fsy_pool_get(pool);
		int node = fsyi_node();

		if (node < 0 || node >= fsy_node_count())
			fsy_atomic_u32_add(&odd_nodes, 1);
		fsy_mutex_lock(&mutex);
		sum++;
		fsy_mutex_unlock(&mutex);
		fsy_rwmutex_rlock(&rwmutex);
		fsy_rwmutex_runlock(&rwmutex);
		fsy_pool_put(pool, object);
		done++;
		fsy_atomic_u64_add_rlx(&sections, 1);
	}
	*(uint64_t *)arg = done;
	return NULL;
}

/* Returns once the fight has gone on for a while: sections, not time. */
static bool
goes_on(void)
{
	uint64_t until = fsy_atomic_u64_load(&sections) + STEP;
	fsy_deadline_t limit = fsy_after_ms(TEST_PATIENCE_MS);

	while (fsy_atomic_u64_load(&sections) < until)
		if (fsy_now() > limit)
			return false;
		else
			sched_yield();
	return true;
}

struct seen {
	int cpu, node, record_home;
	bool record;
};

static void
look(void *arg)
{
	struct seen *seen = arg;
	struct fsyi_thread *record = fsyi_thread_self();

	seen->cpu = fsyi_cpu();
	seen->node = fsyi_node();
	seen->record = record != NULL;
	seen->record_home = record == NULL ? -1 : record->home;
	fsy_mutex_lock(&mutex);
	fsy_mutex_unlock(&mutex);
}

static bool
turn(int cpu, bool on)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return write_text(path, on ? "1" : "0") && read_number(path) == on;
}

static void
go_and_come(void)
{
	const struct guest_node *last = &guest.node[guest.nodes - 1];
	struct seen seen;

	check_begin("a node's CPUs go and come back");
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < last->cpus; i++)
			check_that(turn(last->cpu[i], false), "CPU %d does not go", last->cpu[i]);
		check_that(goes_on(), "the fight has ended without CPU %d", last->cpu[0]);
		check_that(!run_on(last->cpu[0], look, &seen), "a thread is on CPU %d, which is away", last->cpu[0]);
		for (int i = 0; i < last->cpus; i++)
			check_that(turn(last->cpu[i], true), "CPU %d does not come back", last->cpu[i]);
		check_that(goes_on(), "the fight has ended with CPU %d", last->cpu[0]);
		check_that(run_on(last->cpu[0], look, &seen) && seen.cpu == last->cpu[0] && fsyi_topology_kernel_node(seen.node) == last->kernel,
			   "CPU %d, back, is CPU %d of node %d", last->cpu[0], seen.cpu, seen.node);
	}
	check_end();
}

/* Node: one that had no CPU when the process began, and so has no number. */
static void
come_late(const char *which)
{
	int kernel = -1, cpu = -1;
	struct seen seen = { -1, -1, -1, false };

	check_begin("a CPU that comes late is as good as others");
	check_that(sscanf(which, "%d:%d", &kernel, &cpu) == 2, "not a node and a CPU: %s", which);
	check_that(fsyi_topology_dense_node(kernel) < 0, "node %d has a number already", kernel);
	check_that(turn(cpu, true), "CPU %d does not come", cpu);
	check_that(run_on(cpu, look, &seen), "no thread can be put on CPU %d", cpu);
	check_that(seen.cpu == cpu && seen.node >= 0 && seen.node < fsy_node_count(), "CPU %d is CPU %d of node %d", cpu, seen.cpu, seen.node);
	check_that(seen.record && seen.record_home == seen.node, "its thread's record is of node %d", seen.record_home);
	check_that(goes_on(), "the fight has ended");
	check_end();
}

static void
move(const char *group)
{
	char path[200], list[8 * GUEST_CPUS];

	check_begin("the process moves from node to node");
	for (int round = 0; round < ROUNDS * guest.nodes; round++) {
		const struct guest_node *node = &guest.node[round % guest.nodes];
		struct seen seen = { -1, -1, -1, false };
		int at = 0;

		for (int i = 0; i < node->cpus; i++)
			at += snprintf(list + at, sizeof(list) - (size_t)at, "%s%d", i == 0 ? "" : ",", node->cpu[i]);
		snprintf(path, sizeof(path), "%s/cpuset.cpus", group);
		check_that(write_text(path, list), "the set does not become %s", list);
		check_that(goes_on(), "the fight has ended on CPUs %s", list);
		check_that(run_on(node->cpu[0], look, &seen) && fsyi_topology_kernel_node(seen.node) == node->kernel, "on CPUs %s a thread is on node %d", list,
			   seen.node);
		if (guest.nodes > 1)
			check_that(!run_on(guest.node[(round + 1) % guest.nodes].cpu[0], look, &seen), "a thread is on a CPU outside %s", list);
	}
	check_end();
}

int
main(int argc, char **argv)
{
	pthread_t threads[FIGHTERS];
	uint64_t done[FIGHTERS], all = 0;

	guest_read();
	watchdog("changes", 500);
	pool = fsy_pool_new(&(fsy_pool_config_t){ .object_size = 64 });
	if (argc < 2 || pool == NULL)
		return 2;
	for (int i = 0; i < FIGHTERS; i++)
		threads[i] = worker_start(fight, &done[i]);
	if (strcmp(argv[1], "offline") == 0)
		go_and_come();
	else if (strcmp(argv[1], "late") == 0 && argc > 2)
		come_late(argv[2]);
	else if (strcmp(argv[1], "cpuset") == 0 && argc > 2)
		move(argv[2]);
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < FIGHTERS; i++)
		worker_join(threads[i]);
	for (int i = 0; i < FIGHTERS; i++)
		all += done[i];
	check_begin("nothing is lost on the way (%s)", argv[1]);
	check_that(sum == all, "%lu sections were counted, and not %lu", (unsigned long)sum, (unsigned long)all);
	check_that(fsy_atomic_u32_load(&odd_nodes) == 0, "%u times a thread was on a node that does not exist", fsy_atomic_u32_load(&odd_nodes));
	check_that(at_rest(&mutex), "the lock is not at rest");
	check_end();
	fsy_pool_free(pool);
	return check_status();
}
