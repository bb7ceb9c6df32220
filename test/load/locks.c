/* SPDX-License-Identifier: MIT */
/* locks.c - the loads of the mutex and of the poison mutex: two numbers that are equal whenever nobody is inside. */
#include "load.h"

#include <fastsync/error.h>
#include <fastsync/mutex.h>
#include <fastsync/poison.h>
#include <string.h>

enum { LOCKS = 3 };

static struct guarded {
	fsy_mutex_t mutex;
	fsy_poison_mutex_t poison;
	long first, second;              /* plain: the lock keeps them together */
	fsy_atomic_u64 rounds;           /* how often first was raised, of all who meant to raise both */
} mutexes[LOCKS], poisons[LOCKS];

static void
raise_both(struct guarded *g, struct hand *hand)
{
	g->first++;
	load_dawdle(hand);
	g->second++;
	fsy_atomic_u64_add_rlx(&g->rounds, 1);
}

static bool hangs;

void
load_hang(void)
{
	hangs = true;
}

static void
begin_mutexes(void)
{
	memset((void *)mutexes, 0, sizeof(mutexes));
}

static void
turn_mutex(struct hand *hand)
{
	struct guarded *g = &mutexes[load_below(hand, LOCKS)];
	fsy_deadline_t deadline;

	switch (load_below(hand, 4)) {
	case 0:
		if (!fsy_mutex_trylock(&g->mutex))
			return;
		break;
	case 1:
		deadline = load_deadline(hand);
		if (fsy_mutex_lock_until(&g->mutex, deadline) != 0) {
			LOAD_CHECK(fsy_now() >= deadline);
			return;
		}
		break;
	default:
		fsy_mutex_lock(&g->mutex);
	}
	LOAD_CHECK(g->first == g->second);
	raise_both(g, hand);
	if (hangs)
		return;
	if (load_chance(hand, 16))
		fsy_mutex_unlock_fair(&g->mutex);
	else
		fsy_mutex_unlock(&g->mutex);
}

static const char *
audit_mutexes(void)
{
	for (int i = 0; i < LOCKS; i++) {
		struct guarded *g = &mutexes[i];

		if (fsy_atomic_u32_load(&g->mutex.word_) != 0)
			return "a word is not 0 at rest";
		if (g->first != g->second || (uint64_t)g->first != fsy_atomic_u64_load(&g->rounds))
			return "two were inside at once";
	}
	return NULL;
}

static void
dump_mutexes(void)
{
	for (int i = 0; i < LOCKS; i++)
		load_print("mutex %d %p: word %08x, %ld %ld\n", i, (void *)&mutexes[i].mutex, fsy_atomic_u32_load_rlx(&mutexes[i].mutex.word_),
			   mutexes[i].first, mutexes[i].second);
}

const struct load load_mutex = { "mutex", begin_mutexes, turn_mutex, NULL, audit_mutexes, dump_mutexes };

static void
begin_poisons(void)
{
	memset((void *)poisons, 0, sizeof(poisons));
}

/* What a predecessor left half done is made good before the flag is cleared. */
static void
repair(struct guarded *g)
{
	LOAD_CHECK(fsy_poison_mutex_is_poisoned(&g->poison));
	if (g->first == g->second + 1) {
		g->second++;
		fsy_atomic_u64_add_rlx(&g->rounds, 1);
	}
	fsy_poison_mutex_clear_poison(&g->poison);
}

static void
turn_poison(struct hand *hand)
{
	struct guarded *g = &poisons[load_below(hand, LOCKS)];
	fsy_deadline_t deadline = FSY_FOREVER;
	int error;

	switch (load_below(hand, 4)) {
	case 0:
		error = fsy_poison_mutex_trylock(&g->poison);
		if (error == FSY_EBUSY)
			return;
		break;
	case 1:
		deadline = load_deadline(hand);
		error = fsy_poison_mutex_lock_until(&g->poison, deadline);
		if (error == FSY_ETIMEDOUT) {
			LOAD_CHECK(fsy_now() >= deadline);
			return;
		}
		break;
	default:
		error = fsy_poison_mutex_lock(&g->poison);
	}
	LOAD_CHECK(error == 0 || error == FSY_EPOISONED);
	if (error == FSY_EPOISONED)
		repair(g);
	LOAD_CHECK(g->first == g->second);
	fsy_poison_mutex_assert_held(&g->poison);
	g->first++;
	if (load_mortal(hand))
		return;                          /* the end of the thread poisons */
	if (load_chance(hand, 40)) {
		fsy_poison_mutex_poison(&g->poison);
		fsy_poison_mutex_unlock(&g->poison);
		return;
	}
	load_dawdle(hand);
	g->second++;
	fsy_atomic_u64_add_rlx(&g->rounds, 1);
	fsy_poison_mutex_unlock(&g->poison);
}

static const char *
audit_poisons(void)
{
	for (int i = 0; i < LOCKS; i++) {
		struct guarded *g = &poisons[i];
		int error = fsy_poison_mutex_trylock(&g->poison);

		if (error == FSY_EBUSY)
			return "a lock of nobody is held";
		if (error == FSY_EPOISONED)
			repair(g);
		fsy_poison_mutex_unlock(&g->poison);
		if ((fsy_atomic_u32_load(&g->poison.word_) | fsy_atomic_u32_load(&g->poison.owner_)) != 0)
			return "a word is not 0 at rest";
		if (g->first != g->second || (uint64_t)g->first != fsy_atomic_u64_load(&g->rounds))
			return "two were inside at once";
	}
	return NULL;
}

static void
dump_poisons(void)
{
	for (int i = 0; i < LOCKS; i++)
		load_print("poison mutex %d %p: word %08x, owner %08x, %ld %ld\n", i, (void *)&poisons[i].poison,
			   fsy_atomic_u32_load_rlx(&poisons[i].poison.word_), fsy_atomic_u32_load_rlx(&poisons[i].poison.owner_),
			   poisons[i].first, poisons[i].second);
}

const struct load load_poison = { "poison mutex", begin_poisons, turn_poison, NULL, audit_poisons, dump_poisons };
