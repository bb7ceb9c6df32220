/* SPDX-License-Identifier: MIT */
/*
 * lot.c - buckets, queues, attention.
 *
 * WORD    bucket lock: 0 free, 1 held, 2 held and somebody sleeps on it (Drepper, "Futexes are tricky", mutex2).
 *         attention: one byte per slot of addresses = number of armed queues in it; 255 sticks.
 * STATES  queue: absent -> (first insert) present, its header lent by the first waiter -> (last remove) absent,
 *         the header returned. Each waiter lends its header on insert and leaves with some header on remove.
 * INVARIANTS
 *         Q1  a thread is in queue->all iff it is in queue->node[its node] iff thread->queue == queue.
 *         Q2  all and node[] are ordered by seniority.
 *         Q3  spares holds count - 1 headers: every waiter but one, whose header is the queue.
 *         Q4  attention[slot] >= number of armed queues whose key has that slot.
 *         Q5  Of a header that is nobody's queue all is zero but key, chain and turn_at: who lends it next finds it so.
 * ORDER   B1 bucket_unlock: swap_rel  ->  B2 bucket_lock: cas_acq, swap_acq      (MP) publishes queues and attention
 *         The attention byte is raised and lowered under the bucket lock and read without it; the fences that make
 *         that sound belong to those who raise it (lib/sync/lockword.c).
 * FAIRNESS the bucket lock barges; it is held for tens of nanoseconds and never across a system call but its own futex.
 * LIFETIME buckets, attention and headers are never unmapped; a key is only an address here.
 * REFS    turnstiles: Solaris Internals; parking lot: WebKit WTF, parking_lot (Rust).
 */
#include "lot.h"
#include "../sys/clock.h"
#include "../sys/fatal.h"
#include "../sys/futex.h"
#include "../sys/tune.h"

enum { BUCKET_BITS = 10, BUCKETS = 1 << BUCKET_BITS, SLOTS = 1 << FSY_ATTENTION_BITS_, STUCK = 255, LOOKS = 16, CPU_WINDOW = 16 };

FSY_STATIC_ASSERT(offsetof(struct fsyi_waitq, node[1]) <= FSY_CACHELINE, "a queue on one node is one cache line");

static struct fsyi_bucket buckets[BUCKETS];
static uint8_t attention_table[SLOTS];

struct fsyi_lot fsyi_lot = { buckets, FSY_ATTENTION_BITS_ - BUCKET_BITS };
const uint8_t *fsy_attention_;
const size_t fsyi_waitq_size = sizeof(struct fsyi_waitq);

struct fsyi_bucket *
fsyi_lot_bucket(struct fsyi_lot *lot, const void *key)
{
	return &lot->buckets[fsy_attention_slot_(key) >> lot->shift];
}

void
fsyi_bucket_lock(struct fsyi_bucket *bucket)
{
	uint32_t seen = 0;

	if (FSY_LIKELY(fsy_atomic_u32_cas_acq(&bucket->lock, &seen, 1)))                        /* B2 <- B1 */
		return;
	for (int look = 0; look < LOOKS; look++) {
		fsyi_relax();
		seen = 0;
		if (fsy_atomic_u32_load_rlx(&bucket->lock) == 0 &&
		    fsy_atomic_u32_cas_acq(&bucket->lock, &seen, 1))                            /* B2 <- B1 */
			return;
	}
	while (fsy_atomic_u32_swap_acq(&bucket->lock, 2) != 0)                                  /* B2 <- B1 */
		fsyi_futex_wait(&bucket->lock, 2, FSY_FOREVER);
}

void
fsyi_bucket_unlock(struct fsyi_bucket *bucket)
{
	if (FSY_UNLIKELY(fsy_atomic_u32_swap_rel(&bucket->lock, 0) == 2))                       /* B1 -> B2 */
		fsyi_futex_wake(&bucket->lock, 1);
}

struct fsyi_waitq *
fsyi_queue_find(struct fsyi_bucket *bucket, const void *key)
{
	struct fsyi_waitq *queue = bucket->queues;

	while (queue != NULL && queue->key != key)
		queue = queue->chain;
	return queue;
}

/* The two lists are the same list with different links. before == NULL: at the tail, which is the head's prev. */
#define FIFO_INSERT(fifo, thread, before, next, prev)                                           \
	do {                                                                                    \
		struct fsyi_thread *after_ = (before) ? (before) : (fifo)->head;                \
		(thread)->next = (before);                                                      \
		(thread)->prev = after_ ? after_->prev : (thread);                              \
		*((before) == (fifo)->head ? &(fifo)->head : &(thread)->prev->next) = (thread); \
		*((before) ? &(before)->prev : &(fifo)->head->prev) = (thread);                 \
	} while (0)

#define FIFO_REMOVE(fifo, thread, next, prev)                                                   \
	do {                                                                                    \
		struct fsyi_thread *after_ = (thread)->next;                                    \
		*((thread) == (fifo)->head ? &(fifo)->head : &(thread)->prev->next) = after_;   \
		if ((fifo)->head != NULL)                                                       \
			*(after_ ? &after_->prev : &(fifo)->head->prev) = (thread)->prev;       \
	} while (0)

static struct fsyi_fifo *
node_fifo(struct fsyi_waitq *queue, int node)
{
	return &queue->node[(unsigned)node % FSYI_NODE_QUEUES];
}

/* The hint is the earliest turn of the bucket: one that is too early costs a look, one that is too late costs turns. */
static void
hint_turns(struct fsyi_bucket *bucket)
{
	int64_t earliest = INT64_MAX;

	for (struct fsyi_waitq *queue = bucket->queues; queue != NULL; queue = queue->chain)
		if (queue->turn_at < earliest)
			earliest = queue->turn_at;
	fsy_atomic_i64_store_rlx(&bucket->turn_hint, earliest);
}

/* One that comes back goes where it was: past a few at most, since it was picked from among the eldest of a batch. */
static void
insert_by_seniority(struct fsyi_fifo *all, struct fsyi_fifo *node, struct fsyi_thread *self)
{
	struct fsyi_thread *before = all->head;

	while (before != NULL && before->seniority < self->seniority)
		before = before->next;
	FIFO_INSERT(all, self, before, next, prev);
	before = node->head;
	while (before != NULL && before->seniority < self->seniority)
		before = before->node_next;
	FIFO_INSERT(node, self, before, node_next, node_prev);
}

static void
insert_at_tail(struct fsyi_fifo *all, struct fsyi_fifo *node, struct fsyi_thread *self)
{
	struct fsyi_thread *end = NULL;

	FIFO_INSERT(all, self, end, next, prev);
	FIFO_INSERT(node, self, end, node_next, node_prev);
}

void
fsyi_queue_insert(struct fsyi_bucket *bucket, struct fsyi_thread *self, bool again)
{
	const void *key = fsy_atomic_ptr_load_rlx(&self->key);
	struct fsyi_waitq *queue = fsyi_queue_find(bucket, key);
	struct fsyi_waitq *header = self->spare;

	FSYI_ASSERT(header != NULL && self->queue == NULL);
	self->spare = NULL;
	if (queue == NULL) {
		queue = header;
		queue->key = key;
		queue->chain = bucket->queues;
		bucket->queues = queue;
	} else {
		header->chain = queue->spares;
		queue->spares = header;
	}
	if (!again)
		self->seniority = ++bucket->tickets;    /* 0 is elder than all: for those who have waited without a ticket */
	(again ? insert_by_seniority : insert_at_tail)(&queue->all, node_fifo(queue, self->node), self);
	self->queue = queue;
	if (queue->count++ == 0)
		fsyi_queue_turn(bucket, queue, self->since);
	if (!again || self->turn_at >= queue->turn_at)
		return;
	queue->turn_at = self->turn_at;         /* it only left for a moment: its turn goes on, though all others have left meanwhile */
	hint_turns(bucket);
}

void
fsyi_queue_remove(struct fsyi_bucket *bucket, struct fsyi_thread *thread)
{
	struct fsyi_waitq *queue = thread->queue, **link = &bucket->queues;

	FSYI_ASSERT(queue != NULL && queue->key == fsy_atomic_ptr_load_rlx(&thread->key));
	FIFO_REMOVE(&queue->all, thread, next, prev);
	FIFO_REMOVE(node_fifo(queue, thread->node), thread, node_next, node_prev);
	thread->queue = NULL;
	thread->turn_at = queue->turn_at;
	if (--queue->count > 0) {
		thread->spare = queue->spares;
		queue->spares = queue->spares->chain;
		return;
	}
	fsyi_queue_disarm(queue);
	while (*link != queue)
		link = &(*link)->chain;
	*link = queue->chain;
	thread->spare = queue;
	hint_turns(bucket);
}

/*
 * A waiter may be passed only by waiters less than a batch of tickets younger than the eldest. Each ticket is served once, so
 * a waiter with k before it is served after at most k + batch - 1 others, however uneven nodes and CPUs are.
 */
struct fsyi_thread *
fsyi_queue_pick(struct fsyi_waitq *queue, struct fsyi_preference preference)
{
	struct fsyi_thread *eldest = queue->all.head, *choice, *look;
	uint64_t limit = eldest->seniority + (uint64_t)fsyi_tune.node_batch;

	choice = preference.node < 0 ? NULL : node_fifo(queue, preference.node)->head;
	if (choice == NULL || choice->seniority >= limit)
		choice = node_fifo(queue, eldest->node)->head;
	look = choice;
	for (int i = 0; i < CPU_WINDOW && look != NULL && look->seniority < limit; i++) {
		if ((look->cpu == preference.cpu) != preference.elsewhere)
			return look;
		look = look->node_next;
	}
	return preference.strict ? NULL : choice;
}

void
fsyi_queue_turn(struct fsyi_bucket *bucket, struct fsyi_waitq *queue, int64_t now)
{
	int64_t length = fsyi_tune.cycle_ns / queue->count;

	if (length < fsyi_tune.turn_min_ns)
		length = fsyi_tune.turn_min_ns;
	if (length > fsyi_tune.turn_max_ns)
		length = fsyi_tune.turn_max_ns;
	queue->turn_at = now + length;
	hint_turns(bucket);
}

/* Counts the queue in (or out of) its slot. A byte that reached STUCK stays: correct, and slow for that slot. */
static void
count_armed(struct fsyi_waitq *queue, bool armed)
{
	uint8_t *attention = &attention_table[fsy_attention_slot_(queue->key)];
	uint8_t count = FSY_RAW_LOAD_(attention, __ATOMIC_RELAXED);

	if (queue->armed == armed)
		return;
	queue->armed = armed;
	if (count != STUCK)
		FSY_RAW_STORE_(attention, (uint8_t)(armed ? count + 1 : count - 1), __ATOMIC_RELAXED);
}

void
fsyi_queue_arm(struct fsyi_waitq *queue)
{
	count_armed(queue, true);
}

void
fsyi_queue_disarm(struct fsyi_waitq *queue)
{
	count_armed(queue, false);
	queue->known = false;
}

void
fsyi_lot_publish_attention(void)
{
	FSY_RAW_STORE_(&fsy_attention_, attention_table, __ATOMIC_RELAXED);      /* static: nothing to publish with it */
}

void
fsyi_lot_fork_child(void)
{
	for (uint32_t i = 0; i < BUCKETS; i++) {
		fsy_atomic_u32_store_rlx(&buckets[i].lock, 0);
		buckets[i].queues = NULL;
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		FSY_RAW_STORE_(&attention_table[i], (uint8_t)0, __ATOMIC_RELAXED);
}

bool
fsyi_lot_is_idle(struct fsyi_lot *lot)
{
	for (uint32_t i = 0; i < (uint32_t)SLOTS >> lot->shift; i++)
		if (lot->buckets[i].queues != NULL || fsy_atomic_u32_load_rlx(&lot->buckets[i].lock) != 0)
			return false;
	for (uint32_t i = 0; i < SLOTS; i++)
		if (FSY_RAW_LOAD_(&attention_table[i], __ATOMIC_RELAXED) != 0)
			return false;
	return true;
}
