/* SPDX-License-Identifier: MIT */
/* fairlocks.c - see fairlocks.h. */
#include "fairlocks.h"
#include "worker.h"
#include "lib/sync/fairlock.h"
#include "lib/sync/readers_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum readers_mode
fair_begin(fsy_fair_rwlock_t *l, enum readers_mode mode)
{
	static const uint32_t words[] = { 0, FAIR_SLOTS, FAIR_READING, FAIR_SLOTS };

	mode = readers_nearest(mode);
	memset(l, 0, sizeof(*l));
	fsy_atomic_u32_store(&l->word_, words[mode]);
	return mode;
}

const void *
fair_drain_key(const fsy_fair_rwlock_t *l)
{
	return drain_key(&l->readers_);
}

bool
fair_at_rest(const fsy_fair_rwlock_t *l)
{
	return (fsy_atomic_u32_load(&l->word_) & ~(FAIR_READING | FAIR_FOREIGN | FAIR_WRITTEN)) == 0 && fsy_atomic_u32_load(&l->readers_) == 0 &&
	       !readers_in_slots(&l->readers_) && fsyi_lot_is_idle(&fsyi_lot);
}

void
assert_fair_at_rest(const fsy_fair_rwlock_t *l)
{
	if (!fair_at_rest(l))
		fail_msg("at rest the word is %08x, the count %08x, a slot names it: %d, the lot is idle: %d", fsy_atomic_u32_load(&l->word_),
			 fsy_atomic_u32_load(&l->readers_), readers_in_slots(&l->readers_), fsyi_lot_is_idle(&fsyi_lot));
}

struct attempt {
	fsy_fair_rwlock_t *lock;
	bool write;
	int result;
};

static void *
try_it(void *arg)
{
	struct attempt *attempt = arg;

	attempt->result = attempt->write ? fsy_fair_rwlock_trylock(attempt->lock) : fsy_fair_rwlock_tryrlock(attempt->lock);
	if (attempt->result != FSY_EBUSY)
		(attempt->write ? fsy_fair_rwlock_unlock : fsy_fair_rwlock_runlock)(attempt->lock);
	return NULL;
}

int
fair_from_elsewhere(fsy_fair_rwlock_t *l, bool write)
{
	struct attempt attempt = { l, write, -1 };

	worker_join(worker_start(try_it, &attempt));
	return attempt.result;
}

int64_t
fair_set_tenure(int64_t ns)
{
	int64_t old = fsyi_tune.tenure_ns;

	fsyi_tune.tenure_ns = ns;
	return old;
}

bool
fair_sleeper_is_due(const fsy_fair_rwlock_t *l)
{
	return (fsy_atomic_u32_load(&l->word_) & FAIR_DUE) != 0;
}
