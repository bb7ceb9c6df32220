/* SPDX-License-Identifier: MIT */
/* topology_spec.c - FASTSYNC_TOPOLOGY: a topology made up for tests. topology.h shows its three forms. */
#include "fatal.h"
#include "topology_table.h"

#include <errno.h>
#include <string.h>

struct spec {
	struct fsyi_topology_table *table;
	char *why;
	unsigned long why_size;
};

#define COMPLAIN(spec, ...) (fsyi_format((spec)->why, (spec)->why_size, __VA_ARGS__), EINVAL)

static bool
ends(const char *text)
{
	return *text == '\0' || *text == '@';
}

/* count nodes; CPUs go to them in runs of per_node, round and round, so that every CPU has one. */
static int
deal(struct spec *spec, int count, int per_node)
{
	if (count < 1 || count > FSYI_MAX_NODES)
		return COMPLAIN(spec, "%d nodes: expected 1 to %d", count, FSYI_MAX_NODES);
	if (per_node < 1 || per_node > FSYI_MAX_CPUS / count)
		return COMPLAIN(spec, "%d CPUs on each of %d nodes: expected 1 to %d", per_node, count, FSYI_MAX_CPUS / count);
	for (int node = 0; node < count; node++)
		fsyi_topology_add_node(spec->table, -1);
	for (int cpu = 0; cpu < FSYI_MAX_CPUS; cpu++)
		fsyi_topology_add_cpus(spec->table, cpu / per_node % count, cpu, cpu);
	return 0;
}

static int
add_range(struct spec *spec, int node, int first, int last)
{
	if (last >= FSYI_MAX_CPUS)
		return COMPLAIN(spec, "node %d: CPU %d is above %d", node, last, FSYI_MAX_CPUS - 1);
	for (int cpu = first; cpu <= last; cpu++)
		if (spec->table->node_of_cpu[cpu] != 0)
			return COMPLAIN(spec, "node %d: CPU %d is already on node %d", node, cpu, spec->table->node_of_cpu[cpu] - 1);
	fsyi_topology_add_cpus(spec->table, node, first, last);
	return 0;
}

/* "0-3,8;4-7": one list per node. */
static int
parse_lists(struct spec *spec, const char **text)
{
	int node = fsyi_topology_add_node(spec->table, -1);
	int error, first, last;

	for (;;) {
		const char *next = fsyi_parse_range(*text, INT32_MAX / 16, &first, &last);

		if (next == NULL)
			return COMPLAIN(spec, "node %d: expected a CPU number or an ascending range at \"%s\"", node, *text);
		error = add_range(spec, node, first, last);
		if (error != 0)
			return error;
		*text = next;
		if (ends(next))
			return 0;
		if (*next == ';') {
			node = fsyi_topology_add_node(spec->table, -1);
			if (node < 0)
				return COMPLAIN(spec, "expected at most %d nodes", FSYI_MAX_NODES);
		} else if (*next != ',') {
			return COMPLAIN(spec, "node %d: expected , or ; or @ at \"%s\"", node, next);
		}
		*text = next + 1;
	}
}

/* "@10,21": from node 0 to each node. Two others are as far from each other as the farther of them is from node 0. */
static int
parse_distances(struct spec *spec, const char *text)
{
	int nodes = spec->table->head.nodes, count = 0, value;
	uint8_t *distance;

	if (!fsyi_topology_add_distances(spec->table))
		return ENOMEM;
	distance = spec->table->distance;
	for (;; text++) {
		const char *next = fsyi_parse_number(text, UINT8_MAX, &value);

		if (next == NULL || value < 10 || (*next != ',' && *next != '\0'))
			return COMPLAIN(spec, "expected a distance from 10 to 255 at \"%s\"", text);
		if (count == 0 && value != 10)
			return COMPLAIN(spec, "the distance from node 0 to itself is 10, not %d", value);
		if (count < nodes)
			distance[count] = (uint8_t)value;
		count++;
		text = next;
		if (*text == '\0')
			break;
	}
	if (count != nodes)
		return COMPLAIN(spec, "%d distances for %d nodes", count, nodes);
	for (int i = 1; i < nodes; i++)
		for (int j = 0; j < nodes; j++)
			distance[i * nodes + j] = i == j ? 10 : distance[i] > distance[j] ? distance[i] : distance[j];
	return 0;
}

static int
parse(struct spec *spec, const char *text)
{
	int count, per_node, error;
	const char *next = fsyi_parse_number(text, INT32_MAX / 16, &count);

	if (next != NULL && ends(next)) {
		error = deal(spec, count, 1);
		text = next;
	} else if (next != NULL && *next == 'x') {
		text = fsyi_parse_number(next + 1, INT32_MAX / 16, &per_node);
		if (text == NULL || !ends(text))
			return COMPLAIN(spec, "expected a number of CPUs per node at \"%s\"", next + 1);
		error = deal(spec, count, per_node);
	} else {
		error = parse_lists(spec, &text);
	}
	return error != 0 || *text == '\0' ? error : parse_distances(spec, text + 1);
}

int
fsyi_topology_from_spec(const char *text, char *why, unsigned long why_size)
{
	struct spec spec = { fsyi_topology_new("FASTSYNC_TOPOLOGY", true), why, why_size };
	int error = spec.table == NULL ? ENOMEM : parse(&spec, text);

	if (error == ENOMEM)
		fsyi_format(why, why_size, "out of memory");
	if (error == 0)
		fsyi_topology_publish(spec.table);
	return error;
}
