/* SPDX-License-Identifier: MIT */
/* magazine.h - magazines of a pool, the stacks they lie in, and the room that the limit leaves: pool_magazine.c. */
#ifndef FSYI_MAGAZINE_H
#define FSYI_MAGAZINE_H

#include <fastsync/atomic.h>

#define FSYI_MAGAZINE 62                         /* objects per magazine at most: 512 bytes */

struct fsyi_pool;

struct fsyi_magazine {
	fsy_atomic_u32 next;                     /* in a stack: index + 1 of the one below, 0 = none */
	fsy_atomic_u32 count;                    /* written by its holder alone, read by statistics */
	uint32_t room;                           /* objects that it may hold by the pool's limit */
	uint32_t index;                          /* its number in the pool */
	void *objects[FSYI_MAGAZINE];
};

static inline uint32_t
fsyi_magazine_count(const struct fsyi_magazine *m)
{
	return fsy_atomic_u32_load_acq(&m->count);               /* D6 <- D5 */
}

/* False: full, or NULL. */
static inline bool
fsyi_magazine_push(struct fsyi_magazine *m, void *object)
{
	uint32_t count;

	if (m == NULL || (count = fsyi_magazine_count(m)) >= m->room)
		return false;
	m->objects[count] = object;
	fsy_atomic_u32_store_rel(&m->count, count + 1);          /* D5 -> D6 */
	return true;
}

/* NULL: empty, or NULL. */
static inline void *
fsyi_magazine_pop(struct fsyi_magazine *m)
{
	uint32_t count;

	if (m == NULL || (count = fsyi_magazine_count(m)) == 0)
		return NULL;
	fsy_atomic_u32_store_rlx(&m->count, count - 1);
	return m->objects[count - 1];
}

struct fsyi_magazine *fsyi_magazine_at(struct fsyi_pool *p, uint32_t index);
struct fsyi_magazine *fsyi_magazine_bare(struct fsyi_pool *p);                   /* empty, without room */
struct fsyi_magazine *fsyi_magazine_fresh(struct fsyi_pool *p, uint32_t room);   /* empty; NULL: no memory, no room */
struct fsyi_magazine *fsyi_magazine_below(struct fsyi_pool *p, const struct fsyi_magazine *m);
void fsyi_magazine_retire(struct fsyi_pool *p, struct fsyi_magazine *m);         /* it is empty */
void fsyi_magazine_widen(struct fsyi_pool *p, struct fsyi_magazine *m, uint32_t room);
void fsyi_magazine_narrow(struct fsyi_pool *p, struct fsyi_magazine *m);         /* room for no more than it holds */
void fsyi_magazines_free(struct fsyi_pool *p);
uint64_t fsyi_pool_reserve(struct fsyi_pool *p, uint64_t want);
void fsyi_pool_release(struct fsyi_pool *p, uint64_t room);
void fsyi_stack_push(fsy_atomic_u64 *stack, struct fsyi_magazine *first, struct fsyi_magazine *last);
struct fsyi_magazine *fsyi_stack_top(struct fsyi_pool *p, fsy_atomic_u64 *stack);
struct fsyi_magazine *fsyi_stack_pop(struct fsyi_pool *p, fsy_atomic_u64 *stack);
struct fsyi_magazine *fsyi_stack_take(struct fsyi_pool *p, fsy_atomic_u64 *stack);   /* all of it, as a chain */

#endif
