/* SPDX-License-Identifier: MIT */
/* rwlocks.c - see rwlocks.h. */
#include "rwlocks.h"
#include "lib/sync/readers_line.h"
#include "lib/sync/rwmutex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum readers_mode
rw_begin(fsy_rwmutex_t *rw, enum readers_mode mode)
{
	static const uint32_t words[] = { 0, RW_SLOTS, RW_READING, FSY_READERS_JOINED_ };

	mode = readers_nearest(mode);
	memset(rw, 0, sizeof(*rw));
	fsy_atomic_u32_store(&rw->word_, words[mode]);
	return mode;
}

const void *
rw_readers_key(const fsy_rwmutex_t *rw)
{
	return (const char *)&rw->word_ + 1;
}

const void *
rw_drain_key(const fsy_rwmutex_t *rw)
{
	return drain_key(&rw->readers_);
}

int
rw_slots(const fsy_rwmutex_t *rw)
{
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;
	int slots = 0;

	while ((line = walk_next(&walk)) != NULL)
		for (int i = 0; i < FSY_READER_SLOTS_; i++)
			slots += fsy_atomic_ptr_load(&line->slot[i]) == &rw->readers_;
	return slots;
}

uint32_t
rw_counted(const fsy_rwmutex_t *rw)
{
	return (fsy_atomic_u32_load(&rw->readers_) & READERS_COUNT) / READERS_ONE;
}

bool
rw_at_rest(const fsy_rwmutex_t *rw)
{
	return (fsy_atomic_u32_load(&rw->word_) & (LW_BUSY | RW_PARKED)) == 0 && fsy_atomic_u32_load(&rw->readers_) == 0 && rw_slots(rw) == 0 &&
	       fsyi_lot_is_idle(&fsyi_lot);
}

void
assert_rw_at_rest(const fsy_rwmutex_t *rw)
{
	if (!rw_at_rest(rw))
		fail_msg("at rest the word is %08x, the count %08x, %d slots name the lock, and the lot is %s", fsy_atomic_u32_load(&rw->word_),
			 fsy_atomic_u32_load(&rw->readers_), rw_slots(rw), fsyi_lot_is_idle(&fsyi_lot) ? "idle" : "in use");
}

bool
rw_line_is_calm(void)
{
	return fsy_atomic_u32_load(&fsy_reader_->alert) == 0;
}
