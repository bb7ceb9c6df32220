/* SPDX-License-Identifier: MIT */
/*
 * weather.c - what others did to the machine meanwhile: time stolen by the hypervisor, and CPU time that neither this
 * process nor its co-processes used. A cell measured in bad weather is printed, and marked.
 */
#include "bench/harness.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static long processes[8];

void
fsyb_weather_own(long pid, bool add)
{
	for (unsigned i = 0; i < sizeof processes / sizeof *processes; i++)
		if (processes[i] == (add ? 0 : pid)) {
			processes[i] = add ? pid : 0;
			return;
		}
}

/* CPU seconds of another process: fields 14 and 15 of its stat line, after the name in parentheses. */
static double
process_seconds(long pid)
{
	char path[64], line[1024], *rest;
	unsigned long user = 0, system = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	rest = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		user = system = 0;
	fclose(file);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double
seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

void
fsyb_weather_read(struct fsyb_weather *weather)
{
	unsigned long user, nice, system, idle, wait, irq, soft, steal;
	double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
	FILE *file = fopen("/proc/stat", "r");
	struct rusage usage;

	memset(weather, 0, sizeof *weather);
	if (file && fscanf(file, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &system, &idle, &wait, &irq, &soft,
	                   &steal) == 8) {
		weather->steal = (double)steal * tick;
		weather->busy = (double)(user + nice + system + irq + soft) * tick;
		weather->total = weather->busy + weather->steal + (double)(idle + wait) * tick;
	}
	if (file)
		fclose(file);
	getrusage(RUSAGE_SELF, &usage);
	weather->own = seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
	for (unsigned i = 0; i < sizeof processes / sizeof *processes; i++)
		if (processes[i])
			weather->own += process_seconds(processes[i]);
}

void
fsyb_weather_add(struct fsyb_weather *sum, const struct fsyb_weather *from, const struct fsyb_weather *to)
{
	sum->total += to->total - from->total;
	sum->steal += to->steal - from->steal;
	sum->busy += to->busy - from->busy;
	sum->own += to->own - from->own;
}

/* Process groups of a desktop share the CPUs group by group, whatever the nice level inside: only the group's own helps against
 * another session's load. Co-processes are in the same group. Needs a privilege; without it nothing changes. */
bool
fsyb_weather_shelter(bool on)
{
	static int before;
	char text[128] = "";
	FILE *file = fopen("/proc/self/autogroup", "r+");
	bool done = false;

	if (!file)
		return false;
	if (on && (!fgets(text, sizeof text, file) || sscanf(text, "%*s nice %d", &before) != 1))
		before = 0;
	rewind(file);
	done = fprintf(file, "%d", on ? -20 : before) > 0 && fflush(file) == 0;
	fclose(file);
	return done;
}

bool
fsyb_weather_noisy(const struct fsyb_weather *sum)
{
	if (sum->total <= 0)
		return false;
	return sum->steal > 0.01 * sum->total || sum->busy - sum->own > 0.10 * sum->total;
}
