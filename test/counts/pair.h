/* SPDX-License-Identifier: MIT */
/* pair.h - the uncontended paths whose instructions are counted: one call is one lock and one unlock, or what the name says. */
#ifndef TEST_COUNTS_PAIR_H
#define TEST_COUNTS_PAIR_H

#include <fastsync/mutex.h>
#include <fastsync/waitgroup.h>
#include <fastsync/poison.h>

void pair_inline(fsy_mutex_t *m);   /* as a program compiled with the header gets it */
void pair_twin(fsy_mutex_t *m);     /* through the exported functions */
void pair_until(fsy_mutex_t *m);    /* the timed lock, which must cost nothing more when it need not wait */
void pair_group(fsy_mutex_t *unused);      /* a wait group: add, done, and the wait that need not wait */
void pair_group_twin(fsy_mutex_t *unused);
void pair_poison(fsy_mutex_t *m);   /* a poison mutex in the same 8 zeroed bytes */
void pair_tell(fsy_mutex_t *unused); /* a signal and a broadcast to nobody */
void pair_once(fsy_mutex_t *m);     /* not a pair: a once that is done; m is not used */
void pair_once_try(fsy_mutex_t *m);
void pair_lazy(fsy_mutex_t *m);     /* a value that is there */
void pair_pool(fsy_mutex_t *unused);        /* get and put of the object at hand */
void pair_pool_three(fsy_mutex_t *unused);  /* three gets, three puts: two of each by the own magazines */
void pair_many(fsy_mutex_t *m, long count);

#endif
