/* SPDX-License-Identifier: MIT */
/* selftest_broken.h - implementations that are wrong on purpose: selftest.c has to find out each. */
#ifndef FSYB_SELFTEST_BROKEN_H
#define FSYB_SELFTEST_BROKEN_H

#include "c/module.h"
#include "loop_wait.h"

/* Locks that do nothing, and a loop without its work. */
struct broken {
	uint64_t datum, words[2];
	uint32_t torn;
};
FSYB_MAKE(broken, (void)0, (void)0)
FSYB_DATUM(broken_datum, struct broken)
FSYB_WORDS_DATUM(broken_words, struct broken)
FSYB_MUTEX_LOOP(broken_mutex, struct broken, (void)0, (void)0, (void)0)
FSYB_RW_LOOP(broken_rw, struct broken, (void)0, (void)0, (void)0, (void)0, (void)0)
static void
broken_lazy(void *object, struct fsyb_worker *worker)
{
	worker->section = worker->outside = 0;
	broken_mutex(object, worker);
}

/* Nobody waits for anybody: rounds are not rounds, and two producers share an object. */
static inline void
open_add(char *group, int count)
{
	*group = (char)(*group + count);
}
#define open_done(group) open_add(group, -1)
#define open_wait(group) open_add(group, 0)
FSYB_GROUP_LOOPS(open, char, (void)0, (void)0)
#define through_init(barrier, threads) (void)0
#define through_fini(barrier) (void)0
#define through_wait(barrier) sched_yield()
FSYB_BARRIER_LOOP(through, char)
static uint64_t one_item[FSYB_POOL_BYTES / sizeof(uint64_t)];
FSYB_HANDED_LOOP(shared, char, (void)0, (void)0, one_item, FSYB_KEEP(item))

#endif
