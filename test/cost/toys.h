/* SPDX-License-Identifier: MIT */
/*
 * toys.h - locks whose behaviour is known, on the library's atomics: they run on the cost machine and on real threads alike.
 *
 *   ttas     test and test-and-set: every release sends all who wait after one line
 *   ticket   first come first served; every release is seen by all who wait
 *   mcs      a queue of flags: a release is seen by one
 *   futex    three states and a sleep, as glibc's plain mutex
 */
#ifndef COST_TOYS_H
#define COST_TOYS_H

#include <fastsync/atomic.h>
#include <sys/clock.h>
#include <sys/futex.h>

struct toy_node {
	fsy_atomic_ptr next;
	fsy_atomic_u32 wait;
} __attribute__((aligned(128)));

struct toy {
	fsy_atomic_u32 word __attribute__((aligned(128)));       /* ttas, futex; the ticket to be served */
	fsy_atomic_u32 tickets __attribute__((aligned(128)));
	fsy_atomic_ptr tail __attribute__((aligned(128)));
};

static inline void
ttas_lock(struct toy *l, struct toy_node *n)
{
	(void)n;
	while (fsy_atomic_u32_swap(&l->word, 1) != 0)
		while (fsy_atomic_u32_load_rlx(&l->word) != 0)
			fsyi_relax();
}

static inline void
ttas_unlock(struct toy *l, struct toy_node *n)
{
	(void)n;
	FSY_RAW_STORE_(&l->word.cell_, 0, __ATOMIC_RELEASE);
}

static inline void
ticket_lock(struct toy *l, struct toy_node *n)
{
	uint32_t mine = fsy_atomic_u32_add(&l->tickets, 1);

	(void)n;
	while (FSY_RAW_LOAD_(&l->word.cell_, __ATOMIC_ACQUIRE) != mine)
		fsyi_relax();
}

static inline void
ticket_unlock(struct toy *l, struct toy_node *n)
{
	(void)n;
	FSY_RAW_STORE_(&l->word.cell_, fsy_atomic_u32_load_rlx(&l->word) + 1, __ATOMIC_RELEASE);
}

static inline void
mcs_lock(struct toy *l, struct toy_node *n)
{
	struct toy_node *before;

	fsy_atomic_ptr_store_rlx(&n->next, NULL);
	fsy_atomic_u32_store_rlx(&n->wait, 1);
	before = (struct toy_node *)fsy_atomic_ptr_swap(&l->tail, n);
	if (before == NULL)
		return;
	FSY_RAW_STORE_(&before->next.cell_, n, __ATOMIC_RELEASE);
	while (FSY_RAW_LOAD_(&n->wait.cell_, __ATOMIC_ACQUIRE) != 0)
		fsyi_relax();
}

static inline void
mcs_unlock(struct toy *l, struct toy_node *n)
{
	struct toy_node *next = (struct toy_node *)FSY_RAW_LOAD_(&n->next.cell_, __ATOMIC_ACQUIRE);
	void *seen = n;

	if (next == NULL) {
		if (fsy_atomic_ptr_cas_rel(&l->tail, &seen, NULL))
			return;
		while ((next = (struct toy_node *)FSY_RAW_LOAD_(&n->next.cell_, __ATOMIC_ACQUIRE)) == NULL)
			fsyi_relax();
	}
	FSY_RAW_STORE_(&next->wait.cell_, 0, __ATOMIC_RELEASE);
}

static inline void
futex_lock(struct toy *l, struct toy_node *n)
{
	uint32_t seen = 0;

	(void)n;
	if (FSY_RAW_CAS_(&l->word.cell_, &seen, 1, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	while (fsy_atomic_u32_swap(&l->word, 2) != 0)
		fsyi_futex_wait(&l->word, 2, FSY_FOREVER);
}

static inline void
futex_unlock(struct toy *l, struct toy_node *n)
{
	(void)n;
	if (fsy_atomic_u32_swap(&l->word, 0) == 2)
		fsyi_futex_wake(&l->word, 1);
}

#endif
