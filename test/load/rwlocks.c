/* SPDX-License-Identifier: MIT */
/* rwlocks.c - the loads of the rwmutex and of the fair rwlock: readers see two equal numbers, writers change them. */
#include "load.h"
#include "test/support/fairlocks.h"
#include "test/support/rwlocks.h"

#include <fastsync/error.h>
#include <string.h>

enum { LOCKS = 2 };

static struct shared {
	fsy_rwmutex_t rw;
	fsy_fair_rwlock_t fair;
	long first, second;
	fsy_atomic_u32 readers, writers; /* who believes to be inside */
	fsy_atomic_u64 rounds;
} rws[LOCKS], fairs[LOCKS];

static void
inside_reading(struct shared *s, struct hand *hand)
{
	fsy_atomic_u32_add(&s->readers, 1);
	LOAD_CHECK(fsy_atomic_u32_load(&s->writers) == 0);
	LOAD_CHECK(s->first == s->second);
	load_dawdle(hand);
	LOAD_CHECK(s->first == s->second);
	fsy_atomic_u32_add(&s->readers, (uint32_t)-1);
}

static void
inside_writing(struct shared *s, struct hand *hand)
{
	LOAD_CHECK(fsy_atomic_u32_add(&s->writers, 1) == 0 && fsy_atomic_u32_load(&s->readers) == 0);
	LOAD_CHECK(s->first == s->second);
	s->first++;
	load_dawdle(hand);
	s->second++;
	fsy_atomic_u64_add_rlx(&s->rounds, 1);
	LOAD_CHECK(fsy_atomic_u32_load(&s->readers) == 0 && fsy_atomic_u32_add(&s->writers, (uint32_t)-1) == 1);
}

static void
begin_rws(void)
{
	memset((void *)rws, 0, sizeof(rws));
}

/* In each of the ways there are. */
static bool
get_in(fsy_rwmutex_t *rw, bool write, struct hand *hand)
{
	fsy_deadline_t deadline = load_deadline(hand);

	switch (load_below(hand, 4)) {
	case 0:
		return write ? fsy_rwmutex_trylock(rw) : fsy_rwmutex_tryrlock(rw);
	case 1:
		if ((write ? fsy_rwmutex_lock_until(rw, deadline) : fsy_rwmutex_rlock_until(rw, deadline)) == 0)
			return true;
		LOAD_CHECK(fsy_now() >= deadline);
		return false;
	default:
		(write ? fsy_rwmutex_lock : fsy_rwmutex_rlock)(rw);
		return true;
	}
}

/* The first is read nearly always, so that its readers need no lock's word; the second is written often. */
static void
turn_rw(struct hand *hand)
{
	uint32_t which = load_below(hand, LOCKS);
	struct shared *s = &rws[which];

	if (!load_chance(hand, which == 0 ? 50 : 3)) {
		if (!get_in(&s->rw, false, hand))
			return;
		inside_reading(s, hand);
		fsy_rwmutex_runlock(&s->rw);
	} else if (get_in(&s->rw, true, hand)) {
		inside_writing(s, hand);
		fsy_rwmutex_unlock(&s->rw);
	}
}

static const char *
audit_rws(void)
{
	for (int i = 0; i < LOCKS; i++) {
		if (!rw_at_rest(&rws[i].rw))
			return "not at rest";
		if (rws[i].first != rws[i].second || (uint64_t)rws[i].first != fsy_atomic_u64_load(&rws[i].rounds))
			return "two wrote at once";
	}
	return NULL;
}

static void
dump_shared(const char *name, struct shared *s, const uint32_t words[2])
{
	load_print("%s %p: word %08x, readers %08x; inside %u reading, %u writing; %ld %ld\n", name, (void *)s, words[0], words[1],
		   fsy_atomic_u32_load_rlx(&s->readers), fsy_atomic_u32_load_rlx(&s->writers), s->first, s->second);
}

static void
dump_rws(void)
{
	for (int i = 0; i < LOCKS; i++)
		dump_shared("rwmutex", &rws[i],
			    (uint32_t[]){ fsy_atomic_u32_load_rlx(&rws[i].rw.word_), fsy_atomic_u32_load_rlx(&rws[i].rw.readers_) });
}

const struct load load_rwmutex = { "rwmutex", begin_rws, turn_rw, NULL, audit_rws, dump_rws };

static void
begin_fairs(void)
{
	memset((void *)fairs, 0, sizeof(fairs));
}

/* After a writer's death: as it was inside, so it is counted. */
static void
repair(struct shared *s)
{
	s->second = s->first;
	fsy_atomic_u64_store(&s->rounds, (uint64_t)s->first);
	fsy_atomic_u32_store(&s->writers, 0);
	fsy_fair_rwlock_clear_poison(&s->fair);
}

static void
read_fair(struct shared *s, struct hand *hand)
{
	fsy_deadline_t deadline = load_deadline(hand);
	uint32_t way = load_below(hand, 4);
	int error = way == 0 ? fsy_fair_rwlock_tryrlock(&s->fair) : way == 1 ? fsy_fair_rwlock_rlock_until(&s->fair, deadline) :
									       fsy_fair_rwlock_rlock(&s->fair);

	if (error == FSY_EBUSY)
		return;
	if (error == FSY_ETIMEDOUT) {
		LOAD_CHECK(fsy_now() >= deadline);
		return;
	}
	if (error == 0)
		inside_reading(s, hand);         /* poisoned: only a writer makes it good */
	if (error == 0 && load_chance(hand, 20) && fsy_fair_rwlock_try_upgrade(&s->fair)) {
		if (!fsy_fair_rwlock_is_poisoned(&s->fair))
			inside_writing(s, hand);
		fsy_fair_rwlock_unlock(&s->fair);
		return;
	}
	fsy_fair_rwlock_runlock(&s->fair);
}

static void
write_fair(struct shared *s, struct hand *hand)
{
	fsy_deadline_t deadline = load_deadline(hand);
	uint32_t way = load_below(hand, 4);
	int error = way == 0 ? fsy_fair_rwlock_trylock(&s->fair) : way == 1 ? fsy_fair_rwlock_lock_until(&s->fair, deadline) :
									      fsy_fair_rwlock_lock(&s->fair);

	if (error == FSY_EBUSY)
		return;
	if (error == FSY_ETIMEDOUT) {
		LOAD_CHECK(fsy_now() >= deadline);
		return;
	}
	if (error == FSY_EPOISONED)
		repair(s);
	inside_writing(s, hand);
	if (load_chance(hand, 30)) {
		s->first++;
		if (load_mortal(hand))
			return;                  /* the end of the thread poisons */
		fsy_fair_rwlock_poison(&s->fair);
	} else if (load_chance(hand, 8)) {
		fsy_fair_rwlock_downgrade(&s->fair);
		inside_reading(s, hand);
		fsy_fair_rwlock_runlock(&s->fair);
		return;
	}
	fsy_fair_rwlock_unlock(&s->fair);
}

static void
turn_fair(struct hand *hand)
{
	uint32_t which = load_below(hand, LOCKS);

	if (load_chance(hand, which == 0 ? 50 : 3))
		write_fair(&fairs[which], hand);
	else
		read_fair(&fairs[which], hand);
}

static const char *
audit_fairs(void)
{
	for (int i = 0; i < LOCKS; i++) {
		int error = fsy_fair_rwlock_trylock(&fairs[i].fair);

		if (error == FSY_EBUSY)
			return "a lock of nobody is held";
		if (error == FSY_EPOISONED)
			repair(&fairs[i]);
		fsy_fair_rwlock_unlock(&fairs[i].fair);
		if (!fair_at_rest(&fairs[i].fair))
			return "not at rest";
		if (fairs[i].first != fairs[i].second || (uint64_t)fairs[i].first != fsy_atomic_u64_load(&fairs[i].rounds))
			return "two wrote at once";
	}
	return NULL;
}

static void
dump_fairs(void)
{
	for (int i = 0; i < LOCKS; i++)
		dump_shared("fair rwlock", &fairs[i],
			    (uint32_t[]){ fsy_atomic_u32_load_rlx(&fairs[i].fair.word_), fsy_atomic_u32_load_rlx(&fairs[i].fair.readers_) });
}

const struct load load_fair = { "fair rwlock", begin_fairs, turn_fair, NULL, audit_fairs, dump_fairs };
