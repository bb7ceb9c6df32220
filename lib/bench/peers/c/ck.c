/* SPDX-License-Identifier: MIT */
/*
 * ck.c - Concurrency Kit. All of its locks spin. Those that serve in arrival order, or that a preempted waiter can
 * block, are limited to one thread per CPU: with more, every hand-over may wait for a time slice.
 */
#include "module.h"

#include <ck_brlock.h>
#include <ck_pflock.h>
#include <ck_rwlock.h>
#include <ck_spinlock.h>

struct fas {
	ck_spinlock_fas_t lock;
	uint64_t datum;
};
FSYB_MAKE(fas, ck_spinlock_fas_init(&self->lock), (void)0)
FSYB_DATUM(fas_datum, struct fas)
FSYB_MUTEX_LOOP(fas_run, struct fas, (void)0, ck_spinlock_fas_lock(&self->lock), ck_spinlock_fas_unlock(&self->lock))
FSYB_MUTEX_LOOP(fas_eb_run, struct fas, (void)0, ck_spinlock_fas_lock_eb(&self->lock),
                ck_spinlock_fas_unlock(&self->lock))

struct ticket {
	ck_spinlock_ticket_t lock;
	uint64_t datum;
};
FSYB_MAKE(ticket, ck_spinlock_ticket_init(&self->lock), (void)0)
FSYB_DATUM(ticket_datum, struct ticket)
FSYB_MUTEX_LOOP(ticket_run, struct ticket, (void)0, ck_spinlock_ticket_lock(&self->lock),
                ck_spinlock_ticket_unlock(&self->lock))

struct mcs {
	ck_spinlock_mcs_t lock;
	uint64_t datum;
};
FSYB_MAKE(mcs, ck_spinlock_mcs_init(&self->lock), (void)0)
FSYB_DATUM(mcs_datum, struct mcs)
FSYB_MUTEX_LOOP(mcs_run, struct mcs, ck_spinlock_mcs_context_t node, ck_spinlock_mcs_lock(&self->lock, &node),
                ck_spinlock_mcs_unlock(&self->lock, &node))

struct pflock {
	ck_pflock_t lock;
	uint64_t words[2];
	uint32_t torn;
};
FSYB_MAKE(pflock, ck_pflock_init(&self->lock), (void)0)
FSYB_WORDS_DATUM(pflock_datum, struct pflock)
FSYB_RW_LOOP(pflock_run, struct pflock, (void)0, ck_pflock_read_lock(&self->lock), ck_pflock_read_unlock(&self->lock),
             ck_pflock_write_lock(&self->lock), ck_pflock_write_unlock(&self->lock))

struct rwlock {
	ck_rwlock_t lock;
	uint64_t words[2];
	uint32_t torn;
};
FSYB_MAKE(rwlock, ck_rwlock_init(&self->lock), (void)0)
FSYB_WORDS_DATUM(rwlock_datum, struct rwlock)
FSYB_RW_LOOP(rwlock_run, struct rwlock, (void)0, ck_rwlock_read_lock(&self->lock), ck_rwlock_read_unlock(&self->lock),
             ck_rwlock_write_lock(&self->lock), ck_rwlock_write_unlock(&self->lock))

/* A reader of the big-reader lock has a record of its own, which must outlive its registration. */
struct brreader {
	ck_brlock_reader_t reader;
} __attribute__((aligned(128)));

struct brlock {
	ck_brlock_t lock;
	uint64_t words[2];
	uint32_t torn;
	struct brreader *readers;
};
static void
brlock_register(struct brlock *self, unsigned threads)
{
	ck_brlock_init(&self->lock);
	self->readers = aligned_alloc(128, threads * sizeof(*self->readers));
	if (self->readers == NULL)
		abort();
	for (unsigned i = 0; i < threads; i++)
		ck_brlock_read_register(&self->lock, &self->readers[i].reader);
}
FSYB_MAKE(brlock, brlock_register(self, threads), free(self->readers))
FSYB_WORDS_DATUM(brlock_datum, struct brlock)
FSYB_RW_LOOP(brlock_run, struct brlock, ck_brlock_reader_t *reader = &self->readers[worker->index].reader,
             ck_brlock_read_lock(&self->lock, reader), ck_brlock_read_unlock(reader),
             ck_brlock_write_lock(&self->lock), ck_brlock_write_unlock(&self->lock))

#define CK(KIND, NAME, LOCK, MAX, TYPE, RUN)                                                                           \
	{                                                                                                              \
		KIND, NAME, PEER_VERSION, sizeof(LOCK), 0, MAX, TYPE##_create, TYPE##_destroy, RUN, TYPE##_datum, 1    \
	}

FSYB_EXPORT const struct fsyb_impl *
fsyb_peer(int abi)
{
	static struct fsyb_impl impls[] = {
		CK(FSYB_MUTEX, "ck fas", ck_spinlock_fas_t, 0, fas, fas_run),
		CK(FSYB_MUTEX, "ck fas backoff", ck_spinlock_fas_t, 0, fas, fas_eb_run),
		CK(FSYB_MUTEX, "ck ticket", ck_spinlock_ticket_t, 1, ticket, ticket_run),
		CK(FSYB_MUTEX, "ck mcs", ck_spinlock_mcs_t, 1, mcs, mcs_run),
		CK(FSYB_RW, "ck pflock", ck_pflock_t, 1, pflock, pflock_run),
		CK(FSYB_RW, "ck rwlock", ck_rwlock_t, 1, rwlock, rwlock_run),
		CK(FSYB_RW, "ck brlock", ck_brlock_t, 1, brlock, brlock_run),
		{0},
	};

	if (abi != FSYB_PEER_ABI)
		return NULL;
	/* Spinners that do not queue still move with a few threads per CPU, though hardly. */
	for (struct fsyb_impl *impl = impls; impl->kind != NULL; impl++)
		impl->max_threads = impl->run == fas_run || impl->run == fas_eb_run ? 8 * fsyb_cpus() : fsyb_cpus();
	return impls;
}
