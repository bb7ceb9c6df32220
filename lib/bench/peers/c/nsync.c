/* SPDX-License-Identifier: MIT */
/*
 * nsync.c - Google's nsync: one 16-byte lock that is both mutex and reader-writer lock, and its once.
 */
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

FSYB_EXPORT const struct fsyb_impl *
fsyb_peer(int abi)
{
	static const struct fsyb_impl impls[] = {
		{FSYB_MUTEX, "nsync", PEER_VERSION, sizeof(nsync_mu), 1, 0, mutex_create, mutex_destroy, mutex_run,
		 mutex_datum, 1},
		{FSYB_RW, "nsync", PEER_VERSION, sizeof(nsync_mu), 1, 0, rw_create, rw_destroy, rw_run, rw_datum, 1},
		{FSYB_ONCE, "nsync", PEER_VERSION, sizeof(nsync_once), 1, 0, once_create, once_destroy, once_run,
		 once_datum, 1},
		{0},
	};

	return abi == FSYB_PEER_ABI ? impls : NULL;
}
