/* SPDX-License-Identifier: MIT */
/* fork.c - a child in the midst of everything: it has one thread, and everybody else's locks, queues and records. */
#include "soak.h"

#include <fastsync/mutex.h>
#include <fastsync/poison.h>
#include <fastsync/error.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_PATIENCE_S = 300 };

static fsy_mutex_t held = FSY_MUTEX_INIT, free_lock = FSY_MUTEX_INIT;
static fsy_poison_mutex_t owned = FSY_POISON_MUTEX_INIT;

/* The loads' objects are as they were left, in the hands of threads that are not here: new ones take their places. */
static int
live_on(uint64_t seed)
{
	alarm(CHILD_PATIENCE_S);
	fsy_mutex_unlock(&held);
	LOAD_CHECK(fsy_mutex_trylock(&held) && fsy_mutex_trylock(&free_lock));
	fsy_mutex_unlock(&held);
	fsy_mutex_unlock(&free_lock);
	fsy_poison_mutex_unlock(&owned);
	LOAD_CHECK(fsy_poison_mutex_trylock(&owned) == 0);
	fsy_poison_mutex_unlock(&owned);
	return soak_round(seed, CHILD_HANDS, fsy_after_ms(20), false) ? 0 : 1;
}

void
soak_fork(uint64_t seed)
{
	int status = -1;
	pid_t pid;

	fsy_mutex_lock(&held);
	LOAD_CHECK(fsy_poison_mutex_lock(&owned) == 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(live_on(seed));
	fsy_mutex_unlock(&held);
	fsy_poison_mutex_unlock(&owned);
	fsy_atomic_u64_add_rlx(&soak_counts.forks, 1);
	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
		for (int i = 0; loads[i] != NULL; i++)
			if (loads[i]->rescue != NULL)
				loads[i]->rescue();
		fsy_atomic_u64_add_rlx(&soak_heartbeat, 1);
		usleep(500);
	}
	if (status != 0)
		load_print("a forked child, seed %llu, ended with status %x\n", (unsigned long long)seed, (unsigned int)status);
	LOAD_CHECK(status == 0);
}
