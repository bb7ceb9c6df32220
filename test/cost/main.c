/* SPDX-License-Identifier: MIT */
/*
 * main.c - the cost machine's front.
 *   cost run LOCK NODESxCPUS THREADS SECTION_NS [policy-off] [us=N] [outside=NS] [seed=N] [name=ns]...   one run
 *   cost smoke       does the machine tell good from bad, and does the library do on it what it promises: seconds
 *   cost machines    the table: machines of 32, 96 and 128 CPUs
 */
#include "model.h"
#include "workload.h"

#include <stdlib.h>
#include <string.h>

static int
run(int argc, char **argv)
{
	struct cost_machine machine = { 1, 2, 2, true, 1 };
	struct cost_load load = { NULL, 0, 5, 0, 2000, 0 };
	struct cost_result r;
	double sections;

	if (argc < 6 || sscanf(argv[3], "%dx%d", &machine.nodes, &machine.cpus_per_node) != 2)
		cost_fail("cost run LOCK NODESxCPUS THREADS SECTION_NS [policy-off] [us=N] [outside=NS] [seed=N] [name=ns]...");
	load.lock = cost_lock_named(argv[2]);
	machine.threads = atoi(argv[4]);
	load.section = atof(argv[5]);
	load.lines = load.section > 0 ? 2 : 0;
	for (int i = 6; i < argc; i++) {
		if (strcmp(argv[i], "policy-off") == 0)
			machine.policy = false;
		else if (strncmp(argv[i], "us=", 3) == 0)
			load.run_us = atof(argv[i] + 3);
		else if (strncmp(argv[i], "outside=", 8) == 0)
			load.outside = atof(argv[i] + 8);
		else if (strncmp(argv[i], "seed=", 5) == 0)
			machine.seed = (uint64_t)atoi(argv[i] + 5);
		else
			cost_model_set(argv[i]);
	}
	r = cost_measure(&machine, &load);
	sections = r.mops * load.run_us * 1.2;
	printf("%s %dx%d, %d threads, %.0f ns: %.2f Mops, %.1f %% of %lu moves local, longest wait %.1f us, Jain %.3f\n", load.lock->name, machine.nodes,
	       machine.cpus_per_node, machine.threads, load.section, r.mops, r.local * 100, (unsigned long)r.moves, r.longest_us, r.jain);
	printf("# a section: %.2f lines from near, %.2f from far; in all %lu sleeps, %lu wakes, %lu fences, %lu switches (simulated)\n",
	       (double)r.counts.near / sections, (double)r.counts.far / sections, (unsigned long)r.counts.sleeps, (unsigned long)r.counts.wakes,
	       (unsigned long)r.counts.fences, (unsigned long)r.counts.switches);
	return 0;
}

int
main(int argc, char **argv)
{
	cost_model = cost_model_here;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		return run(argc, argv);
	if (argc == 2 && strcmp(argv[1], "smoke") == 0)
		return cost_smoke();
	if (argc == 2 && strcmp(argv[1], "machines") == 0)
		return cost_machines();
	fprintf(stderr, "cost run ... | smoke | machines\n");
	return 2;
}
