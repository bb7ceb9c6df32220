/* SPDX-License-Identifier: MIT */
/*
 * explore.c - every schedule that leaves the natural one at most `bound` times.
 *
 * The natural schedule runs each thread until it blocks or yields, and makes its stores visible at once. Each
 * departure (a preemption, a store held back, a held store let out, a clock jump) costs one: delay bounding,
 * Emmi, Qadeer, Rakamaric, POPL 2011. The search is depth-first by replaying prefixes; nothing is saved but
 * the choices, so the code under test must be deterministic, and a replay that differs is reported.
 */
#include "sim.h"
#include <stdlib.h>
#include <string.h>

enum { CHOICES = 2 * SIM_STEP_LIMIT };
struct choice { uint8_t count, taken; };
static struct choice path[CHOICES];
static int depth, prefix, bound;

void
sim_dfs_begin(int limit)
{
	depth = prefix = 0;
	bound = limit;
}

int
sim_dfs_choose(const struct sim_agent *agents, int count)
{
	(void)agents;
	if (depth == CHOICES)
		sim_fail("more choices than the search remembers");
	if (depth >= prefix)
		path[depth] = (struct choice){ (uint8_t)count, 0 };
	else if (path[depth].count == 0)        /* parsed, not yet run */
		path[depth].count = (uint8_t)count;
	else if (path[depth].count != count)
		sim_fail("the replay differs at choice %d: %d agents, not %d", depth, count, path[depth].count);
	if (path[depth].taken >= count)
		sim_fail("choice %d has %d agents only", depth, count);
	return path[depth++].taken;
}

bool
sim_dfs_next(void)
{
	int cost = 0;

	for (int i = 0; i < depth; i++)
		cost += path[i].taken > 0;
	while (depth > 0) {
		struct choice *last = &path[--depth];

		cost -= last->taken > 0;
		if (last->taken + 1 < last->count && cost + 1 <= bound) {
			last->taken++;
			prefix = depth + 1;
			depth = 0;
			return true;
		}
	}
	return false;
}

void
sim_dfs_print(FILE *out)
{
	const char *comma = "";

	for (int i = 0; i < depth; i++)
		if (path[i].taken > 0) {
			fprintf(out, "%s%d:%d", comma, i, path[i].taken);
			comma = ",";
		}
}

bool
sim_dfs_parse(const char *text)
{
	memset(path, 0, sizeof(path));
	depth = prefix = 0;
	while (*text != '\0') {
		char *end;
		long at = strtol(text, &end, 10), taken;

		if (end == text || *end != ':' || at < prefix || at >= CHOICES)
			return false;
		text = end + 1;
		taken = strtol(text, &end, 10);
		if (end == text || taken < 1 || taken >= SIM_AGENTS || (*end != ',' && *end != '\0'))
			return false;
		path[at].taken = (uint8_t)taken;
		prefix = (int)at + 1;
		text = *end == ',' ? end + 1 : end;
	}
	return true;
}
