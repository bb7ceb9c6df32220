/* SPDX-License-Identifier: MIT */
/* mutex_word.h - a mutex, as the adaptive lock sees it. */
#ifndef FSYI_MUTEX_WORD_H
#define FSYI_MUTEX_WORD_H

#include <fastsync/mutex.h>
#include "lockword.h"

static inline struct fsyi_lockword
fsyi_mutex_word(fsy_mutex_t *m)
{
	struct fsyi_lockword lock = { .lot = &fsyi_lot, .word = &m->word_, .held = &m->held_, .busy = &m->busy_, .hint = &m->hint_ };

	return lock;
}

/* fsy_mutex_unlock for a thread that is about to sleep. */
void fsyi_mutex_unlock_leaving(fsy_mutex_t *m);

#endif
