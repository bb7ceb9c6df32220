/* SPDX-License-Identifier: MIT */
/* guest.c - see guest.h. */
#include "guest.h"
#include "test/support/worker.h"

#include <ctype.h>
#include <numaif.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct guest guest;

static char name[120];
static bool good;
static int failed;

static __attribute__((noreturn)) void
refuse(const char *variable, const char *at)
{
	fprintf(stderr, "%s: cannot be understood at \"%s\"\n", variable, at);
	exit(2);
}

static int
number(const char **at, const char *variable)
{
	int value = 0;

	if (!isdigit((unsigned char)**at))
		refuse(variable, *at);
	for (; isdigit((unsigned char)**at); (*at)++)
		value = value * 10 + (**at - '0');
	return value;
}

static void
read_cpus(const char *at)
{
	struct guest_node *node;

	for (;; at++) {
		node = &guest.node[guest.nodes++];
		node->kernel = number(&at, "NUMA_CPUS");
		if (*at != ':' || guest.nodes == GUEST_NODES)
			refuse("NUMA_CPUS", at);
		do {
			at++;
			node->cpu[node->cpus++] = number(&at, "NUMA_CPUS");
		} while (*at == ',' && node->cpus < GUEST_CPUS);
		if (*at == '\0')
			return;
		if (*at != ';')
			refuse("NUMA_CPUS", at);
	}
}

void
guest_read(void)
{
	const char *cpus = getenv("NUMA_CPUS"), *memory = getenv("NUMA_MEMORY"), *nodes = getenv("NUMA_NODES");

	if (cpus == NULL || memory == NULL)
		refuse("NUMA_CPUS and NUMA_MEMORY", "");
	read_cpus(cpus);
	for (;; memory++) {
		int node = number(&memory, "NUMA_MEMORY");

		if (node >= GUEST_NODES)
			refuse("NUMA_MEMORY", memory);
		guest.memory[node] = true;
		if (*memory == '\0')
			break;
	}
	for (int i = 0; i < guest.nodes; i++)
		guest.node[i].memory = guest.memory[guest.node[i].kernel];
	guest.counted = nodes == NULL ? guest.nodes : atoi(nodes);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

void
check_begin(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(name, sizeof(name), format, list);
	va_end(list);
	good = true;
}

void
check_that(bool condition, const char *format, ...)
{
	va_list list;

	if (condition)
		return;
	good = false;
	va_start(list, format);
	printf("# %s: ", name);
	vprintf(format, list);
	putchar('\n');
	va_end(list);
}

void
check_end(void)
{
	printf("%s %s\n", good ? "ok" : "not ok", name);
	failed |= !good;
}

int
check_status(void)
{
	return failed;
}

bool
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

struct errand {
	int cpu;
	void (*body)(void *arg);
	void *arg;
	bool pinned;
};

static void *
run(void *arg)
{
	struct errand *errand = arg;

	errand->pinned = pin(errand->cpu);
	if (errand->pinned)
		errand->body(errand->arg);
	return NULL;
}

bool
run_on(int cpu, void (*body)(void *arg), void *arg)
{
	struct errand errand = { cpu, body, arg, false };

	worker_join(worker_start(run, &errand));
	return errand.pinned;
}

int
node_of_page(const void *byte)
{
	void *page = (void *)((size_t)byte & ~(size_t)4095);
	int status = -1;

	return move_pages(0, 1, &page, NULL, &status, 0) == 0 ? status : -1;
}

bool
lies_on(const void *byte, int kernel_node)
{
	int node = node_of_page(byte);

	return node >= 0 && (node == kernel_node || kernel_node < 0 || kernel_node >= GUEST_NODES || !guest.memory[kernel_node]);
}

int
read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	int value = -1;

	if (file != NULL && fscanf(file, "%d", &value) != 1)
		value = -1;
	if (file != NULL)
		fclose(file);
	return value;
}

bool
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool written = file != NULL && fputs(text, file) >= 0;

	return file != NULL && fclose(file) == 0 && written;
}
