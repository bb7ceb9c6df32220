/* SPDX-License-Identifier: MIT */
/* ours_wait.c - libfastsync's ways to wait for each other, its pool across threads, and what a million of its objects take. */
#define FSYB_NO_STAMPS
#include "bench/harness.h"
#include "bench/object.h"
#include "bench/peers/loop_wait.h"
#include <fastsync.h>
#include <fastsync/barrier.h>
#include <fastsync/cond.h>
#include <fastsync/fairlock.h>
#include <fastsync/mutex.h>
#include <fastsync/once.h>
#include <fastsync/poison.h>
#include <fastsync/pool.h>
#include <fastsync/rwmutex.h>
#include <fastsync/waitgroup.h>

static fsy_pool_t *
new_pool(void)
{
	return fsy_pool_new(&(fsy_pool_config_t){ .object_size = FSYB_POOL_BYTES });
}

FSYB_HANDED_LOOP(pool, fsy_pool_t *, self->seat->pool = new_pool(), fsy_pool_free(self->seat->pool), fsy_pool_get(self->seat->pool),
                 fsy_pool_put(self->seat->pool, item))

FSYB_MILLION_OF(mutexes, fsy_mutex_t, memset(object, 0, sizeof *object), fsy_mutex_lock(object); fsy_mutex_unlock(object))

static void
nothing(void *unused)
{
	(void)unused;
}

FSYB_MILLION_OF(poisons, fsy_poison_mutex_t, memset(object, 0, sizeof *object), if (fsy_poison_mutex_lock(object) == 0)
                fsy_poison_mutex_unlock(object))
FSYB_MILLION_OF(fairs, fsy_fair_rwlock_t, memset(object, 0, sizeof *object), if (fsy_fair_rwlock_rlock(object) == 0)
                fsy_fair_rwlock_runlock(object))
FSYB_MILLION_OF(onces, fsy_once_t, memset(object, 0, sizeof *object), fsy_once_do(object, nothing, NULL))
FSYB_MILLION_OF(rwmutexes, fsy_rwmutex_t, memset(object, 0, sizeof *object), fsy_rwmutex_rlock(object); fsy_rwmutex_runlock(object))

#define group_add fsy_waitgroup_add
#define group_done fsy_waitgroup_done
#define group_wait fsy_waitgroup_wait
FSYB_GROUP_LOOPS(group, fsy_waitgroup_t, fsy_waitgroup_add(&seat->group[1], 1), (void)0)
FSYB_MILLION_OF(groups, fsy_waitgroup_t, memset(object, 0, sizeof *object), fsy_waitgroup_add(object, 1); fsy_waitgroup_done(object))

#define barrier_init fsy_barrier_init
#define barrier_fini(barrier) (void)0
#define barrier_wait fsy_barrier_wait
FSYB_BARRIER_LOOP(barrier, fsy_barrier_t)
FSYB_MILLION_OF(barriers, fsy_barrier_t, fsy_barrier_init(object, 1), fsy_barrier_wait(object))

/* All zero is a valid mutex and condition variable. */
#define ours_init(mutex, cond, back) (void)0
#define ours_fini(mutex, cond, back) (fsy_cond_destroy(back), fsy_cond_destroy(cond), fsy_mutex_destroy(mutex))
#define ours_lock fsy_mutex_lock
#define ours_unlock fsy_mutex_unlock
#define ours_wait fsy_cond_wait
#define ours_signal fsy_cond_signal
#define ours_broadcast fsy_cond_broadcast
FSYB_COND_LOOPS(ours, fsy_mutex_t, fsy_cond_t)
FSYB_MILLION_OF(conds, fsy_cond_t, memset(object, 0, sizeof *object), fsy_cond_signal(object))

#define OURS(kind_, name_, type_, parks_, create_, destroy_, run_, datum_) \
	{ .kind = kind_, .name = name_, .version = FASTSYNC_VERSION, .bytes = sizeof(type_), .parks = parks_, .create = create_, \
	  .destroy = destroy_, .run = run_, .datum = datum_, .foreign = FSYB_OURS }
#define MILLION(name_, type_, create_) OURS(FSYB_MILLION, name_, type_, 1, create_, free, NULL, NULL)

const struct fsyb_impl *
fsyb_ours_wait(void)
{
	static const struct fsyb_impl ours[] = {
		OURS(FSYB_HANDED, "libfastsync", fsy_pool_t, 1, pool_create, pool_destroy, pool_handed, pool_wrong),
		MILLION("libfastsync rwmutex", fsy_rwmutex_t, rwmutexes_create),
		OURS(FSYB_WAITGROUP, "libfastsync", fsy_waitgroup_t, 1, group_create, group_destroy, group_turns, group_datum),
		OURS(FSYB_FANOUT, "libfastsync", fsy_waitgroup_t, 1, group_create, group_destroy, group_all, group_wrong),
		OURS(FSYB_BARRIER, "libfastsync", fsy_barrier_t, 1, barrier_create, barrier_destroy, barrier_rounds, barrier_wrong),
		OURS(FSYB_COND, "libfastsync", fsy_cond_t, 1, ours_create, ours_destroy, ours_turns, ours_datum),
		OURS(FSYB_BROADCAST, "libfastsync", fsy_cond_t, 1, ours_create, ours_destroy, ours_all, ours_datum),
		MILLION("libfastsync cond", fsy_cond_t, conds_create),
		MILLION("libfastsync waitgroup", fsy_waitgroup_t, groups_create),
		MILLION("libfastsync barrier", fsy_barrier_t, barriers_create),
		MILLION("libfastsync once", fsy_once_t, onces_create),
		MILLION("libfastsync mutex", fsy_mutex_t, mutexes_create),
		MILLION("libfastsync poison mutex", fsy_poison_mutex_t, poisons_create),
		MILLION("libfastsync fair rwlock", fsy_fair_rwlock_t, fairs_create),
		{ .kind = NULL },
	};

	return ours;
}
