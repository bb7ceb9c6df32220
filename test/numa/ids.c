/* SPDX-License-Identifier: MIT */
/*
 * ids.c - in a virtual machine of known layout: the kernel, its rseq area, libnuma, sysfs and the library give each CPU the same
 * node. "ids rseq-off" and "ids numa-off" are for a run with that fallback forced.
 */
#include "guest.h"
#include "lib/sys/cpu.h"
#include "lib/sys/topology.h"
#include "lib/sys/tune.h"

#include <fastsync/stats.h>
#include <numa.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
check_source(const char *source)
{
	check_begin("%s: the topology is the machine's", source);
	check_that(strcmp(fsyi_topology()->source, source) == 0, "it comes from %s", fsyi_topology()->source);
	check_that(!fsyi_topology()->fake, "it is made up");
	check_that(fsyi_tune_error() == NULL, "%s", fsyi_tune_error());
	check_end();
}

/* Nodes with CPUs, in the order of the kernel's numbers; others have none. */
static void
check_numbers(void)
{
	int dense = 0;

	check_begin("%s: nodes are numbered without gaps", fsyi_topology()->source);
	check_that(fsy_node_count() == guest.counted, "%d nodes, and not %d", fsy_node_count(), guest.counted);
	for (int i = 0; i < fsy_node_count(); i++) {
		int kernel = fsyi_topology_kernel_node(i);

		check_that(fsyi_topology_dense_node(kernel) == i, "%d is the kernel's %d, which is %d", i, kernel, fsyi_topology_dense_node(kernel));
		check_that(i == 0 || kernel > fsyi_topology_kernel_node(i - 1), "the kernel's %d comes after %d", kernel, fsyi_topology_kernel_node(i - 1));
	}
	for (int i = 0; i < guest.nodes; i++)
		dense += fsyi_topology_dense_node(guest.node[i].kernel) >= 0;
	check_that(dense == guest.nodes, "%d of the nodes with CPUs have a number, and not %d", dense, guest.nodes);
	check_end();
	printf("# libnuma: highest node %d, %d configured; the library: %d with CPUs\n", numa_max_node(), numa_num_configured_nodes(),
	       fsy_node_count());
}

static void
check_distances(void)
{
	check_begin("%s: distances are the machine's", fsyi_topology()->source);
	for (int i = 0; i < guest.nodes; i++)
		for (int j = 0; j < guest.nodes; j++) {
			int from = guest.node[i].kernel, to = guest.node[j].kernel;
			int ours = fsyi_topology_distance(fsyi_topology_dense_node(from), fsyi_topology_dense_node(to));

			check_that(ours == numa_distance(from, to) && (ours == 10) == (from == to), "from %d to %d: %d, libnuma says %d", from, to, ours,
				   numa_distance(from, to));
		}
	check_end();
}

struct cpu_seen {
	int cpu, node;
};

static void
see_cpu(void *arg)
{
	struct cpu_seen *expected = arg;
	unsigned cpu = 0, node = 0;
	char path[80];

	check_that(getcpu(&cpu, &node) == 0 && (int)cpu == expected->cpu && (int)node == expected->node, "getcpu() says CPU %u of node %u for CPU %d of %d",
		   cpu, node, expected->cpu, expected->node);
	check_that(numa_node_of_cpu(expected->cpu) == expected->node, "libnuma puts CPU %d on node %d", expected->cpu, numa_node_of_cpu(expected->cpu));
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/node%d", expected->cpu, expected->node);
	check_that(access(path, F_OK) == 0, "no %s", path);
	check_that(fsyi_cpu() == expected->cpu, "the library says CPU %d for %d", fsyi_cpu(), expected->cpu);
	check_that(fsyi_topology_kernel_node(fsyi_node()) == expected->node, "on CPU %d the library says node %d, the kernel's %d, and not %d", expected->cpu,
		   fsyi_node(), fsyi_topology_kernel_node(fsyi_node()), expected->node);
	check_that(fsyi_topology_node_of_cpu(expected->cpu) == fsyi_topology_dense_node(expected->node), "CPU %d is in the table as of node %d",
		   expected->cpu, fsyi_topology_node_of_cpu(expected->cpu));
}

static void
check_cpus(void)
{
	int cpus = 0;

	check_begin("%s: a thread on each CPU knows its node", fsyi_topology()->source);
	for (int i = 0; i < guest.nodes; i++)
		for (int j = 0; j < guest.node[i].cpus; j++, cpus++) {
			struct cpu_seen expected = { guest.node[i].cpu[j], guest.node[i].kernel };

			check_that(run_on(expected.cpu, see_cpu, &expected), "no thread can be put on CPU %d", expected.cpu);
		}
	check_that(fsyi_cpu_count() == cpus, "the library counts %d CPUs, and not %d", fsyi_cpu_count(), cpus);
	check_end();
	printf("# rseq: CPU %s, node %s\n", fsyi_cpu_rseq_used() ? "yes" : "no", fsyi_cpu_node_used() ? "yes" : "no");
}

static void
alone(void *arg)
{
	(void)arg;
	check_that(fsyi_node() == 0, "a thread is on node %d", fsyi_node());
}

static void
check_off(void)
{
	check_begin("one node where NUMA is off");
	check_that(fsy_node_count() == 1, "%d nodes", fsy_node_count());
	for (int i = 0; i < guest.nodes; i++)
		check_that(run_on(guest.node[i].cpu[0], alone, NULL), "no thread can be put on CPU %d", guest.node[i].cpu[0]);
	check_end();
}

/* The table from sysfs takes libnuma's place; then the same must be seen. */
static void
check_sysfs(void)
{
	int error = fsyi_topology_from_sysfs("/sys/devices/system/node");

	check_begin("sysfs is readable");
	check_that(error == 0, "error %d", error);
	check_end();
	check_source("sysfs");
	check_numbers();
	check_distances();
	check_cpus();
}

int
main(int argc, char **argv)
{
	guest_read();
	if (argc > 1 && strcmp(argv[1], "numa-off") == 0) {
		check_off();
		return check_status();
	}
	check_source("libnuma");
	if (argc > 1 && strcmp(argv[1], "rseq-off") == 0) {
		check_begin("rseq is off");
		check_that(!fsyi_cpu_rseq_used() && !fsyi_cpu_node_used(), "it is used");
		check_end();
	}
	check_numbers();
	check_distances();
	check_cpus();
	check_sysfs();
	return check_status();
}
