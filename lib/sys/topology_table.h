/* SPDX-License-Identifier: MIT */
/* topology_table.h - how the readers of a topology (libnuma, sysfs, a specification) write down what they found. */
#ifndef FSYI_TOPOLOGY_TABLE_H
#define FSYI_TOPOLOGY_TABLE_H

#include <fastsync/base.h>
#include "topology.h"

enum { FSYI_LOCAL = 10, FSYI_REMOTE = 20 }; /* ACPI SLIT: distance to itself, usual distance to others */

/* Never changes once published, and is never given back: readers hold no lock. */
struct fsyi_topology_table {
	struct fsyi_topology head;
	uint16_t node_of_cpu[FSYI_MAX_CPUS];     /* dense node + 1; 0 = unknown */
	int16_t kernel_node[FSYI_MAX_NODES];     /* by dense number; -1 = fake */
	uint16_t dense_node[FSYI_MAX_NODES];     /* by the kernel's number; dense node + 1; 0 = unknown */
	uint8_t *distance;                       /* nodes x nodes; NULL = 10 and 20 */
};

/* An empty table; NULL if there is no memory. */
struct fsyi_topology_table *fsyi_topology_new(const char *source, bool fake);

/* The dense number of one more node; -1 if there are too many. kernel_node is -1 in a fake topology. */
int fsyi_topology_add_node(struct fsyi_topology_table *table, int kernel_node);
void fsyi_topology_add_cpus(struct fsyi_topology_table *table, int node, int first, int last);

/* Room for distances, 10 and 20 at first; false if there is no memory. Called once all nodes are known. */
bool fsyi_topology_add_distances(struct fsyi_topology_table *table);

/* From here on this is the topology in use. */
void fsyi_topology_publish(struct fsyi_topology_table *table);

/* Publishes what libnuma says: 0, or an errno value. Supplied by the library; the preload library says ENOSYS. */
int fsyi_topology_from_libnuma(void);

/* Reads "7" or "4-7" and returns what follows; NULL if it is neither, or a number is above limit. Digits only. */
const char *fsyi_parse_range(const char *text, int limit, int *first, int *last);
const char *fsyi_parse_number(const char *text, int limit, int *value);

#endif
