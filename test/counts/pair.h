/* SPDX-License-Identifier: MIT */
/* pair.h - the uncontended paths whose instructions are counted: one call is one lock and one unlock. */
#ifndef TEST_COUNTS_PAIR_H
#define TEST_COUNTS_PAIR_H

#include <fastsync/mutex.h>

void pair_inline(fsy_mutex_t *m);   /* as a program compiled with the header gets it */
void pair_twin(fsy_mutex_t *m);     /* through the exported functions */
void pair_until(fsy_mutex_t *m);    /* the timed lock, which must cost nothing more when it need not wait */
void pair_many(fsy_mutex_t *m, long count);

#endif
