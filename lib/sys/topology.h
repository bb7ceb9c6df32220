/* SPDX-License-Identifier: MIT */
/*
 * topology.h - which node a CPU belongs to. Read once, outside lock paths: FASTSYNC_TOPOLOGY if set, else libnuma,
 * else /sys/devices/system/node, else one node. Kernel node ids may be sparse and nodes may have no
 * CPUs or no memory; the numbers used here are dense.
 *
 *   FASTSYNC_TOPOLOGY=4             four virtual nodes, CPUs dealt round-robin
 *   FASTSYNC_TOPOLOGY=8x16          eight nodes of sixteen CPUs each
 *   FASTSYNC_TOPOLOGY=0-3;4-7@10,21 explicit CPU lists per node, with the distances from node 0 after @
 */
#ifndef FSYI_TOPOLOGY_H
#define FSYI_TOPOLOGY_H

#include <stdbool.h>

#define FSYI_MAX_NODES 1024                      /* the kernel's largest NODES_SHIFT; also bounds its node ids */
#define FSYI_MAX_CPUS  8192

struct fsyi_topology {
	int nodes;                  /* dense count, >= 1 */
	bool fake;                  /* from FASTSYNC_TOPOLOGY: never used for memory policy */
	const char *source;         /* "FASTSYNC_TOPOLOGY", "libnuma", "sysfs", "one node" */
};

const struct fsyi_topology *fsyi_topology(void);
int fsyi_topology_node_of_cpu(int cpu);          /* dense; 0 if unknown */
int fsyi_topology_kernel_node(int node);         /* the kernel's id of a dense node; -1 if fake */
int fsyi_topology_dense_node(int kernel_node);   /* -1 if unknown or fake */
int fsyi_topology_distance(int from, int to);    /* 10 = local, as in the ACPI SLIT */

/* For tests: read a sysfs-like tree, or parse a specification. 0 or an errno value, with one line in why. */
int fsyi_topology_from_sysfs(const char *root);
int fsyi_topology_from_spec(const char *spec, char *why, unsigned long why_size);

#endif
