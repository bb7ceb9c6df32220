/* SPDX-License-Identifier: MIT */
/*
 * pool_age.c - two generations without a garbage collector, after Go's victim cache. At a tick what is in the victims' stacks is destroyed, then
 * everything else in the pool becomes a victim; a victim that is asked for lives on. So an object that nobody asks for is
 * destroyed at the second tick after it was put. Ticks are at least a period apart, and done by the caller that first finds
 * a period over: the clock is read where a call reaches the depots, so never on the way of a call that finds its magazine in order.
 *
 * A magazine's objects are destroyed by the thread that has taken it out of its stack: exactly once.
 */
#include "pool.h"
#include "../sys/clock.h"
#include "../sys/fork.h"

size_t
fsyi_pool_destroy_chain(struct fsyi_pool *p, struct fsyi_magazine *m)
{
	size_t destroyed = 0;

	while (m != NULL) {
		struct fsyi_magazine *below = fsyi_magazine_below(p, m);
		void *object;

		for (; (object = fsyi_magazine_pop(m)) != NULL; destroyed++) {
			fsyi_check_get(p->check, object);
			fsyi_object_free(p, object);
		}
		fsyi_magazine_retire(p, m);
		m = below;
	}
	return destroyed;
}

static void
retire_generation(struct fsyi_pool *p, struct fsyi_pool_shard *depot)
{
	struct fsyi_magazine *first = fsyi_stack_take(p, &depot->full), *last = first, *below;

	if (first == NULL)
		return;
	while ((below = fsyi_magazine_below(p, last)) != NULL)
		last = below;
	fsyi_stack_push(&depot->victims, first, last);
}

/* The calling thread's own, for which no fence is needed. */
static void
strip_self(struct fsyi_pool *p)
{
	struct fsy_pool_cell_ *cell;
	struct fsyi_pool_seat *seat = fsyi_seat_enter(p, &cell);
	void *left;

	if (seat == NULL)
		return;
	left = fsyi_seat_strip(p, seat, cell, FSYI_VICTIM);
	if (left != NULL)
		fsyi_object_free(p, left);
}

static size_t
age(struct fsyi_pool *p)
{
	size_t destroyed = 0;

	for (uint32_t i = 0; i < p->nodes * p->shards; i++)
		destroyed += fsyi_pool_destroy_chain(p, fsyi_stack_take(p, &fsyi_pool_depot(p, i / p->shards, i % p->shards)->victims));
	for (uint32_t i = 0; i < p->nodes * p->shards; i++)
		retire_generation(p, fsyi_pool_depot(p, i / p->shards, i % p->shards));
	strip_self(p);
	fsyi_pool_reap(p);
	fsyi_pool_count(&p->counts.aged, destroyed);
	return destroyed;
}

size_t
fsyi_pool_age(struct fsyi_pool *p)
{
	int64_t due = fsy_atomic_i64_load_rlx(&p->tick_at), now;

	if (due == FSY_FOREVER)
		return 0;
	now = fsyi_now();
	if (now < due || !fsy_atomic_i64_cas_rlx(&p->tick_at, &due, now > FSY_FOREVER - p->config.idle_ns ? FSY_FOREVER :
						 now + p->config.idle_ns))
		return 0;
	fsyi_pool_count(&p->counts.ticks, 1);
	return age(p);
}

size_t
fsy_pool_tick(fsy_pool_t *handle)
{
	fsyi_fork_check();
	return fsyi_pool_age((struct fsyi_pool *)(void *)handle);
}

/* Aged twice: first into one generation, then out of it. */
size_t
fsy_pool_trim(fsy_pool_t *handle)
{
	struct fsyi_pool *p = (struct fsyi_pool *)(void *)handle;
	size_t destroyed;

	fsyi_fork_check();
	destroyed = age(p);
	return destroyed + age(p);
}

size_t
fsy_pool_relieve(void)
{
	size_t destroyed = 0;

	for (struct fsyi_pool *p = fsyi_pool_pin_next(NULL); p != NULL; p = fsyi_pool_pin_next(p))
		destroyed += fsy_pool_trim(&p->handle);
	return destroyed;
}
