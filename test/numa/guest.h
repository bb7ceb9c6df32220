/* SPDX-License-Identifier: MIT */
/*
 * guest.h - what the programs of check-numa share. They run in a virtual machine whose nodes are known in advance: the host, which
 * laid the machine out, says in two variables what must be found.
 *
 *   NUMA_CPUS=0:0,1;2:4,5     the kernel's number of each node that has CPUs, and its CPUs; those that this process may use
 *   NUMA_MEMORY=0,3           the nodes that have memory for this process
 *   NUMA_NODES=3              how many nodes have CPUs, if there are others that this process may not use
 *
 * A check is a line "ok NAME" or "not ok NAME", with what was false above it, each beginning with #.
 */
#ifndef TEST_NUMA_GUEST_H
#define TEST_NUMA_GUEST_H

#include <stdbool.h>
#include <stddef.h>

enum { GUEST_NODES = 16, GUEST_CPUS = 64 };

struct guest_node {
	int kernel;                              /* the kernel's number */
	int cpu[GUEST_CPUS], cpus;
	bool memory;
};

struct guest {
	struct guest_node node[GUEST_NODES];
	int nodes;
	int counted;                             /* what fsy_node_count() must be */
	bool memory[GUEST_NODES];                /* by the kernel's number */
};

extern struct guest guest;

/* Reads the variables, or ends the program with a line. */
void guest_read(void);

/* One check at a time: begin, any number of conditions, end. */
void check_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check_end(void);
void check_that(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));
int check_status(void);                          /* for main: 1 if a check failed */

/* Runs body(arg) in a thread that is pinned to this CPU, and waits for it. False if the thread cannot be put there. */
bool run_on(int cpu, void (*body)(void *arg), void *arg);
bool pin(int cpu);

/* The node that this byte's page lies on; negative: none. */
int node_of_page(const void *byte);

/* Whether the byte lies where it should if it was meant for a node: there, or, if that has no memory, anywhere. */
bool lies_on(const void *byte, int kernel_node);

/* What a file of the kernel says: the number in it, or -1; and writing one. */
int read_number(const char *path);
bool write_text(const char *path, const char *text);

#endif
