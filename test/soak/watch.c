/* SPDX-License-Identifier: MIT */
/* watch.c - the watchdog. It uses nothing of the library's but the dumps, and those only when it is over anyway. */
#include "soak.h"
#include "lib/park/park.h"
#include "test/support/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int patience;
static uint64_t seed_now;

static void
show(const struct fsyi_thread *thread, void *arg)
{
	(void)arg;
	load_print("parked: record %p on %p, kind %u, park %u\n", (const void *)thread, fsy_atomic_ptr_load_rlx(&thread->key), thread->kind,
		   fsy_atomic_u32_load_rlx(&thread->park));
}

/* The stacks come from gdb, if it is there and may look. */
static void
print_stacks(void)
{
	char pid[16];
	pid_t child;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	child = fork();
	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execlp("gdb", "gdb", "-p", pid, "-batch", "-ex", "thread apply all bt 16", (char *)NULL);
		load_print("no gdb, no stacks\n");
		_exit(1);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Words first: the queues need bucket locks, which may be what hangs. */
void
soak_dump(void)
{
	for (int i = 0; loads[i] != NULL; i++) {
		load_print("-- %s: %llu turns\n", loads[i]->name, (unsigned long long)fsy_atomic_u64_load(&load_turns[i]));
		loads[i]->dump();
	}
	print_stacks();
	fsyi_park_each(&fsyi_lot, show, NULL);
}

static void *
watch(void *arg)
{
	uint64_t seen[LOADS_MOST + 1] = { 0 };
	int idle[LOADS_MOST + 1] = { 0 };

	(void)arg;
	for (;;) {
		sleep(1);
		for (int i = 0; i <= LOADS_MOST; i++) {
			uint64_t now = fsy_atomic_u64_load(i < LOADS_MOST ? &load_turns[i] : &soak_heartbeat);

			idle[i] = now == seen[i] ? idle[i] + 1 : 0;
			seen[i] = now;
			if (idle[i] < patience || (i < LOADS_MOST && (now == 0 || load_failures() != 0)))
				continue;
			load_print("no progress for %d s: %s; FASTSYNC_SEED=%llu\n", patience, i < LOADS_MOST ? loads[i]->name : "the caretaker",
				   (unsigned long long)seed_now);
			soak_dump();
			_exit(1);
		}
	}
}

void
soak_watch(int seconds, uint64_t seed)
{
	patience = seconds;
	seed_now = seed;
	pthread_detach(worker_start(watch, NULL));
}
