/* SPDX-License-Identifier: MIT */
/*
 * things.h - objects for tests of pools that notice when two threads get the same one, when one is destroyed in somebody's hand or twice.
 * Their memory stays until things_reset, so that a mistake is seen and not crashed upon. Failures are recorded as a worker's.
 */
#ifndef TEST_THINGS_H
#define TEST_THINGS_H

#include <fastsync/pool.h>
#include <pthread.h>

struct thing {
	fsy_atomic_u32 state;
	int serial, node;                        /* node: of the thread that made it */
	struct thing *next;
};

/* For a configuration: new_fn, free_fn, node_fn. new_fn fails while things_refuse is set. */
void *thing_new(void *arg);
void thing_free(void *object, void *arg);
int thing_node(void *object, void *arg);
extern fsy_atomic_u32 things_refuse;

fsy_pool_t *things_pool(fsy_pool_config_t config);   /* with the functions above; ends the program if there is none */
struct thing *thing_get(fsy_pool_t *pool);           /* NULL only if thing_new was refused */
void thing_put(fsy_pool_t *pool, struct thing *thing);

enum { THINGS_MANY = 400 };
void things_use(fsy_pool_t *pool, int count);        /* gets so many, at most THINGS_MANY, and puts them back */

/* A thread that uses the pool so, and stays until things_leave; one at a time. Returns once it has put everything back. */
pthread_t things_stay(fsy_pool_t *pool, int count);
void things_leave(pthread_t thread);

fsy_pool_stats_t things_stats(fsy_pool_t *pool);

int things_made(void), things_destroyed(void);
void things_reset(void);                             /* asserts that all that were made have been destroyed; main thread only */

#endif
