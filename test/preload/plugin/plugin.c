/* SPDX-License-Identifier: MIT */
/* plugin.c - increments under a mutex of the program's, and says whose pthread_mutex_lock it calls. */
#include <pthread.h>

void plugin_add(pthread_mutex_t *m, long *counter, int rounds);
void *plugin_lock(void);

void
plugin_add(pthread_mutex_t *m, long *counter, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		pthread_mutex_lock(m);
		++*counter;
		pthread_mutex_unlock(m);
	}
}

void *
plugin_lock(void)
{
	return (void *)pthread_mutex_lock;
}
