/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the ground the measurements stand on: which CPUs there are, how long the unit of work takes, whether the
 * TSC can be used as a clock, who else is using the machine, and a thread that exists from the start.
 */
#include "bench/harness.h"
#include "bench/peers/loop.h"
#include <errno.h>
#include <fastsync/error.h>
#include <fastsync/time.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct fsyb_machine fsyb_machine;

void
fsyb_sleep(int64_t ns)
{
	int64_t until = fsy_now() + ns;
	struct timespec deadline = { until / 1000000000, until % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR)
		;
}

/*
 * glibc's locks drop their lock prefixes while a process has one thread. One that does nothing is
 * made first and lives to the end, so that every candidate is measured as in a threaded program.
 */
static struct {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t over;
	bool running, stop;
} companion = { .mutex = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER };

static void *
companion_main(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&companion.mutex);
	while (!companion.stop)
		pthread_cond_wait(&companion.over, &companion.mutex);
	pthread_mutex_unlock(&companion.mutex);
	return NULL;
}

static void
find_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		for (int cpu = 0; cpu < CPU_SETSIZE && fsyb_machine.cpu_count < 1024; cpu++)
			if (CPU_ISSET((size_t)cpu, &set))
				fsyb_machine.cpus[fsyb_machine.cpu_count++] = cpu;
	if (fsyb_machine.cpu_count == 0)
		fsyb_machine.cpu_count = 1; /* cpus[0] == 0 */
}

/* A low quantile of short runs: those that were preempted fall out even if they are the most. */
static double
measure_multiplication(void)
{
	enum { RUNS = 31, STEPS = 100000 };
	double ns[RUNS];
	uint64_t value = 3;

	for (int i = 0; i < RUNS; i++) {
		int64_t start = fsy_now();

		value = fsyb_work(value, STEPS);
		ns[i] = (double)(fsy_now() - start) / STEPS;
	}
	FSYB_KEEP(value);
	return fsyb_quantile(ns, RUNS, 0.1);
}

static uint64_t
measure_tsc(void)
{
#if defined(__x86_64__)
	char line[4096];
	bool constant = false;
	FILE *info = fopen("/proc/cpuinfo", "r");
	int64_t start, end;
	uint64_t first, last;

	while (info && fgets(line, sizeof line, info))
		if (strncmp(line, "flags", 5) == 0) {
			constant = strstr(line, " constant_tsc") && strstr(line, " nonstop_tsc");
			break;
		}
	if (info)
		fclose(info);
	if (!constant)
		return 0;
	start = fsy_now();
	first = __rdtsc();
	fsyb_sleep(20000000);
	end = fsy_now();
	last = __rdtsc();
	return (uint64_t)((double)(last - first) * 1e6 / (double)(end - start));
#else
	return 0;
#endif
}

uint32_t
fsyb_multiplications(double ns)
{
	return (uint32_t)(ns / fsyb_machine.multiplication_ns + 0.5);
}

void
fsyb_machine_measure(void)
{
	memset(&fsyb_machine, 0, sizeof fsyb_machine);
	find_cpus();
	fsyb_machine.multiplication_ns = measure_multiplication();
	fsyb_machine.tsc_khz = measure_tsc();
	fsyb_controller(true);
	fsyb_controller(false);
}

int
fsyb_companion(void)
{
	if (companion.running)
		return 0;
	companion.stop = false;
	companion.running = pthread_create(&companion.thread, NULL, companion_main, NULL) == 0;
	return companion.running ? 0 : FSY_EAGAIN;
}

void
fsyb_machine_close(void)
{
	if (!companion.running)
		return;
	pthread_mutex_lock(&companion.mutex);
	companion.stop = true;
	pthread_cond_signal(&companion.over);
	pthread_mutex_unlock(&companion.mutex);
	pthread_join(companion.thread, NULL);
	companion.running = false;
}

/* The thread that cuts the windows must run at once when its timer fires, whatever the workers do. The policy is not
 * inherited: a worker above the others would hang the machine. */
void
fsyb_controller(bool on)
{
	struct sched_param priority = { .sched_priority = on ? 1 : 0 };

	if (sched_setscheduler(0, (on ? SCHED_FIFO : SCHED_OTHER) | SCHED_RESET_ON_FORK, &priority) == 0)
		fsyb_machine.realtime |= on;
	else if (!on)
		sched_setscheduler(0, SCHED_OTHER, &priority);
}
