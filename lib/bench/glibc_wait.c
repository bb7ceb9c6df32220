/* SPDX-License-Identifier: MIT */
/* glibc_wait.c - glibc's ways to wait for each other, its allocator across threads, and what a million of its objects take. */
#define FSYB_NO_STAMPS
#include "bench/harness.h"
#include "bench/object.h"
#include "bench/peers/loop_wait.h"
#include <gnu/libc-version.h>
#include <pthread.h>

static inline void
glibc_init(pthread_mutex_t *mutex, pthread_cond_t *cond, pthread_cond_t *back)
{
	pthread_mutex_init(mutex, NULL);
	pthread_cond_init(cond, NULL);
	pthread_cond_init(back, NULL);
}

static inline void
glibc_fini(pthread_mutex_t *mutex, pthread_cond_t *cond, pthread_cond_t *back)
{
	pthread_cond_destroy(back);
	pthread_cond_destroy(cond);
	pthread_mutex_destroy(mutex);
}

#define glibc_lock pthread_mutex_lock
#define glibc_unlock pthread_mutex_unlock
#define glibc_wait pthread_cond_wait
#define glibc_signal pthread_cond_signal
#define glibc_broadcast pthread_cond_broadcast
FSYB_COND_LOOPS(glibc, pthread_mutex_t, pthread_cond_t)
FSYB_GROUP_OF_COND(glibc, pthread_mutex_t, pthread_cond_t)

/* All zero is a valid mutex and condition variable, and neither holds anything that would have to be given back. */
#define group_add glibc_g_add
#define group_done glibc_g_done
#define group_wait glibc_g_wait
FSYB_GROUP_LOOPS(group, struct glibc_group, glibc_g_add(&seat->group[1], 1), (void)0)

#define barrier_init(barrier, threads) pthread_barrier_init(barrier, NULL, threads)
#define barrier_fini pthread_barrier_destroy
#define barrier_wait pthread_barrier_wait
FSYB_BARRIER_LOOP(barrier, pthread_barrier_t)

FSYB_HANDED_LOOP(heap, char, (void)0, (void)0, malloc(FSYB_POOL_BYTES), free(item))

static void
callback(void)
{
}

FSYB_MILLION_OF(mutexes, pthread_mutex_t, pthread_mutex_init(object, NULL), pthread_mutex_lock(object); pthread_mutex_unlock(object))
FSYB_MILLION_OF(rwlocks, pthread_rwlock_t, pthread_rwlock_init(object, NULL), pthread_rwlock_rdlock(object);
                pthread_rwlock_unlock(object))
FSYB_MILLION_OF(onces, pthread_once_t, *object = PTHREAD_ONCE_INIT, pthread_once(object, callback))
FSYB_MILLION_OF(conds, pthread_cond_t, pthread_cond_init(object, NULL), pthread_cond_signal(object))
FSYB_MILLION_OF(barriers, pthread_barrier_t, pthread_barrier_init(object, NULL, 1), pthread_barrier_wait(object))

#define PEER(kind_, name_, type_, parks_, create_, destroy_, run_, datum_) \
	{ .kind = kind_, .name = name_, .bytes = sizeof(type_), .parks = parks_, .create = create_, .destroy = destroy_, \
	  .run = run_, .datum = datum_, .foreign = FSYB_PEER }
#define MILLION(name_, type_, create_) PEER(FSYB_MILLION, name_, type_, 1, create_, free, NULL, NULL)

const struct fsyb_impl *
fsyb_glibc_wait(void)
{
	static struct fsyb_impl peers[] = {
		PEER(FSYB_COND, "glibc cond", pthread_cond_t, 1, glibc_create, glibc_destroy, glibc_turns, glibc_datum),
		PEER(FSYB_BROADCAST, "glibc cond", pthread_cond_t, 1, glibc_create, glibc_destroy, glibc_all, glibc_datum),
		PEER(FSYB_WAITGROUP, "glibc mutex + cond", struct glibc_group, 1, group_create, group_destroy, group_turns, group_datum),
		PEER(FSYB_FANOUT, "glibc mutex + cond", struct glibc_group, 1, group_create, group_destroy, group_all, group_wrong),
		PEER(FSYB_BARRIER, "glibc barrier", pthread_barrier_t, 1, barrier_create, barrier_destroy, barrier_rounds, barrier_wrong),
		{ .kind = FSYB_HANDED, .create = heap_create, .destroy = heap_destroy, .run = heap_handed, .datum = heap_wrong,
		  .foreign = FSYB_PEER },
		MILLION("glibc mutex", pthread_mutex_t, mutexes_create),
		MILLION("glibc rwlock", pthread_rwlock_t, rwlocks_create),
		MILLION("glibc once", pthread_once_t, onces_create),
		MILLION("glibc cond", pthread_cond_t, conds_create),
		MILLION("glibc barrier", pthread_barrier_t, barriers_create),
		{ .kind = NULL },
	};

	for (struct fsyb_impl *peer = peers; peer->kind; peer++) {
		peer->version = gnu_get_libc_version();
		if (!peer->name)
			fsyb_allocator(&peer->name, &peer->version);
	}
	return peers;
}
