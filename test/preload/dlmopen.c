/* SPDX-License-Identifier: MIT */
/*
 * name: a plugin in a namespace of its own, opened with dlmopen: its locks are those of the libc that is loaded there
 * short: all
 * with: plugin
 */
#include "try.h"

#include <dlfcn.h>

enum { ROUNDS = 100000 };

static void (*add)(pthread_mutex_t *m, long *counter, int rounds);
static pthread_mutex_t ours = PTHREAD_MUTEX_INITIALIZER, theirs = PTHREAD_MUTEX_INITIALIZER;    /* shared with nobody across the border */
static long our_counter, their_counter;

static void *
use_ours(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&ours);
		our_counter++;
		pthread_mutex_unlock(&ours);
	}
	return arg;
}

static void *
use_theirs(void *arg)
{
	add(&theirs, &their_counter, ROUNDS);
	return arg;
}

int
main(int argc, char **argv)
{
	static void *(*const bodies[])(void *) = { use_ours, use_theirs };
	char path[4096];
	pthread_t thread[4];
	void *plugin, *(*lock_of)(void);
	Dl_info where;

	(void)argc;
	snprintf(path, sizeof(path), "%s-plugin.so", argv[0]);
	plugin = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	if (plugin == NULL) {
		puts(dlerror());
		return 77;
	}
	*(void **)&add = dlsym(plugin, "plugin_add");
	*(void **)&lock_of = dlsym(plugin, "plugin_lock");
	TRY(lock_of() != (void *)pthread_mutex_lock);
	TRY(dladdr(lock_of(), &where) != 0 && (strstr(where.dli_fname, "/libc.so") != NULL || strstr(where.dli_fname, "/libpthread.so") != NULL));
	for (int i = 0; i < 4; i++)
		thread[i] = start(bodies[i % 2], NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	TRY_IS(our_counter, 2 * ROUNDS);
	TRY_IS(their_counter, 2 * ROUNDS);
	return errors != 0;
}
