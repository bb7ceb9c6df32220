/* SPDX-License-Identifier: MIT */
/*
 * pool_magazine.c - magazines, the stacks they lie in, and the room that a limit leaves.
 *
 * WORD   A stack is 64 bits: a tag in the upper half, the number of the topmost magazine in the lower one, 0 if there is none.
 *        Every change adds one to the tag, so a thread that was preempted between its look and its compare-and-swap succeeds
 *        only if nothing happened, or 2^32 changes did.
 * INVARIANTS
 *   N1   A magazine is in one stack, in one thread's hand, or in one seat.
 *   N2   Magazines are numbered and stay until the pool goes: the link of one that another thread has popped can be read.
 *   N3   The sum of room over all magazines outside empties, plus the open cells, is reserved and never above the limit;
 *        no magazine holds more than its room.
 * ORDER
 *   D1 -> D2   what a magazine holds is seen by who pops it. Reads further down the stack's history are covered too: all changes are
 *              read-modify-writes, so each continues the release sequence of those before it.
 *   D3 -> D4   a chunk's magazines are numbered before they can be named.
 *   D5 -> D6   who counts a magazine sees as many objects: for a forked child, which takes magazines from threads that stopped
 *              somewhere in the middle.
 *   A link is relaxed: a stale one belongs to a compare-and-swap that fails. Reserved counts and orders nothing.
 * LIFETIME  Chunks are freed with the pool.
 */
#include "pool.h"
#include "heap.h"

enum { FIRST_CHUNK = 16 };

static uint32_t
chunk_of(uint32_t index)
{
	return 31 - (uint32_t)__builtin_clz(index / FIRST_CHUNK + 1);
}

static uint32_t
chunk_start(uint32_t chunk)
{
	return FIRST_CHUNK * ((1u << chunk) - 1);
}

struct fsyi_magazine *
fsyi_magazine_at(struct fsyi_pool *p, uint32_t index)
{
	uint32_t chunk = chunk_of(index);
	struct fsyi_magazine *magazines = fsy_atomic_ptr_load_acq(&p->chunks[chunk]);   /* D4 <- D3 */

	return &magazines[index - chunk_start(chunk)];
}

static bool
have_chunk(struct fsyi_pool *p, uint32_t chunk)
{
	uint32_t count = (uint32_t)FIRST_CHUNK << chunk;
	struct fsyi_magazine *magazines;
	void *seen = NULL;

	if (fsy_atomic_ptr_load_rlx(&p->chunks[chunk]) != NULL)
		return true;
	magazines = fsyi_heap_aligned(FSY_CACHELINE, count * sizeof(*magazines));
	if (magazines == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		magazines[i].count = magazines[i].next = (fsy_atomic_u32){ 0 };
		magazines[i].room = 0;
		magazines[i].index = chunk_start(chunk) + i;
	}
	if (!fsy_atomic_ptr_cas_rel(&p->chunks[chunk], &seen, magazines))   /* D3 -> D4 */
		free(magazines);
	return true;
}

static struct fsyi_magazine *
make(struct fsyi_pool *p)
{
	uint32_t index = fsy_atomic_u32_load_rlx(&p->made);

	do {
		if (index >= FIRST_CHUNK * ((1u << (FSYI_CHUNKS - 1)) - 1) || !have_chunk(p, chunk_of(index)))
			return NULL;
	} while (!fsy_atomic_u32_cas_rlx(&p->made, &index, index + 1));
	return fsyi_magazine_at(p, index);
}

void
fsyi_magazines_free(struct fsyi_pool *p)
{
	for (int i = 0; i < FSYI_CHUNKS; i++)
		free(fsy_atomic_ptr_load_rlx(&p->chunks[i]));
}

uint64_t
fsyi_pool_reserve(struct fsyi_pool *p, uint64_t want)
{
	uint64_t reserved, got;

	if (p->limit == SIZE_MAX)
		return want;
	reserved = fsy_atomic_u64_load_rlx(&p->reserved);
	do {
		got = reserved >= p->limit ? 0 : p->limit - reserved < want ? p->limit - reserved : want;
		if (got == 0)
			return 0;
	} while (!fsy_atomic_u64_cas_rlx(&p->reserved, &reserved, reserved + got));
	return got;
}

void
fsyi_pool_release(struct fsyi_pool *p, uint64_t room)
{
	if (p->limit != SIZE_MAX && room > 0)
		fsy_atomic_u64_add_rlx(&p->reserved, -room);
}

struct fsyi_magazine *
fsyi_magazine_bare(struct fsyi_pool *p)
{
	struct fsyi_magazine *m = fsyi_stack_pop(p, &p->empties);

	return m != NULL ? m : make(p);
}

struct fsyi_magazine *
fsyi_magazine_fresh(struct fsyi_pool *p, uint32_t room)
{
	struct fsyi_magazine *m;

	room = (uint32_t)fsyi_pool_reserve(p, room);
	if (room == 0)
		return NULL;
	m = fsyi_magazine_bare(p);
	if (m == NULL) {
		fsyi_pool_release(p, room);
		return NULL;
	}
	m->room = room;
	return m;
}

void
fsyi_magazine_retire(struct fsyi_pool *p, struct fsyi_magazine *m)
{
	fsyi_pool_release(p, m->room);
	m->room = 0;
	fsyi_stack_push(&p->empties, m, m);
}

void
fsyi_magazine_widen(struct fsyi_pool *p, struct fsyi_magazine *m, uint32_t room)
{
	if (m->room < room)
		m->room += (uint32_t)fsyi_pool_reserve(p, room - m->room);
}

void
fsyi_magazine_narrow(struct fsyi_pool *p, struct fsyi_magazine *m)
{
	fsyi_pool_release(p, m->room - fsyi_magazine_count(m));
	m->room = fsyi_magazine_count(m);
}

/* NULL also for a link that is being changed: its chunk may be so new that it is not seen yet. */
struct fsyi_magazine *
fsyi_magazine_below(struct fsyi_pool *p, const struct fsyi_magazine *m)
{
	uint32_t next = fsy_atomic_u32_load_rlx(&m->next);

	if (next == 0 || fsy_atomic_ptr_load_acq(&p->chunks[chunk_of(next - 1)]) == NULL)   /* D4 <- D3 */
		return NULL;
	return fsyi_magazine_at(p, next - 1);
}

/* Only to look at; it may be anywhere by now. */
struct fsyi_magazine *
fsyi_stack_top(struct fsyi_pool *p, fsy_atomic_u64 *stack)
{
	uint64_t head = fsy_atomic_u64_load_acq(stack);                          /* D2 <- D1 */

	return (uint32_t)head == 0 ? NULL : fsyi_magazine_at(p, (uint32_t)head - 1);
}

static uint64_t
changed(uint64_t head, uint32_t top)
{
	return (head & ~(uint64_t)UINT32_MAX) + ((uint64_t)1 << 32) + top;
}

/* The chain's links stand, but for the last. */
void
fsyi_stack_push(fsy_atomic_u64 *stack, struct fsyi_magazine *first, struct fsyi_magazine *last)
{
	uint64_t head = fsy_atomic_u64_load_rlx(stack);

	do
		fsy_atomic_u32_store_rlx(&last->next, (uint32_t)head);
	while (!fsy_atomic_u64_cas_rel(stack, &head, changed(head, first->index + 1)));   /* D1 -> D2 */
}

struct fsyi_magazine *
fsyi_stack_pop(struct fsyi_pool *p, fsy_atomic_u64 *stack)
{
	uint64_t head = fsy_atomic_u64_load_acq(stack);                          /* D2 <- D1 */

	while ((uint32_t)head != 0) {
		struct fsyi_magazine *m = fsyi_magazine_at(p, (uint32_t)head - 1);
		uint32_t next = fsy_atomic_u32_load_rlx(&m->next);

		if (fsy_atomic_u64_cas_acq(stack, &head, changed(head, next)))   /* D2 <- D1 */
			return m;
	}
	return NULL;
}

struct fsyi_magazine *
fsyi_stack_take(struct fsyi_pool *p, fsy_atomic_u64 *stack)
{
	uint64_t head = fsy_atomic_u64_load_acq(stack);                          /* D2 <- D1 */

	while ((uint32_t)head != 0)
		if (fsy_atomic_u64_cas_acq(stack, &head, changed(head, 0)))      /* D2 <- D1 */
			return fsyi_magazine_at(p, (uint32_t)head - 1);
	return NULL;
}
