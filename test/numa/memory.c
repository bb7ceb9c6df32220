/* SPDX-License-Identifier: MIT */
/*
 * memory.c - in a virtual machine of known layout: what the library keeps for a node lies in that node's memory, by the kernel's own
 * account (move_pages). "memory elsewhere": this process may not use the memory of all nodes, and gets what it needs all the same.
 */
#include "guest.h"
#include "lib/data/pool.h"
#include "lib/sys/cpu.h"
#include "lib/sys/mem.h"
#include "lib/sys/thread.h"
#include "lib/sys/topology.h"
#include "test/support/gate.h"
#include "test/support/worker.h"

#include <fastsync/lazy.h>
#include <fastsync/rwmutex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PER_CPU = 3, OBJECTS = 100, OBJECT_SIZE = 6000 };

struct visitor {
	int cpu, kernel, dense;
	unsigned int count;                      /* visitors who are there at the same time */
	struct fsyi_thread *record;
	const char *table, *line;
	bool pinned;
};

static struct visitor visitors[GUEST_NODES * GUEST_CPUS];
static struct gate together = GATE("visitors");
static fsy_rwmutex_t shared = FSY_RWMUTEX_INIT;
static fsy_pool_t *pool;                         /* a new one for the objects, since what lies idle anywhere is taken before one is made */

/* Takes all that a thread may get: a record, a line for reading, a table of cells. */
static void *
visit(void *arg)
{
	struct visitor *self = arg;
	void *object;

	self->pinned = pin(self->cpu);
	self->record = fsyi_thread_self();
	for (int i = 0; i < 1000 && self->record != NULL && self->record->reader == NULL; i++) {
		fsy_rwmutex_rlock(&shared);
		fsy_rwmutex_runlock(&shared);
	}
	object = fsy_pool_get(pool);
	fsy_pool_put(pool, object);
	self->table = fsy_pool_cells_;
	gate_meet(&together, self->count);
	return NULL;
}

/* Visitors of every CPU at once, so that each needs its own. */
static int
visit_all(void)
{
	pthread_t threads[GUEST_NODES * GUEST_CPUS];
	int count = 0;

	for (int i = 0; i < guest.nodes; i++)
		for (int j = 0; j < guest.node[i].cpus * PER_CPU; j++)
			visitors[count++] = (struct visitor){ guest.node[i].cpu[j % guest.node[i].cpus], guest.node[i].kernel,
							      fsyi_topology_dense_node(guest.node[i].kernel), 0, NULL, NULL, NULL, false };
	for (int i = 0; i < count; i++) {
		visitors[i].count = (unsigned)count;
		threads[i] = worker_start(visit, &visitors[i]);
	}
	for (int i = 0; i < count; i++)
		worker_join(threads[i]);
	return count;
}

static void
check_record(const struct visitor *v)
{
	check_that(v->pinned && v->record != NULL, "a thread for CPU %d: not there, or without a record", v->cpu);
	if (!v->pinned || v->record == NULL)
		return;
	check_that(v->record->home == v->dense, "the record of a thread on node %d is of node %d", v->dense, v->record->home);
	check_that(lies_on(v->record, v->kernel), "a record of the kernel's node %d lies on %d", v->kernel, node_of_page(v->record));
	check_that(v->record->spare == NULL || lies_on(v->record->spare, v->kernel), "a queue header of the kernel's node %d lies on %d", v->kernel,
		   node_of_page(v->record->spare));
}

static void
check_line(const struct visitor *v)
{
	const struct fsy_reader_ *line = v->record == NULL ? NULL : v->record->reader;

	check_that(line != NULL, "a reader on CPU %d has no line", v->cpu);
	if (line != NULL)
		check_that(lies_on(line, v->kernel), "a reader's line of the kernel's node %d lies on %d", v->kernel, node_of_page(line));
}

static void
check_table(const struct visitor *v)
{
	check_that(v->table != (char *)fsyi_pool_nobody.cells, "a thread on CPU %d has no table", v->cpu);
	check_that(lies_on(v->table, v->kernel), "a pool's table of the kernel's node %d lies on %d", v->kernel, node_of_page(v->table));
}

/* The second round finds what the first has left: each node its own. */
static void
check_threads(const char *when)
{
	static const struct {
		const char *what;
		void (*check)(const struct visitor *v);
	} kinds[] = { { "thread records", check_record }, { "readers' lines", check_line }, { "pool tables", check_table } };
	int count = visit_all();

	for (int k = 0; k < 3; k++) {
		check_begin("%s lie on their nodes (%s)", kinds[k].what, when);
		for (int i = 0; i < count; i++)
			kinds[k].check(&visitors[i]);
		check_end();
	}
	if (strcmp(when, "anew") == 0)
		printf("# %d threads at once on %d nodes\n", count, guest.nodes);
}

static void
check_depots(void)
{
	struct fsyi_pool *p = (struct fsyi_pool *)(void *)pool;

	check_begin("depots lie on their nodes");
	check_that((int)p->nodes == fsy_node_count(), "the pool has %u nodes", p->nodes);
	for (int i = 0; i < guest.nodes; i++) {
		uint32_t node = (uint32_t)fsyi_topology_dense_node(guest.node[i].kernel);

		for (uint32_t shard = 0; shard < p->shards; shard++) {
			struct fsyi_pool_shard *depot = fsyi_pool_depot(p, node, shard);

			fsy_atomic_u64_add_rlx(&depot->full, 0);         /* there is no page before it is used */
			check_that(lies_on(depot, guest.node[i].kernel), "a depot of the kernel's node %d lies on %d", guest.node[i].kernel, node_of_page(depot));
		}
	}
	check_end();
}

struct load {
	int kernel, dense, here, named;
	void *object[OBJECTS];
};

static void
get_objects(void *arg)
{
	struct load *load = arg;

	load->here = load->named = 0;
	for (int i = 0; i < OBJECTS; i++) {
		load->object[i] = fsy_pool_get(pool);
		if (load->object[i] == NULL)
			continue;
		memset(load->object[i], i, OBJECT_SIZE);
		load->here += lies_on((char *)load->object[i] + OBJECT_SIZE / 2, load->kernel);
		load->named += (int)fsyi_object_node((struct fsyi_pool *)(void *)pool, load->object[i]) == load->dense;
	}
}

static void
put_objects(void *arg)
{
	struct load *load = arg;

	for (int i = 0; i < OBJECTS; i++)
		fsy_pool_put(pool, load->object[i]);
}

/* Made and used on a node; put on the next one, from where they come home; got again at home. */
static void
check_objects(void)
{
	static struct load load[GUEST_NODES];
	fsy_pool_stats_t stats;

	fsy_pool_free(pool);
	/* None grows old here: what is made of memory that malloc has got back lies where that was first touched. */
	pool = fsy_pool_new(&(fsy_pool_config_t){ .object_size = OBJECT_SIZE, .idle_ns = FSY_FOREVER });
	check_begin("what a pool makes lies on the node that asked");
	check_that(pool != NULL, "no pool");
	for (int i = 0; i < guest.nodes; i++) {
		load[i] = (struct load){ guest.node[i].kernel, fsyi_topology_dense_node(guest.node[i].kernel), 0, 0, { NULL } };
		check_that(run_on(guest.node[i].cpu[0], get_objects, &load[i]), "no thread on CPU %d", guest.node[i].cpu[0]);
		/* A page may be older than the object: malloc's, from another thread's time. */
		check_that(load[i].here >= OBJECTS * 9 / 10 && load[i].named == OBJECTS, "the kernel's node %d: %d lie there, %d say so, of %d", load[i].kernel,
			   load[i].here, load[i].named, OBJECTS);
	}
	check_end();
	check_begin("what was put elsewhere comes home");
	for (int i = 0; i < guest.nodes; i++)
		run_on(guest.node[(i + 1) % guest.nodes].cpu[0], put_objects, &load[i]);
	fsy_pool_stats(pool, &stats);
	check_that(guest.nodes == 1 || stats.sent_home >= (uint64_t)(OBJECTS * guest.nodes / 2), "%d objects were sent home", (int)stats.sent_home);
	printf("# %d of %d objects that were put on another node were sent home\n", (int)stats.sent_home, OBJECTS * guest.nodes);
	for (int i = 0; i < guest.nodes; i++) {
		run_on(guest.node[i].cpu[0], get_objects, &load[i]);
		check_that(load[i].here >= OBJECTS * 9 / 10 && load[i].named >= OBJECTS * 9 / 10, "the kernel's node %d: %d lie there, %d say so, of %d",
			   load[i].kernel, load[i].here, load[i].named, OBJECTS);
	}
	for (int i = 0; i < guest.nodes; i++)
		run_on(guest.node[i].cpu[0], put_objects, &load[i]);
	check_end();
}

static fsy_lazy_node_t lazy = FSY_LAZY_NODE_INIT;
static fsy_once_node_t once = FSY_ONCE_NODE_INIT;
static char master[20000];
static const void *copies[GUEST_NODES];
static int runs[GUEST_NODES];

static void
count_run(int node, void *arg)
{
	(void)arg;
	if (node < GUEST_NODES)
		runs[node]++;
}

static void
get_copy(void *arg)
{
	const void **copy = arg, *again;

	*copy = fsy_lazy_node_copy(&lazy, master, sizeof(master));
	again = fsy_lazy_node_copy(&lazy, master, sizeof(master));
	check_that(*copy == again && *copy != master && memcmp(*copy, master, sizeof(master)) == 0, "a copy is not one");
	fsy_once_node_do(&once, count_run, NULL);
	fsy_once_node_do(&once, count_run, NULL);
}

static void
check_lazy(void)
{
	check_begin("each node has its own copy of a value, and its own once");
	for (size_t i = 0; i < sizeof(master); i++)
		master[i] = (char)(i * 7);
	for (int i = 0; i < guest.nodes; i++) {
		int dense = fsyi_topology_dense_node(guest.node[i].kernel);

		check_that(run_on(guest.node[i].cpu[guest.node[i].cpus - 1], get_copy, &copies[i]), "no thread on node %d", i);
		for (size_t at = 0; at < sizeof(master); at += 4096)
			check_that(lies_on((const char *)copies[i] + at, guest.node[i].kernel), "byte %zu of the copy of the kernel's node %d lies on %d", at,
				   guest.node[i].kernel, node_of_page((const char *)copies[i] + at));
		for (int j = 0; j < i; j++)
			check_that(copies[i] != copies[j], "nodes %d and %d share a copy", i, j);
		check_that(runs[dense] == 1, "the once of node %d ran %d times", dense, runs[dense]);
	}
	check_end();
}

/* A node whose memory is forbidden: some other is as good. */
static void
check_elsewhere(void)
{
	check_begin("memory that is forbidden costs locality, nothing else");
	for (int node = 0; node < fsy_node_count(); node++) {
		char *bytes = fsyi_mem_alloc(100000, node);

		check_that(bytes != NULL, "nothing for node %d", node);
		if (bytes == NULL)
			continue;
		memset(bytes, 1, 100000);
		check_that(node_of_page(bytes) >= 0 && guest.memory[node_of_page(bytes)], "what was meant for node %d lies on %d", node, node_of_page(bytes));
	}
	check_end();
}

int
main(int argc, char **argv)
{
	guest_read();
	pool = fsy_pool_new(&(fsy_pool_config_t){ .object_size = OBJECT_SIZE });
	if (pool == NULL)
		return 1;
	check_threads("anew");
	check_threads("again");
	check_depots();
	check_objects();
	check_lazy();
	if (argc > 1 && strcmp(argv[1], "elsewhere") == 0)
		check_elsewhere();
	fsy_pool_free(pool);
	return check_status();
}
