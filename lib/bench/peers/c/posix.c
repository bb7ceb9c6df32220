/* SPDX-License-Identifier: MIT */
/*
 * posix.c - pthread_spin_t. The sleeping locks of glibc are in the library itself, which is always there.
 */
#include "module.h"

#include <pthread.h>

struct spin {
	pthread_spinlock_t lock;
	uint64_t datum;
};
FSYB_MAKE(spin, pthread_spin_init(&self->lock, PTHREAD_PROCESS_PRIVATE), pthread_spin_destroy(&self->lock))
FSYB_DATUM(spin_datum, struct spin)
FSYB_MUTEX_LOOP(spin_run, struct spin, (void)0, pthread_spin_lock(&self->lock), pthread_spin_unlock(&self->lock))

FSYB_EXPORT const struct fsyb_impl *
fsyb_peer(int abi)
{
	static struct fsyb_impl impls[] = {
		{FSYB_MUTEX, "pthread spin", PEER_VERSION, sizeof(pthread_spinlock_t), 0, 0, spin_create, spin_destroy,
		 spin_run, spin_datum, 1},
		{0},
	};

	if (abi != FSYB_PEER_ABI)
		return NULL;
	impls[0].max_threads = 8 * fsyb_cpus();
	return impls;
}
