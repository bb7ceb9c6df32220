/* SPDX-License-Identifier: MIT */
/*
 * name: a million mutexes, locked one after the other, and some of them fought for: not a byte more than they are
 * item: 11
 * short: 1000000
 */
#include "resident.h"
#include "try.h"

static pthread_mutex_t *mutex;
static int mutexes;

static void *
work(void *arg)
{
	for (int i = 0; i < mutexes; i++) {
		pthread_mutex_lock(&mutex[i]);
		pthread_mutex_unlock(&mutex[i]);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	pthread_t thread[2];
	long before;

	mutexes = argc > 1 ? atoi(argv[1]) : 1000;
	mutex = malloc((size_t)mutexes * sizeof(*mutex));
	for (int i = 0; i < mutexes; i++)
		mutex[i] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	pthread_join(start(work, NULL), NULL);          /* stacks, records, tables: once */
	before = resident_kb();
	for (int i = 0; i < 2; i++)
		thread[i] = start(work, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	TRY(resident_kb() - before < 1024);
	for (int i = 0; i < mutexes; i++)
		TRY_IS(pthread_mutex_destroy(&mutex[i]), 0);
	free(mutex);
	return errors != 0;
}
