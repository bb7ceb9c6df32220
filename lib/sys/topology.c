/* SPDX-License-Identifier: MIT */
/* topology.c - the topology in use, and where it comes from: FASTSYNC_TOPOLOGY, libnuma, sysfs, or one node. */
#include "topology.h"
#include "fatal.h"
#include "init.h"
#include "mem.h"
#include "topology_table.h"
#include "tune.h"

#include <errno.h>
#include <fastsync/atomic.h>
#include <fastsync/stats.h>
#include <numa.h>
#include <string.h>

#define SYSFS_NODES "/sys/devices/system/node"

enum { LOCAL = 10, REMOTE = 20 };                /* ACPI SLIT: distance to itself, usual distance to others */

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
		return from == to ? LOCAL : REMOTE;
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
		t->distance[i] = i / nodes == i % nodes ? LOCAL : REMOTE;
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

static void
numa_distances(struct fsyi_topology_table *t)
{
	int nodes = t->head.nodes;

	if (!fsyi_topology_add_distances(t))
		return;
	for (int i = 0; i < nodes * nodes; i++) {
		int distance = numa_distance(t->kernel_node[i / nodes], t->kernel_node[i % nodes]);

		if (distance >= LOCAL && distance <= UINT8_MAX)
			t->distance[i] = (uint8_t)distance;
	}
}

/* libnuma's constructor fills numa_nodes_ptr; in a static program it may not have run yet. Nodes without CPUs get no
 * number: no thread runs there. Arrays go by numa_max_node(), as configured nodes may leave gaps. */
static int
from_libnuma(void)
{
	struct fsyi_topology_table *t;
	struct bitmask *cpus;

	if (numa_nodes_ptr == NULL || numa_available() < 0)
		return ENOSYS;
	t = fsyi_topology_new("libnuma", false);
	cpus = numa_allocate_cpumask();
	if (t == NULL || cpus == NULL)
		return ENOMEM;
	for (int id = 0; id <= numa_max_node() && id < FSYI_MAX_NODES; id++) {
		int node = -1;

		if (!numa_bitmask_isbitset(numa_nodes_ptr, (unsigned)id) || numa_node_to_cpus(id, cpus) != 0)
			continue;
		for (unsigned cpu = 0; cpu < cpus->size && cpu < FSYI_MAX_CPUS; cpu++) {
			if (!numa_bitmask_isbitset(cpus, cpu))
				continue;
			if (node < 0)
				node = fsyi_topology_add_node(t, id);
			fsyi_topology_add_cpus(t, node, (int)cpu, (int)cpu);
		}
	}
	numa_free_cpumask(cpus);
	if (t->head.nodes == 0)
		return ENODEV;
	numa_distances(t);
	fsyi_topology_publish(t);
	return 0;
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
	if (fsyi_switch_on("FASTSYNC_NUMA") && from_libnuma() != 0)
		fsyi_topology_from_sysfs(SYSFS_NODES);
}
