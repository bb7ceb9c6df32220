/* SPDX-License-Identifier: MIT */
/* topology.c - the topology in use, and where it comes from: FASTSYNC_TOPOLOGY, libnuma, sysfs, or one node. */
#include "topology.h"
#include "fatal.h"
#include "init.h"
#include "mem.h"
#include "topology_table.h"
#include "tune.h"

#include <fastsync/atomic.h>
#include <fastsync/stats.h>
#include <string.h>

#define SYSFS_NODES "/sys/devices/system/node"

static const struct fsyi_topology one_node = { 1, false, "one node" };
static fsy_atomic_ptr current;                   /* NULL = one node */

static const struct fsyi_topology_table *
table(void)
{
	return fsy_atomic_ptr_load_acq(&current);
}

const struct fsyi_topology *
fsyi_topology(void)
{
	const struct fsyi_topology_table *t = table();

	return t == NULL ? &one_node : &t->head;
}

int
fsyi_topology_node_of_cpu(int cpu)
{
	const struct fsyi_topology_table *t = table();

	if (t == NULL || cpu < 0 || cpu >= FSYI_MAX_CPUS || t->node_of_cpu[cpu] == 0)
		return 0;
	return t->node_of_cpu[cpu] - 1;
}

int
fsyi_topology_kernel_node(int node)
{
	const struct fsyi_topology_table *t = table();

	return t == NULL || node < 0 || node >= t->head.nodes ? -1 : t->kernel_node[node];
}

int
fsyi_topology_dense_node(int kernel_node)
{
	const struct fsyi_topology_table *t = table();

	return t == NULL || kernel_node < 0 || kernel_node >= FSYI_MAX_NODES ? -1 : t->dense_node[kernel_node] - 1;
}

int
fsyi_topology_distance(int from, int to)
{
	const struct fsyi_topology_table *t = table();
	int nodes = fsyi_topology()->nodes;

	if (t == NULL || t->distance == NULL || from < 0 || from >= nodes || to < 0 || to >= nodes)
		return from == to ? FSYI_LOCAL : FSYI_REMOTE;
	return t->distance[from * nodes + to];
}

FSY_API int
fsy_node_count(void)
{
	return fsyi_topology()->nodes;
}

struct fsyi_topology_table *
fsyi_topology_new(const char *source, bool fake)
{
	struct fsyi_topology_table *t = fsyi_mem_alloc(sizeof(*t), -1);

	if (t != NULL)
		t->head = (struct fsyi_topology){ 0, fake, source };
	return t;
}

int
fsyi_topology_add_node(struct fsyi_topology_table *t, int kernel_node)
{
	int node = t->head.nodes;

	if (node >= FSYI_MAX_NODES)
		return -1;
	t->head.nodes++;
	t->kernel_node[node] = (int16_t)kernel_node;
	if (kernel_node >= 0)
		t->dense_node[kernel_node] = (uint16_t)(node + 1);
	return node;
}

void
fsyi_topology_add_cpus(struct fsyi_topology_table *t, int node, int first, int last)
{
	for (int cpu = first; cpu <= last && cpu < FSYI_MAX_CPUS; cpu++)
		t->node_of_cpu[cpu] = (uint16_t)(node + 1);
}

bool
fsyi_topology_add_distances(struct fsyi_topology_table *t)
{
	int nodes = t->head.nodes;

	t->distance = fsyi_mem_alloc((size_t)nodes * (size_t)nodes, -1);
	if (t->distance == NULL)
		return false;
	for (int i = 0; i < nodes * nodes; i++)
		t->distance[i] = i / nodes == i % nodes ? FSYI_LOCAL : FSYI_REMOTE;
	return true;
}

void
fsyi_topology_publish(struct fsyi_topology_table *t)
{
	fsy_atomic_ptr_store_rel(&current, t);
}

const char *
fsyi_parse_number(const char *text, int limit, int *value)
{
	int number = 0;

	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		number = number * 10 + (*text - '0');
		if (number > limit)
			return NULL;
	}
	*value = number;
	return text;
}

const char *
fsyi_parse_range(const char *text, int limit, int *first, int *last)
{
	text = fsyi_parse_number(text, limit, first);
	if (text == NULL || *text != '-') {
		*last = *first;
		return text;
	}
	text = fsyi_parse_number(text + 1, limit, last);
	return text == NULL || *last < *first ? NULL : text;
}

void
fsyi_topology_init(void)
{
	const char *spec = fsyi_tune_variable("FASTSYNC_TOPOLOGY");
	char why[160];

	if (spec != NULL && *spec != '\0') {
		if (fsyi_topology_from_spec(spec, why, sizeof(why)) == 0)
			return;
		fsyi_format(why + strlen(why), sizeof(why) - strlen(why), "; ignored");
		fsyi_tune_complain("FASTSYNC_TOPOLOGY", spec, why);
	}
	if (fsyi_switch_on("FASTSYNC_NUMA") && fsyi_topology_from_libnuma() != 0)
		fsyi_topology_from_sysfs(SYSFS_NODES);
}
