/* SPDX-License-Identifier: MIT */
/*
 * barrier_steps.c - a computation in steps, each of which needs what all threads made in the last.
 *
 * Heat spreads along a rod that is cut into four parts. Every thread reads its neighbours' edges, so nobody may begin a step before
 * all have ended the one before; and the two copies of the rod change roles in between, which one thread does for all.
 * Notice: the one that leads is whoever came last, so it differs from step to step; that there is exactly one is what counts.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, PART = 16, CELLS = THREADS * PART, STEPS = 2000 };

static fsy_barrier_t step = FSY_BARRIER_INIT(THREADS);
static double rods[2][CELLS + 2];
static double *now = rods[0], *next = rods[1];
static int swaps;

static void *
work(void *arg)
{
	int first = 1 + *(int *)arg * PART;

	for (int i = 0; i < STEPS; i++) {
		for (int cell = first; cell < first + PART; cell++)
			next[cell] = (now[cell - 1] + 2 * now[cell] + now[cell + 1]) / 4;
		if (fsy_barrier_wait(&step)) {
			double *old = now;

			now = next;
			next = old;
			swaps++;
		}
		fsy_barrier_wait(&step);        /* nobody goes on before they are exchanged */
	}
	return NULL;
}

int
main(void)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];

	now[0] = next[0] = 100;                 /* one end is hot, the other cold */
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0)
			return 1;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%d steps, %d exchanges\n", STEPS, swaps);
	for (int cell = 1; cell <= CELLS; cell += PART)
		printf("%5.1f\n", now[cell]);
	return 0;
}
