/* SPDX-License-Identifier: MIT */
/*
 * real.c - the toys on real threads, for comparison with the cost machine: a thread per CPU, pinned; rounds of all locks in turn, so
 * that what else the machine does meets them all. Prints medians. real [rounds [ms]]
 */
#include "toys.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CPUS = 2, MOST_ROUNDS = 101, KINDS = 4 };

static struct toy toy;
static struct toy_node nodes[CPUS];
static struct { char byte __attribute__((aligned(128))); } data[2];
static fsy_atomic_u32 gate, stop;
static fsy_atomic_u64 done[CPUS];
static double loops_per_ns;
static int kind, threads, section_ns, outside_ns;

/* Not inline: each copy would have a speed of its own. */
static __attribute__((noinline)) void
work(double ns)
{
	for (long i = (long)(ns * loops_per_ns); i > 0; i--)
		__asm__ volatile("" ::: "memory");
}

#define LOOP(name) \
	static uint64_t name##_loop(int i) \
	{ \
		uint64_t count = 0; \
		while (!fsy_atomic_u32_load_rlx(&stop)) { \
			name##_lock(&toy, &nodes[i]); \
			for (int d = 0; section_ns > 0 && d < 2; d++) \
				*(volatile char *)&data[d].byte += 1; \
			work(section_ns); \
			name##_unlock(&toy, &nodes[i]); \
			work(outside_ns); \
			count++; \
		} \
		return count; \
	}
LOOP(ttas)
LOOP(ticket)
LOOP(mcs)
LOOP(futex)

static uint64_t (*const loops[KINDS])(int) = { ttas_loop, ticket_loop, mcs_loop, futex_loop };
static const char *const names[KINDS] = { "ttas", "ticket", "mcs", "futex" };

static void *
body(void *arg)
{
	int self = (int)(intptr_t)arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)self, &set);
	sched_setaffinity(0, sizeof(set), &set);
	fsy_atomic_u32_add(&gate, 1);
	while (fsy_atomic_u32_load(&gate) < (uint32_t)threads)
		;
	fsy_atomic_u64_store(&done[self], loops[kind](self));
	return NULL;
}

static double
once(int ms)
{
	pthread_t thread[CPUS];
	int64_t begin, end;
	uint64_t all = 0;

	toy = (struct toy){ 0 };
	fsy_atomic_u32_store(&gate, 0);
	fsy_atomic_u32_store(&stop, 0);
	for (int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, body, (void *)(intptr_t)i);
	while (fsy_atomic_u32_load(&gate) < (uint32_t)threads)
		sched_yield();
	begin = fsyi_now();
	usleep((unsigned)ms * 1000);
	fsy_atomic_u32_store(&stop, 1);
	end = fsyi_now();
	for (int i = 0; i < threads; i++) {
		pthread_join(thread[i], NULL);
		all += fsy_atomic_u64_load(&done[i]);
	}
	return (double)all / (double)(end - begin) * 1000;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
calibrate(void)
{
	double best = 0;

	for (int i = 0; i < 200; i++) {
		int64_t begin = fsyi_now();

		loops_per_ns = 1;
		for (int j = 0; j < 1000; j++)
			work(200);
		if (200000.0 / (double)(fsyi_now() - begin) > best)
			best = 200000.0 / (double)(fsyi_now() - begin);
	}
	loops_per_ns = best;
}

int
main(int argc, char **argv)
{
	static const int loads[][2] = { { 0, 5 }, { 50, 150 }, { 100, 5 } };
	static double rate[2][3][KINDS][MOST_ROUNDS];
	int rounds = argc > 1 ? atoi(argv[1]) : 41, ms = argc > 2 ? atoi(argv[2]) : 2;

	if (rounds < 1 || rounds > MOST_ROUNDS)
		return 2;
	calibrate();
	for (int round = 0; round < rounds; round++)
		for (threads = 1; threads <= CPUS; threads++)
			for (int l = 0; l < 3; l++)
				for (kind = 0; kind < KINDS; kind++) {
					section_ns = loads[l][0];
					outside_ns = loads[l][1];
					rate[threads - 1][l][kind][round] = once(ms);
				}
	for (int l = 0; l < 3; l++)
		for (int t = 0; t < CPUS; t++)
			for (int k = 0; k < KINDS; k++) {
				qsort(rate[t][l][k], (size_t)rounds, sizeof(double), compare);
				printf("%s %d threads, %d ns inside, %d ns outside: %.2f Mops (median %.2f)\n", names[k], t + 1, loads[l][0], loads[l][1],
				       rate[t][l][k][rounds * 9 / 10], rate[t][l][k][rounds / 2]);
			}
	return 0;
}
