/* SPDX-License-Identifier: MIT */
/*
 * Loads the library while threads already run, contends on a lock from them through the exported twins, unloads it
 * before they end (their exit must not call into unmapped code), and loads it again.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 8
#define ROUNDS 20000

struct mutex { uint32_t words[2]; }; /* the layout that docs/abi.md freezes */

static struct mutex mutex;
static long counter;
static pthread_barrier_t started, loaded, worked, unloaded;
static void (*lock)(struct mutex *), (*unlock)(struct mutex *);

static void *
worker(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&started);
	pthread_barrier_wait(&loaded);
	for (int i = 0; i < ROUNDS; i++) {
		lock(&mutex);
		counter++;
		unlock(&mutex);
	}
	pthread_barrier_wait(&worked);
	pthread_barrier_wait(&unloaded);
	return NULL;
}

static void *
load(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&lock = dlsym(handle, "fsy_mutex_lock");
	*(void **)&unlock = dlsym(handle, "fsy_mutex_unlock");
	if (lock == NULL || unlock == NULL) {
		fprintf(stderr, "no twin of the inline functions in %s\n", path);
		exit(1);
	}
	return handle;
}

int
main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	pthread_barrier_t *barriers[] = { &started, &loaded, &worked, &unloaded };
	void *handle;

	if (argc != 2)
		return 2;
	for (int i = 0; i < 4; i++)
		pthread_barrier_init(barriers[i], NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, NULL) != 0)
			return 1;
	pthread_barrier_wait(&started);
	handle = load(argv[1]);
	pthread_barrier_wait(&loaded);
	pthread_barrier_wait(&worked);
	dlclose(handle);
	pthread_barrier_wait(&unloaded);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	handle = load(argv[1]);
	lock(&mutex);
	unlock(&mutex);
	dlclose(handle);
	if (counter != (long)THREADS * ROUNDS || (mutex.words[0] & 0xffffffu) != 0) {
		fprintf(stderr, "counter %ld, word at rest %#x\n", counter, mutex.words[0]);
		return 1;
	}
	return 0;
}
