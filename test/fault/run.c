/* SPDX-License-Identifier: MIT */
/*
 * run.c - every load under every fault, each fault in a process of its own. What is expected of all: nobody inside who should not be,
 * nothing lost, the state words at rest, no word on stderr; slower it may be. Where the library cannot go on: one line that says why, and abort.
 *
 *   run [PART]      the faults whose names contain PART; FASTSYNC_SEED repeats a run's random choices
 */
#include "fault.h"
#include "lib/sys/topology.h"
#include "test/load/load.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HANDS = 4, RUNNING = 0, DONE = 1 };

static const struct fault *fault;        /* the one that this process is under, or that its child will be */
static uint64_t seed;

static const struct fault *
fault_named(const char *name)
{
	for (const struct fault *f = faults; name != NULL && f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* Runs before the library's constructor. */
__attribute__((constructor(101))) static void
install(void)
{
	static const char *const numas[] = { "", "missing", "no mask", "no cpus", "no distance" };
	const char *numa = getenv("TEST_NUMA"), *cpu = getenv("TEST_GETCPU"), *given = getenv("FASTSYNC_SEED");

	fault = fault_named(getenv("TEST_FAULT"));
	if (fault == NULL)
		return;
	for (int i = NUMA_MISSING; numa != NULL && i <= NUMA_NO_DISTANCE; i++)
		if (strcmp(numa, numas[i]) == 0)
			numa_does = i;
	if (cpu != NULL) {
		setenv("FASTSYNC_RSEQ", "off", 1);
		getcpu_does = strcmp(cpu, "refused") == 0 ? CPU_REFUSED : CPU_ABSURD;
	}
	seed = given != NULL ? strtoull(given, NULL, 0) : 1;
	CHILD_CHECK(fault->caught == NULL || fault_catch(fault->caught, fault->answer, seed));
}

static void
refuse(void)
{
	CHILD_CHECK(fault->refused == NULL || fault_refuse(fault->refused, fault->error));
}

/* A machine of two nodes as the kernel would describe it: memory is asked for by node, and CPUs 0 and 1 are on different ones. */
bool
two_kernel_nodes(void)
{
	static const char *const files[][2] = { { "online", "0-1\n" }, { "node0/cpulist", "0\n" }, { "node1/cpulist", "1\n" } };
	char root[] = "/tmp/fastsync-fault-XXXXXX", path[64];
	bool made = mkdtemp(root) != NULL;
	FILE *file;

	for (int i = 0; made && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/node%d", root, i);
		made = mkdir(path, 0700) == 0;
	}
	for (int i = 0; made && i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, files[i][0]);
		file = fopen(path, "w");
		made = file != NULL && fputs(files[i][1], file) > 0;
		if (file != NULL)
			fclose(file);
	}
	made = made && fsyi_topology_from_sysfs(root) == 0 && fsyi_topology()->nodes == 2;
	for (int i = 2; i >= 0; i--) {
		snprintf(path, sizeof(path), "%s/%s", root, files[i][0]);
		unlink(path);
		if (i > 0) {
			snprintf(path, sizeof(path), "%s/node%d", root, i - 1);
			rmdir(path);
		}
	}
	rmdir(root);
	return made;
}

struct shift {
	struct hand hand;
	int load;
	fsy_deadline_t end;
};

static void *
work(void *arg)
{
	struct shift *shift = arg;
	int turns = 0;

	if (fsy_node_count() > 1)
		LOAD_CHECK(fsy_thread_set_node((int)load_below(&shift->hand, 2)) == 0);
	while (turns++ < 10 || fsy_now() < shift->end)
		load_turn(shift->load, &shift->hand);
	fsy_atomic_u32_store(&shift->hand.state, DONE);
	return NULL;
}

static void
run_load(int i, int64_t ns)
{
	struct shift shifts[HANDS];
	int done = 0;

	memset((void *)shifts, 0, sizeof(shifts));
	loads[i]->begin();
	for (int k = 0; k < HANDS; k++) {
		shifts[k].load = i;
		shifts[k].end = fsy_after_ns(ns);
		shifts[k].hand.random = test_random(&seed);
		shifts[k].hand.thread = worker_start(work, &shifts[k]);
	}
	while (done < HANDS) {
		if (loads[i]->rescue != NULL)
			loads[i]->rescue();
		usleep(500);                     /* the rescuer is there for those who wait with nobody else left */
		done = 0;
		for (int k = 0; k < HANDS; k++)
			done += fsy_atomic_u32_load(&shifts[k].hand.state) == DONE;
	}
	for (int k = 0; k < HANDS; k++)
		worker_join(shifts[k].hand.thread);
	for (int k = 0; loads[k] != NULL; k++)
		if (k != i)
			loads[k]->begin();
}

static int
suffer(void *arg)
{
	const char *given = getenv("FASTSYNC_FAULT_MS");

	(void)arg;
	watchdog(fault->name, 120);
	CHILD_CHECK(fault->before == NULL || fault->before());
	for (int i = 0; loads[i] != NULL; i++) {
		run_load(i, (given != NULL ? atoi(given) : 8) * (int64_t)1000000);
		CHILD_CHECK(loads_audit());
	}
	CHILD_CHECK(fault->after == NULL || fault->after());
	return load_failures() != 0;
}

/* NULL, or what is not as it should be. */
static const char *
judge(const struct child *child)
{
	if (fault->dies != NULL) {
		if (child->exited || child->signal != SIGABRT)
			return "did not abort";
		return fnmatch(fault->dies, child->err, 0) == 0 ? NULL : "did not write what it should";
	}
	if (!child->exited || child->status != 0)
		return "did not end well";
	return child->err[0] == '\0' ? NULL : "wrote something to stderr";
}

static bool
try_fault(void)
{
	char name[128], seeded[64];
	const char *environment[] = { name, seeded, fault->environment, NULL };
	struct child child;
	const char *wrong;

	snprintf(name, sizeof(name), "TEST_FAULT=%s", fault->name);
	snprintf(seeded, sizeof(seeded), "FASTSYNC_SEED=%llu", (unsigned long long)seed);
	child = child_exec("suffer", environment, refuse);
	wrong = judge(&child);
	printf("%s fault/%s%s%s\n", wrong == NULL ? "ok" : "not ok", fault->name, wrong == NULL ? "" : ": ", wrong == NULL ? "" : wrong);
	if (wrong != NULL)
		printf("    status %d, signal %d, stderr: %s\n", child.status, child.signal, child.err);
	fflush(stdout);
	return wrong == NULL;
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "suffer", suffer }, { NULL, NULL } };
	int failed = 0;

	if (child_wanted(argc))
		return child_main(argv, bodies);
	seed = test_seed();
	for (fault = faults; fault->name != NULL; fault++)
		if (argc < 2 || strstr(fault->name, argv[1]) != NULL)
			failed += !try_fault();
	return failed != 0;
}
