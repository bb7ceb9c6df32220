/* SPDX-License-Identifier: MIT */
/* topology_libnuma.c - nodes from libnuma. The preload library does without it. */
#include "topology_table.h"

#include <errno.h>
#include <numa.h>

static void
numa_distances(struct fsyi_topology_table *t)
{
	int nodes = t->head.nodes;

	if (!fsyi_topology_add_distances(t))
		return;
	for (int i = 0; i < nodes * nodes; i++) {
		int distance = numa_distance(t->kernel_node[i / nodes], t->kernel_node[i % nodes]);

		if (distance >= FSYI_LOCAL && distance <= UINT8_MAX)
			t->distance[i] = (uint8_t)distance;
	}
}

/* libnuma's constructor fills numa_nodes_ptr; in a static program it may not have run yet. Nodes without CPUs get no
 * number: no thread runs there. Arrays go by numa_max_node(), as configured nodes may leave gaps. */
int
fsyi_topology_from_libnuma(void)
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
