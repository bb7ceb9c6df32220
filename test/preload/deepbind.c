/* SPDX-License-Identifier: MIT */
/*
 * name: one mutex, used by the program and by a plugin that was opened with RTLD_DEEPBIND
 * item: 6
 * short: all
 * native: no
 * with: plugin
 */
#include "try.h"

#include <dlfcn.h>

enum { ROUNDS = 200000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;
static void (*add)(pthread_mutex_t *m, long *counter, int rounds);

static void *
inside(void *arg)
{
	add(&mutex, &counter, ROUNDS);
	return arg;
}

static void *
outside(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	char path[4096];
	pthread_t thread[4];
	void *plugin;
	void *(*lock_of)(void);

	(void)argc;
	snprintf(path, sizeof(path), "%s-plugin.so", argv[0]);
	plugin = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
	if (plugin == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	*(void **)&add = dlsym(plugin, "plugin_add");
	*(void **)&lock_of = dlsym(plugin, "plugin_lock");
	if (getenv("FASTSYNC_DEEPBIND") != NULL) {      /* keep: then the plugin has libc's, and may share no lock with us */
		TRY(lock_of() != (void *)pthread_mutex_lock);
		return errors != 0;
	}
	TRY(lock_of() == (void *)pthread_mutex_lock);
	for (int i = 0; i < 4; i++)
		thread[i] = start(i % 2 ? inside : outside, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	TRY_IS(counter, 4 * ROUNDS);
	TRY(dlopen(path, RTLD_NOW | RTLD_DEEPBIND | RTLD_NOLOAD) == plugin);
	TRY(dlopen("/nonexistent/plugin.so", RTLD_NOW | RTLD_DEEPBIND) == NULL && strstr(dlerror(), "/nonexistent/plugin.so") != NULL);
	TRY(dlopen(NULL, RTLD_NOW | RTLD_DEEPBIND) != NULL);
	return errors != 0;
}
