/* SPDX-License-Identifier: MIT */
/* poison_word.h - a poison mutex, as the adaptive lock and its condition variables see it. */
#ifndef FSYI_POISON_WORD_H
#define FSYI_POISON_WORD_H

#include <fastsync/poison.h>
#include "lockword.h"

struct fsyi_lockword fsyi_poison_word(fsy_poison_mutex_t *m);

/* fsy_poison_mutex_unlock for a thread that is about to sleep. */
void fsyi_poison_unlock_leaving(fsy_poison_mutex_t *m);

/* The slow path has taken the word for the calling thread, and signed it: 0 or FSY_EPOISONED. */
int fsyi_poison_taken(fsy_poison_mutex_t *m);

#endif
