/* SPDX-License-Identifier: MIT */
/*
 * pool_check.c - the idle objects of a checked pool, as a set: open addressing, under a latch. Such a pool has no inline path, so
 * every put and get comes by, whatever it was compiled with. What does not fit for want of memory is not checked; nor is, in a child, what
 * was in a set that a thread was left behind in the middle of changing.
 */
#include "pool.h"
#include "heap.h"
#include "../sys/fatal.h"

struct fsyi_pool_check *
fsyi_check_new(void)
{
	struct fsyi_pool_check *check = fsyi_heap_zeroed(1, sizeof(*check));

	if (check == NULL)
		return NULL;
	check->size = 64;
	check->slots = fsyi_heap_zeroed(check->size, sizeof(*check->slots));
	if (check->slots == NULL) {
		free(check);
		return NULL;
	}
	return check;
}

void
fsyi_check_free(struct fsyi_pool_check *check)
{
	if (check == NULL)
		return;
	free(check->slots);
	free(check);
}

static size_t
home(const struct fsyi_pool_check *check, void *object)
{
	return (size_t)((uintptr_t)object >> 4) * (size_t)UINT64_C(0x9E3779B97F4A7C15) >> 32 & (check->size - 1);
}

/* Where it is, or belongs. */
static size_t
find(const struct fsyi_pool_check *check, void *object)
{
	size_t i = home(check, object);

	while (check->slots[i] != NULL && check->slots[i] != object)
		i = (i + 1) & (check->size - 1);
	return i;
}

static bool
grow(struct fsyi_pool_check *check)
{
	struct fsyi_pool_check old = *check;
	void **slots = fsyi_heap_zeroed(old.size * 2, sizeof(*slots));

	if (slots == NULL)
		return false;
	check->slots = slots;
	FSY_LIGHT_BARRIER_();                   /* a child does not find the size without them */
	check->size = old.size * 2;
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i] != NULL)
			slots[find(check, old.slots[i])] = old.slots[i];
	free(old.slots);
	return true;
}

/* Left behind in the middle, a thread has an entry in two slots: in a child the set begins anew. */
static void
enter(struct fsyi_pool_check *check)
{
	if (FSY_LIKELY(!fsyi_latch_lock(&check->latch)))
		return;
	for (size_t i = 0; i < check->size; i++)
		check->slots[i] = NULL;
	check->used = 0;
}

void
fsyi_check_put(struct fsyi_pool_check *check, void *object)
{
	size_t i;

	if (check == NULL)
		return;
	enter(check);
	i = find(check, object);
	if (check->slots[i] == object)
		fsyi_fatal("object put twice %p", object);
	if (check->used < check->size / 2 || grow(check)) {
		check->slots[find(check, object)] = object;
		check->used++;
	}
	fsyi_latch_unlock(&check->latch);
}

/* The entries behind it move up, so that a search never ends early. */
void
fsyi_check_get(struct fsyi_pool_check *check, void *object)
{
	size_t i, hole;

	if (check == NULL || object == NULL)
		return;
	enter(check);
	hole = find(check, object);
	if (check->slots[hole] == object) {
		check->used--;
		for (i = (hole + 1) & (check->size - 1); check->slots[i] != NULL; i = (i + 1) & (check->size - 1)) {
			size_t distance = (i - home(check, check->slots[i])) & (check->size - 1);

			if (distance >= ((i - hole) & (check->size - 1))) {
				check->slots[hole] = check->slots[i];
				hole = i;
			}
		}
		check->slots[hole] = NULL;
	}
	fsyi_latch_unlock(&check->latch);
}
