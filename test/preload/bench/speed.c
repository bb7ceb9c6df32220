/* SPDX-License-Identifier: MIT */
/*
 * speed.c - what a pthread lock costs this process: speed single | idle | THREADS MS | read THREADS MS. Prints one number: nanoseconds for a
 * lock and an unlock that nobody disturbs, in a process that never had a second thread (single) or has one that sleeps (idle); or how many
 * pairs a microsecond saw while THREADS threads fought for one mutex for MS milliseconds, and how evenly (the least share to the largest);
 * or read one rwlock, and in which part of the time all of them ran: only that is counted, for readers that take turns on a CPU do
 * not disturb each other.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 200000, REPEATS = 25, MOST = 4096 };

static pthread_mutex_t mutex __attribute__((aligned(64))) = PTHREAD_MUTEX_INITIALIZER;
static long counter;
static int over, ready;
static long share[MOST][8];

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *
idle(void *arg)
{
	pause();
	return arg;
}

static double
alone(void)
{
	double best = 1e9;

	for (int i = 0; i < REPEATS; i++) {
		double before = now_ns(), pair;

		for (int j = 0; j < PAIRS; j++) {
			pthread_mutex_lock(&mutex);
			pthread_mutex_unlock(&mutex);
		}
		pair = (now_ns() - before) / PAIRS;
		best = pair < best ? pair : best;
	}
	return best;
}

static void *
fight(void *arg)
{
	long mine = 0;

	__atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
		mine++;
	}
	share[(long)arg][0] = mine;
	return NULL;
}

static void
contend(int threads, long ms)
{
	struct timespec nap = { ms / 1000, ms % 1000 * 1000000 };
	static pthread_t thread[MOST];
	double before, took;
	long least, most, start;

	for (long i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, fight, (void *)i) != 0)
			exit(1);
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < threads)
		usleep(1000);
	start = __atomic_load_n(&counter, __ATOMIC_RELAXED);
	before = now_ns();
	nanosleep(&nap, NULL);
	took = now_ns() - before;
	start = __atomic_load_n(&counter, __ATOMIC_RELAXED) - start;
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	least = most = -1;
	for (int i = 0; i < threads; i++) {
		pthread_join(thread[i], NULL);
		least = least < 0 || share[i][0] < least ? share[i][0] : least;
		most = share[i][0] > most ? share[i][0] : most;
	}
	printf("%.4f %.4f\n", (double)start * 1000 / took, most > 0 ? (double)least / (double)most : 0);
}

enum { BURST = 64, WINDOW_US = 4000, FULL_PERCENT = 95 };

static pthread_rwlock_t rwlock __attribute__((aligned(64))) = PTHREAD_RWLOCK_INITIALIZER;

static void *
read_on(void *arg)
{
	long *mine = share[(long)arg];

	__atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		for (int i = 0; i < BURST; i++) {
			pthread_rwlock_rdlock(&rwlock);
			pthread_rwlock_unlock(&rwlock);
		}
		__atomic_store_n(mine, *mine + BURST, __ATOMIC_RELAXED);
	}
	return NULL;
}

struct sample {
	double at, ran[MOST];
	long pairs;
};

static void
take_sample(struct sample *s, const clockid_t *clocks, int threads)
{
	struct timespec t;

	s->at = now_ns();
	s->pairs = 0;
	for (int i = 0; i < threads; i++) {
		s->pairs += __atomic_load_n(&share[i][0], __ATOMIC_RELAXED);
		clock_gettime(clocks[i], &t);
		s->ran[i] = (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
	}
}

static void
read_together(int threads, long ms)
{
	static struct sample samples[2];
	static pthread_t thread[MOST];
	static clockid_t clocks[MOST];
	double pairs = 0, full = 0, start;

	for (long i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, read_on, (void *)i) != 0 || pthread_getcpuclockid(thread[i], &clocks[i]) != 0)
			exit(1);
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < threads)
		usleep(1000);
	start = now_ns();
	take_sample(&samples[0], clocks, threads);
	for (int now = 1; samples[!now].at - start < (double)ms * 1e6; now = !now) {
		bool all = true;

		usleep(WINDOW_US);
		take_sample(&samples[now], clocks, threads);
		for (int i = 0; i < threads; i++)
			all &= (samples[now].ran[i] - samples[!now].ran[i]) * 100 > (samples[now].at - samples[!now].at) * FULL_PERCENT;
		if (!all)
			continue;
		pairs += (double)(samples[now].pairs - samples[!now].pairs);
		full += samples[now].at - samples[!now].at;
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("%.4f %.4f\n", full > 0 ? pairs * 1000 / full : 0, full / ((double)ms * 1e6));
}

int
main(int argc, char **argv)
{
	pthread_t thread;

	if (argc > 3 && strcmp(argv[1], "read") == 0) {
		read_together(atoi(argv[2]) < MOST ? atoi(argv[2]) : MOST, atol(argv[3]));
		return 0;
	}
	if (argc > 2) {
		contend(atoi(argv[1]) < MOST ? atoi(argv[1]) : MOST, atol(argv[2]));
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "idle") == 0)
		pthread_create(&thread, NULL, idle, NULL);
	printf("%.3f\n", alone());
	return 0;
}
