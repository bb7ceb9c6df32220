/* SPDX-License-Identifier: MIT */
/*
 * nsync.c - Google's nsync: one 16-byte lock that is both mutex and reader-writer lock, its once and condition variable.
 */
#include "../loop_wait.h"
#include "module.h"

#include <nsync.h>

struct mutex {
	nsync_mu lock;
	uint64_t datum;
};
FSYB_MAKE(mutex, nsync_mu_init(&self->lock), (void)0)
FSYB_DATUM(mutex_datum, struct mutex)
FSYB_MUTEX_LOOP(mutex_run, struct mutex, (void)0, nsync_mu_lock(&self->lock), nsync_mu_unlock(&self->lock))

struct rw {
	nsync_mu lock;
	uint64_t words[2];
	uint32_t torn;
};
FSYB_MAKE(rw, nsync_mu_init(&self->lock), (void)0)
FSYB_WORDS_DATUM(rw_datum, struct rw)
FSYB_RW_LOOP(rw_run, struct rw, (void)0, nsync_mu_rlock(&self->lock), nsync_mu_runlock(&self->lock),
             nsync_mu_lock(&self->lock), nsync_mu_unlock(&self->lock))

struct once {
	nsync_once once;
	uint64_t datum;
};
static void
once_initialise(void *object)
{
	((struct once *)object)->datum++;
}
FSYB_MAKE(once, nsync_run_once_arg(&self->once, once_initialise, self), (void)0)
FSYB_DATUM(once_datum, struct once)
FSYB_ONCE_LOOP(once_run, struct once, nsync_run_once_arg(&self->once, once_initialise, self))

static inline void
nsync_init(nsync_mu *mutex, nsync_cv *cond, nsync_cv *back)
{
	nsync_mu_init(mutex);
	nsync_cv_init(cond);
	nsync_cv_init(back);
}
#define nsync_fini(mutex, cond, back) (void)0
#define nsync_lock nsync_mu_lock
#define nsync_unlock nsync_mu_unlock
#define nsync_wait nsync_cv_wait
#define nsync_signal nsync_cv_signal
#define nsync_broadcast nsync_cv_broadcast
FSYB_COND_LOOPS(nsync, nsync_mu, nsync_cv)

/* nsync's own counter can be waited for once only, so this is what its users write. All zero is a valid lock. */
FSYB_GROUP_OF_COND(nsync, nsync_mu, nsync_cv)
#define group_add nsync_g_add
#define group_done nsync_g_done
#define group_wait nsync_g_wait
FSYB_GROUP_LOOPS(group, struct nsync_group, nsync_g_add(&seat->group[1], 1), (void)0)

static void
nothing(void)
{
}

FSYB_MILLION_OF(mus, nsync_mu, nsync_mu_init(object), nsync_mu_lock(object); nsync_mu_unlock(object))
FSYB_MILLION_OF(cvs, nsync_cv, nsync_cv_init(object), nsync_cv_signal(object))
FSYB_MILLION_OF(onces, nsync_once, memset(object, 0, sizeof(*object)), nsync_run_once(object, nothing))

#define MILLION(NAME, TYPE, CREATE)                                                                                    \
	{                                                                                                              \
		FSYB_MILLION, NAME, PEER_VERSION, sizeof(TYPE), 1, 0, CREATE, free, NULL, NULL, FSYB_PEER              \
	}

FSYB_EXPORT const struct fsyb_impl *
fsyb_peer(int abi)
{
	static const struct fsyb_impl impls[] = {
		{FSYB_MUTEX, "nsync", PEER_VERSION, sizeof(nsync_mu), 1, 0, mutex_create, mutex_destroy, mutex_run,
		 mutex_datum, 1},
		{FSYB_RW, "nsync", PEER_VERSION, sizeof(nsync_mu), 1, 0, rw_create, rw_destroy, rw_run, rw_datum, 1},
		{FSYB_ONCE, "nsync", PEER_VERSION, sizeof(nsync_once), 1, 0, once_create, once_destroy, once_run,
		 once_datum, 1},
		{FSYB_COND, "nsync cv", PEER_VERSION, sizeof(nsync_cv), 1, 0, nsync_create, nsync_destroy, nsync_turns,
		 nsync_datum, FSYB_PEER},
		{FSYB_BROADCAST, "nsync cv", PEER_VERSION, sizeof(nsync_cv), 1, 0, nsync_create, nsync_destroy, nsync_all,
		 nsync_datum, FSYB_PEER},
		{FSYB_WAITGROUP, "nsync mu + cv", PEER_VERSION, sizeof(struct nsync_group), 1, 0, group_create,
		 group_destroy, group_turns, group_datum, FSYB_PEER},
		{FSYB_FANOUT, "nsync mu + cv", PEER_VERSION, sizeof(struct nsync_group), 1, 0, group_create, group_destroy,
		 group_all, group_wrong, FSYB_PEER},
		MILLION("nsync mu", nsync_mu, mus_create),
		MILLION("nsync cv", nsync_cv, cvs_create),
		MILLION("nsync once", nsync_once, onces_create),
		{0},
	};

	return abi == FSYB_PEER_ABI ? impls : NULL;
}
