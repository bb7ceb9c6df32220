/* SPDX-License-Identifier: MIT */
/*
 * soak.c - everything against everything, for as long as one likes: every primitive under its load, by threads that come and go, migrate,
 * time out, are cancelled and bombarded with signals, while children are forked off. Every ten seconds all of them end, and what is left
 * behind is audited.
 *
 *   soak SECONDS [hang]      FASTSYNC_SEED repeats the choices of a run; FASTSYNC_SOAK_PATIENCE=seconds without progress that are a hang;
 *                            hang: a lock is kept, to see that the watchdog barks
 */
#include "soak.h"
#include "test/support/worker.h"

#include <fastsync/mutex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { ROUND_S = 10 };

/* More nodes than the machine has, unless something else is asked for. Runs before the library's constructor. */
__attribute__((constructor(101))) static void
choose_topology(void)
{
	setenv("FASTSYNC_TOPOLOGY", "4", 0);
}

static void
count_signal(int number)
{
	(void)number;
	fsy_atomic_u64_add_rlx(&soak_counts.signals, 1);
}

/* No SA_RESTART: every system call may end with EINTR. */
static void
install_signals(void)
{
	struct sigaction action = { .sa_handler = count_signal };
	struct itimerval often = { { 0, 5000 }, { 0, 5000 } };

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &often, NULL);
}

static void
print_counts(int round, int64_t started)
{
	printf("round %d, %d s:", round, (int)((fsy_now() - started) / 1000000000));
	for (int i = 0; loads[i] != NULL; i++)
		printf(" %s %llu,", loads[i]->name, (unsigned long long)fsy_atomic_u64_load(&load_turns[i]));
	printf(" threads %llu (%llu cancelled), forks %llu, signals %llu, migrations %llu\n", (unsigned long long)fsy_atomic_u64_load(&soak_counts.threads),
	       (unsigned long long)fsy_atomic_u64_load(&soak_counts.cancelled), (unsigned long long)fsy_atomic_u64_load(&soak_counts.forks),
	       (unsigned long long)fsy_atomic_u64_load(&soak_counts.signals), (unsigned long long)fsy_atomic_u64_load(&soak_counts.migrations));
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const char *given = getenv("FASTSYNC_SOAK_PATIENCE");
	int seconds = argc > 1 ? atoi(argv[1]) : 0, round = 0;
	int64_t started = fsy_now();
	fsy_deadline_t end = started + seconds * (int64_t)1000000000;
	uint64_t seed;
	bool well = true;

	if (seconds <= 0) {
		fprintf(stderr, "usage: soak SECONDS [hang]\n");
		return 2;
	}
	seed = test_seed();
	install_signals();
	soak_watch(given != NULL ? atoi(given) : 120, seed);
	if (argc > 2)
		load_hang();
	while (well && (round == 0 || fsy_now() < end)) {
		fsy_deadline_t round_end = fsy_after_ms(ROUND_S * 1000);

		well = soak_round(test_random(&seed), HANDS, round_end < end ? round_end : end, true);
		print_counts(++round, started);
	}
	if (!well)
		soak_dump();
	printf("%s soak/everything\n    %d rounds, %d s\n", well ? "ok" : "not ok", round, (int)((fsy_now() - started) / 1000000000));
	return !well;
}
