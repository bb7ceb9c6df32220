/* SPDX-License-Identifier: MIT */
/* host.c - what the numbers were measured on, with and against: printed above every table, and part of every export. */
#include "bench/report.h"
#include <fastsync.h>
#include <fastsync/lockword.h>
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

typedef void fact_fn(const char *key, const char *value, void *arg);

static bool
read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "r");
	bool got = file && fgets(line, (int)size, file);

	if (file)
		fclose(file);
	line[got ? strcspn(line, "\n") : 0] = 0;
	return got;
}

/* The value of a line "key : value" of /proc/cpuinfo. */
static bool
cpuinfo(const char *key, char *value, size_t size)
{
	char line[4096];
	FILE *file = fopen("/proc/cpuinfo", "r");
	bool found = false;

	while (file && !found && fgets(line, sizeof line, file)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) != 0 || !colon)
			continue;
		snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " "));
		value[strcspn(value, "\n")] = 0;
		found = true;
	}
	if (file)
		fclose(file);
	return found;
}

static void
cpu_facts(fact_fn *fact, void *arg)
{
	char value[4096], flags[4096];

	if (!cpuinfo("model name", value, sizeof value) && !cpuinfo("CPU part", value, sizeof value))
		snprintf(value, sizeof value, "unknown");
	fact("cpu", value, arg);
	snprintf(value, sizeof value, "%u usable, %ld online", fsyb_machine.cpu_count, sysconf(_SC_NPROCESSORS_ONLN));
	fact("cpus", value, arg);
	snprintf(value, sizeof value, "%d", fsy_node_count());
	fact("nodes", value, arg);
	if (!read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", value, sizeof value))
		snprintf(value, sizeof value, "not visible");
	fact("governor", value, arg);
	if (cpuinfo("flags", flags, sizeof flags) && strstr(flags, " hypervisor")) {
		if (!read_line("/sys/class/dmi/id/sys_vendor", value, sizeof value))
			snprintf(value, sizeof value, "vendor not visible");
		fact("hypervisor", value, arg);
	} else {
		fact("hypervisor", "none seen", arg);
	}
}

/* One fact per library: its version, under the shortest name it goes by. */
static void
peer_facts(const struct fsyb_field *field, fact_fn *fact, void *arg)
{
	for (unsigned i = 0; i < field->count; i++) {
		const struct fsyb_candidate *candidate = &field->candidates[i];
		char name[FSYB_NAME];
		bool known = !candidate->version[0] || candidate->ours;

		for (unsigned j = 0; j < i && !known; j++)
			known = strcmp(field->candidates[j].version, candidate->version) == 0;
		snprintf(name, sizeof name, "%s", candidate->name);
		name[strcspn(name, " ")] = 0;
		if (!known)
			fact(name, candidate->version, arg);
	}
}

void
fsyb_host_facts(const struct fsyb_results *results, fact_fn *fact, void *arg)
{
	char value[512], load[64];
	struct utsname kernel;

	cpu_facts(fact, arg);
	uname(&kernel);
	snprintf(value, sizeof value, "%s %s", kernel.sysname, kernel.release);
	fact("kernel", value, arg);
	fact("compiler",
#ifdef __clang__
	     "clang " __clang_version__,
#else
	     "gcc " __VERSION__,
#endif
	     arg);
	fact("glibc", gnu_get_libc_version(), arg);
	read_line("/proc/loadavg", load, sizeof load);
	fact("load", load, arg);
	snprintf(value, sizeof value, "%s, %s", fsy_version(), fsy_attention_ ? "unlock by plain store (membarrier)"
	                                                                      : "unlock by read-modify-write (no membarrier)");
	fact("libfastsync", value, arg);
	snprintf(value, sizeof value, "%d rounds of %.0f ms, %s, %s%s, unit of work %.2f ns, seed %llu",
	         results->options->rounds, (double)results->options->round_ns / 1e6,
	         results->options->unpinned ? "unpinned" : "pinned",
	         fsyb_machine.realtime ? "real-time control" : "controller at normal priority",
	         fsyb_machine.sheltered ? ", autogroup nice -20" : "",
	         fsyb_machine.multiplication_ns, (unsigned long long)results->options->seed);
	fact("method", value, arg);
	if (results->options->quick)
		fact("QUICK", "a smoke test, not a measurement", arg);
	peer_facts(&results->field, fact, arg);
}

struct line {
	FILE *out;
	unsigned column;
};

/* As many facts to a line as fit. */
static void
print_fact(const char *key, const char *value, void *arg)
{
	struct line *line = arg;
	unsigned length = (unsigned)(strlen(key) + strlen(value) + 4);

	if (line->column && line->column + length > 118) {
		fputc('\n', line->out);
		line->column = 0;
	}
	line->column += (unsigned)fprintf(line->out, "%s%s: %s", line->column ? " | " : "", key, value);
}

void
fsyb_print_host(const struct fsyb_results *results, FILE *out)
{
	struct line line = { out, 0 };

	fsyb_host_facts(results, print_fact, &line);
	fputc('\n', out);
	for (unsigned i = 0; i < results->field.missing_count; i++)
		fprintf(out, "! %s\n", results->field.missing[i]);
	fputc('\n', out);
}
