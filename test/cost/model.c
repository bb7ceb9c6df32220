/* SPDX-License-Identifier: MIT */
/*
 * model.c - what things cost, in ns. hit, locked, near, relax: chosen so that the toys on the cost machine do what they do on a virtual machine of
 * two CPUs of one node (test/cost/real; docs/numa.md has both). wake, latency, change, fence: of bare metal, as lib/sys/tune.def has them; a
 * virtual machine takes three to five times as long. far, far_memory, echo: assumed, from published measurements of servers with two to
 * eight sockets, where a line from another socket takes some 100 to 140 ns.
 */
#include "model.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const struct cost_model cost_model_here = {
	.hit = 0.5, .locked = 4, .near = 25, .far = 120, .memory = 90, .far_memory = 140, .echo = 10, .relax = 45, .clock = 20, .call = 200,
	.wake = 1500, .latency = 5000, .change = 1500, .slice = 3000000, .fence = 3000, .interrupt = 1000,
};

static const struct {
	const char *name;
	size_t at;
} names[] = {
#define X(field) { #field, offsetof(struct cost_model, field) },
	X(hit) X(locked) X(near) X(far) X(memory) X(far_memory) X(echo) X(relax) X(clock) X(call) X(wake) X(latency) X(change) X(slice)
	X(fence) X(interrupt)
#undef X
};

void
cost_model_set(const char *assignment)
{
	const char *equals = strchr(assignment, '=');

	for (size_t i = 0; equals != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == (size_t)(equals - assignment) && strncmp(assignment, names[i].name, strlen(names[i].name)) == 0) {
			*(double *)(void *)((char *)&cost_model + names[i].at) = atof(equals + 1);
			return;
		}
	cost_fail("not a cost: %s", assignment);
}

static uint64_t noise;

void
cost_fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("# ", stdout);
	vprintf(format, list);
	putchar('\n');
	va_end(list);
	exit(1);
}

/* Up to a tenth more: no two machines keep step. */
double
cost_jitter(double ns)
{
	if (noise == 0)
		noise = cost_machine.seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
	noise ^= noise << 13;
	noise ^= noise >> 7;
	noise ^= noise << 17;
	return ns * (1 + (double)(noise & 1023) / 10240);
}
