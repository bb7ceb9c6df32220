/* SPDX-License-Identifier: MIT */
/*
 * urcu.c - the read side of userspace RCU in three flavours. It is no lock: its writers publish a new version and its readers
 * may still see the old one. A reader pays next to nothing, which is what the readers of a lock may aim at; so it is printed as a
 * reference beside locks that are hardly ever written, and is never "the best peer".
 */
#include "module.h"

#define URCU_NO_COMPAT_IDENTIFIERS
#define _LGPL_SOURCE
#define URCU_INLINE_SMALL_FUNCTIONS
#include <pthread.h>
#include <urcu/urcu-bp.h>
#include <urcu/urcu-memb.h>
#include <urcu/urcu-qsbr.h>

struct version {
	uint64_t words[2];
};

struct published {
	struct version *now;
	pthread_mutex_t writers;
	uint32_t torn;
};

static void *
published_create(unsigned threads)
{
	struct published *self = aligned_alloc(128, 128);

	(void)threads;
	if (self == NULL)
		return NULL;
	memset(self, 0, 128);
	pthread_mutex_init(&self->writers, NULL);
	self->now = calloc(1, sizeof(*self->now));
	if (self->now == NULL)
		abort();
	return self;
}

static void
published_destroy(void *object)
{
	struct published *self = object;

	pthread_mutex_destroy(&self->writers);
	free(self->now);
	free(self);
}

static uint64_t
published_datum(void *object)
{
	struct published *self = object;

	return self->torn ? UINT64_MAX : self->now->words[0];
}

/* As FSYB_RW_LOOP, of a pointer. QUIET is what a reader has to do now and then; every 1,024 operations is often enough. */
#define URCU_LOOP(FLAVOUR, REGISTER, UNREGISTER, QUIET)                                                                \
	FSYB_INLINE void FLAVOUR##_write(struct published *self, uint32_t section)                                     \
	{                                                                                                              \
		struct version *next = malloc(sizeof(*next)), *before;                                                 \
                                                                                                                       \
		if (next == NULL)                                                                                      \
			abort();                                                                                       \
		pthread_mutex_lock(&self->writers);                                                                    \
		before = self->now;                                                                                    \
		next->words[0] = before->words[0] + 1;                                                                 \
		next->words[1] = fsyb_work(before->words[1] + 1, section);                                             \
		rcu_assign_pointer(self->now, next);                                                                   \
		pthread_mutex_unlock(&self->writers);                                                                  \
		FLAVOUR##_synchronize_rcu();                                                                           \
		free(before);                                                                                          \
	}                                                                                                              \
	FSYB_LOOP_(FLAVOUR##_run, struct published, REGISTER; uint64_t torn = 0; uint64_t writes = worker->writes;     \
	           uint64_t random = worker->random; const uint32_t write_permille = worker->write_permille;           \
	           const struct version *seen,                                                                         \
	           if (fsyb_draw_write(&random, write_permille)) {                                                     \
		           FLAVOUR##_write(self, section);                                                             \
		           FSYB_ACQUIRED_;                                                                             \
		           writes++;                                                                                   \
	           } else {                                                                                            \
		           FLAVOUR##_read_lock();                                                                      \
		           FSYB_ACQUIRED_;                                                                             \
		           seen = rcu_dereference(self->now);                                                          \
		           torn = fsyb_work(torn | (seen->words[0] ^ seen->words[1]), section);                        \
		           FLAVOUR##_read_unlock();                                                                    \
	           } if (ops % 1024 == 0) QUIET,                                                                       \
	           worker->writes = writes; worker->random = random;                                                   \
	           if (torn != 0) __atomic_store_n(&self->torn, 1, __ATOMIC_RELAXED); UNREGISTER)

URCU_LOOP(urcu_memb, urcu_memb_register_thread(), urcu_memb_unregister_thread(), (void)0)
URCU_LOOP(urcu_qsbr, urcu_qsbr_register_thread(), urcu_qsbr_unregister_thread(), urcu_qsbr_quiescent_state())
URCU_LOOP(urcu_bp, urcu_bp_register_thread(), (void)0, (void)0) /* bp leaves by itself when its thread ends */

#define URCU(NAME, RUN)                                                                                                \
	{                                                                                                              \
		FSYB_RW, NAME, PEER_VERSION, 0, 1, 0, published_create, published_destroy, RUN, published_datum,       \
			FSYB_REFERENCE                                                                                 \
	}

FSYB_EXPORT const struct fsyb_impl *
fsyb_peer(int abi)
{
	static const struct fsyb_impl impls[] = {
		URCU("urcu memb", urcu_memb_run),
		URCU("urcu bp", urcu_bp_run),
		URCU("urcu qsbr", urcu_qsbr_run),
		{0},
	};

	return abi == FSYB_PEER_ABI ? impls : NULL;
}
