/* SPDX-License-Identifier: MIT */
/*
 * topology_sysfs.c - nodes from a tree like /sys/devices/system/node:
 *
 *   online            "0,2-3"      the kernel's ids, possibly sparse
 *   node2/cpulist     "4-7,12"     empty for a node that has only memory
 *   node2/distance    "20 10 21"   to each online node, in that order
 */
#include "fatal.h"
#include "kernel.h"
#include "topology_table.h"

#include <errno.h>
#include <fcntl.h>

enum { TEXT_SIZE = 32768 };                      /* a list of every other CPU of FSYI_MAX_CPUS */

/* Not on the stack, which may be small; a topology is read by one thread at a time. */
static char text[TEXT_SIZE];
static int online[FSYI_MAX_NODES];
static int online_count;

/* Reads root/name into text: 0 or an errno value. */
static int
read_text(const char *root, const char *name)
{
	char path[512];
	long file, n, length = 0;

	fsyi_format(path, sizeof(path), "%s/%s", root, name);
	file = fsyi_syscall(SYS_openat, AT_FDCWD, FSYI_ARG(path), O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (file < 0)
		return (int)-file;
	do {
		n = fsyi_syscall(SYS_read, file, FSYI_ARG(text + length), TEXT_SIZE - 1 - length, 0, 0, 0);
		length += n > 0 ? n : 0;
	} while ((n > 0 && length < TEXT_SIZE - 1) || n == -EINTR);
	fsyi_syscall(SYS_close, file, 0, 0, 0, 0, 0);
	if (n < 0)
		return (int)-n;
	text[length] = '\0';
	return length == TEXT_SIZE - 1 ? EFBIG : 0;
}

static int
read_online(const char *root)
{
	int error = read_text(root, "online");
	const char *at = text;
	int first, last;

	online_count = 0;
	if (error != 0)
		return error;
	for (;;) {
		at = fsyi_parse_range(at, FSYI_MAX_NODES - 1, &first, &last);
		if (at == NULL || (*at != ',' && *at != '\n' && *at != '\0'))
			return EINVAL;
		for (int id = first; id <= last && online_count < FSYI_MAX_NODES; id++)
			online[online_count++] = id;
		if (*at != ',')
			return 0;
		at++;
	}
}

/* The node gets its number with its first CPU; without any it gets none, as no thread runs there. */
static int
read_cpus(struct fsyi_topology_table *t, const char *root, int id)
{
	char name[32];
	const char *at = text;
	int error, first, last, node;

	fsyi_format(name, sizeof(name), "node%d/cpulist", id);
	error = read_text(root, name);
	if (error != 0)
		return error;
	if (*at == '\n' || *at == '\0')
		return 0;
	node = fsyi_topology_add_node(t, id);
	for (;;) {
		at = fsyi_parse_range(at, INT32_MAX / 16, &first, &last);
		if (at == NULL || (*at != ',' && *at != '\n' && *at != '\0'))
			return EINVAL;
		fsyi_topology_add_cpus(t, node, first, last);
		if (*at != ',')
			return 0;
		at++;
	}
}

/* What cannot be read stays 10 and 20: distances are advice. */
static void
read_distances(struct fsyi_topology_table *t, const char *root, int from)
{
	char name[32];
	const char *at = text;

	fsyi_format(name, sizeof(name), "node%d/distance", (int)t->kernel_node[from]);
	if (read_text(root, name) != 0)
		return;
	for (int i = 0; i < online_count; i++) {
		int to = t->dense_node[online[i]] - 1, distance;

		while (*at == ' ')
			at++;
		at = fsyi_parse_number(at, UINT8_MAX, &distance);
		if (at == NULL)
			return;
		if (to >= 0 && distance >= 10)
			t->distance[from * t->head.nodes + to] = (uint8_t)distance;
	}
}

int
fsyi_topology_from_sysfs(const char *root)
{
	struct fsyi_topology_table *t = fsyi_topology_new("sysfs", false);
	int error = t == NULL ? ENOMEM : read_online(root);

	for (int i = 0; error == 0 && i < online_count; i++)
		error = read_cpus(t, root, online[i]);
	if (error != 0)
		return error;
	if (t->head.nodes == 0)
		return ENODEV;
	if (fsyi_topology_add_distances(t))
		for (int node = 0; node < t->head.nodes; node++)
			read_distances(t, root, node);
	fsyi_topology_publish(t);
	return 0;
}
