/* SPDX-License-Identifier: MIT */
/*
 * limits.c - not locks: the least a lock could consist of, in the same loop. They are printed beside the locks to say how
 * much of a time is the processor's; the empty one is subtracted from every uncontended figure.
 */
#define FSYB_NO_STAMPS
#include "bench/harness.h"
#include "bench/object.h"
#include "bench/peers/loop_wait.h"

struct word {
	uint32_t word;
	uint64_t datum;
};

static void *
create_word(unsigned threads)
{
	(void)threads;
	return fsyb_object_new(sizeof(struct word));
}

static uint64_t
datum_word(void *object)
{
	return ((struct word *)object)->datum;
}

static inline __attribute__((always_inline)) void
cas(uint32_t *word)
{
	uint32_t free_word = 0;

	while (!__atomic_compare_exchange_n(word, &free_word, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		free_word = 0;
}

FSYB_MUTEX_LOOP(run_cas_store, struct word, (void)0, cas(&self->word),
                __atomic_store_n(&self->word, 0, __ATOMIC_RELEASE))
FSYB_MUTEX_LOOP(run_cas_swap, struct word, (void)0, cas(&self->word),
                __atomic_exchange_n(&self->word, 0, __ATOMIC_RELEASE))
FSYB_MUTEX_LOOP(run_add, struct word, (void)0, __atomic_fetch_add(&self->word, 1, __ATOMIC_SEQ_CST), FSYB_KEEP(self))

/* Each kind's loop with nothing in it. */
struct nothing {
	uint64_t datum, words[2];
	uint32_t torn;
	uint64_t item[FSYB_POOL_BYTES / sizeof(uint64_t)];
	uint64_t lock[FSYB_ARRAY_LOCKS];
};

static void *
create_nothing(unsigned threads)
{
	(void)threads;
	return fsyb_object_new(sizeof(struct nothing));
}

FSYB_MUTEX_LOOP(run_no_mutex, struct nothing, (void)0, FSYB_KEEP(self), FSYB_KEEP(self))
FSYB_RW_LOOP(run_no_rw, struct nothing, (void)0, FSYB_KEEP(self), FSYB_KEEP(self), FSYB_KEEP(self), FSYB_KEEP(self))
FSYB_ATOMIC_LOOP(run_no_atomic, struct nothing, FSYB_KEEP(self))
FSYB_POOL_LOOP(run_no_pool, struct nothing, self->item, FSYB_KEEP(item))
FSYB_LOOP_(run_no_array, struct nothing, uint64_t *lock; uint64_t random = worker->random,
           lock = &self->lock[(fsyb_random(&random) >> 32) * FSYB_ARRAY_LOCKS >> 32]; FSYB_KEEP(lock); FSYB_ACQUIRED_,
           worker->random = random)

/* What it costs to hand objects on that nobody has to find or to take back. */
struct objects {
	uint64_t item[2 * FSYB_RING][FSYB_POOL_BYTES / sizeof(uint64_t)];
};
FSYB_HANDED_LOOP(ring, struct objects *, self->seat->pool = calloc(seats, sizeof(struct objects)), free(self->seat->pool),
                 self->seat->pool[seat - self->seat].item[count % (2 * FSYB_RING)], FSYB_KEEP(item))

#define LIMIT(name_, run_) { .kind = FSYB_LIMIT, .name = name_, .version = "", .max_threads = 1, \
	.create = create_word, .destroy = free, .run = run_, .datum = datum_word, .foreign = 1 }
#define EMPTY(kind_, run_) { .kind = FSYB_EMPTY, .name = "empty " kind_, .version = "", .max_threads = 1, \
	.create = create_nothing, .destroy = free, .run = run_, .foreign = 1 }

const struct fsyb_impl *
fsyb_limits(void)
{
	static const struct fsyb_impl limits[] = {
		LIMIT("one CAS + one plain store", run_cas_store),
		LIMIT("one CAS + one xchg", run_cas_swap),
		LIMIT("one lock xadd", run_add),
		{ .kind = FSYB_HANDED, .name = "ring alone", .version = "", .create = ring_create, .destroy = ring_destroy,
		  .run = ring_handed, .datum = ring_wrong, .foreign = FSYB_REFERENCE },
		EMPTY(FSYB_MUTEX, run_no_mutex),
		EMPTY(FSYB_RW, run_no_rw),
		EMPTY(FSYB_ATOMIC, run_no_atomic),
		EMPTY(FSYB_FETCH_MAX, run_no_atomic),
		EMPTY(FSYB_FETCH_MIN, run_no_atomic),
		EMPTY(FSYB_ONCE, run_no_atomic),
		EMPTY(FSYB_POOL, run_no_pool),
		EMPTY(FSYB_ARRAY, run_no_array),
		EMPTY(FSYB_COND, run_no_mutex),
		EMPTY(FSYB_WAITGROUP, run_no_mutex),
		{ .kind = NULL },
	};

	return limits;
}
