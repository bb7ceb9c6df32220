/* SPDX-License-Identifier: MIT */
/*
 * name: the lost wake-up of glibc's condition variables before 2.41, BZ 25847
 * item: 12
 * short: 1
 * long: 20
 * native: no
 *
 * A waiter that is held up between finding a signal and taking it may take one that is meant for a younger group of waiters, and then tries
 * to make up for it with a signal of its own, which may reach nobody. So: few waiters, one signal for each item without the mutex, the next
 * item only once that one is taken, and a signal handler that holds waiters up wherever they are. An item that nobody takes although
 * somebody waits was signalled, and the wake-up was lost.
 * Argument: seconds to run. Ends with 1 if it was lost, and says after how long on stderr.
 */
#include <signal.h>
#include "check.h"

enum { CONSUMERS = 4, PRODUCERS = 2, THREADS = CONSUMERS + PRODUCERS, STUCK_S = 10 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static _Atomic int tokens;
static _Atomic unsigned long moved;
static _Atomic int over;
static pthread_t threads[THREADS];

/* For long enough for the others to go on without it for a few rounds. */
static void
hold_up(int signal)
{
	static __thread uint32_t seed;
	int before = errno;

	(void)signal;
	seed = seed ? seed : (uint32_t)gettid();
	nap_us(draw(&seed) % 300);
	errno = before;
}

static void *
consume(void *arg)
{
	(void)arg;
	CHECK_IS(pthread_mutex_lock(&mutex), 0);
	for (;;) {
		while (tokens == 0 && !over)
			CHECK_IS(pthread_cond_wait(&cond, &mutex), 0);
		if (tokens == 0)
			break;
		tokens--;
		moved++;
	}
	CHECK_IS(pthread_mutex_unlock(&mutex), 0);
	return NULL;
}

static void *
produce(void *arg)
{
	unsigned long before;

	(void)arg;
	while (!over) {
		CHECK_IS(pthread_mutex_lock(&mutex), 0);
		before = moved;
		tokens++;
		CHECK_IS(pthread_mutex_unlock(&mutex), 0);
		CHECK_IS(pthread_cond_signal(&cond), 0);
		for (int i = 0; moved == before && !over; i++)
			if (i > 200)
				sched_yield();
	}
	return NULL;
}

/* True: stuck. */
static bool
watch(double seconds)
{
	struct timespec start, now;
	unsigned long seen = 0;
	double since = 0, at = 0;
	uint32_t seed = seed_of_run();

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (at < seconds || at - since > 1) {
		for (int i = 0; i < 50; i++) {
			pthread_kill(threads[draw(&seed) % CONSUMERS], SIGUSR1);
			nap_us(draw(&seed) % 100);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		at = (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) * 1e-9;
		if (moved != seen) {
			seen = moved;
			since = at;
		} else if (at - since > STUCK_S) {
			fprintf(stderr, "nothing has moved since %.1f s, after %lu times, with %d items there\n", since, seen, tokens);
			return true;
		}
	}
	fprintf(stderr, "%lu items were taken in %.1f s\n", seen, at);
	return false;
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = hold_up };
	double seconds = argc > 1 ? atof(argv[1]) : 2;

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < THREADS; i++)
		threads[i] = start(i < CONSUMERS ? consume : produce, NULL);
	if (watch(seconds))
		return 1;
	over = 1;
	for (int i = THREADS - 1; i >= 0; i--) {
		pthread_mutex_lock(&mutex);
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
		join(threads[i]);
	}
	return 0;
}
