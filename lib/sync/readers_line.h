/* SPDX-License-Identifier: MIT */
/* readers_line.h - between the parts of the readers' lines: readers_life.c (a thread has one), readers.c (holds that leave it),
 * readers_claim.c (holds given back by others), readers_ask.c and readers_drain.c (writers). */
#ifndef FSYI_READERS_LINE_H
#define FSYI_READERS_LINE_H

#include "readers.h"
#include "../sys/latch.h"

/* What a slot holds whose hold another thread gave back. */
#define TAKEN ((void *)1)

/* alert, above the claimed slots: a claimer is at work; a writer asks; one writer sleeps. */
enum { ALERT_CLAIMER = 1 << FSY_READER_SLOTS_, ALERT_ASKED = 2 << FSY_READER_SLOTS_, ALERT_SLEEPER = 4 << FSY_READER_SLOTS_ };

/* Whether the calling thread has a line: makes it at first. */
bool fsyi_reader_have_line(void);

/* One claimer, exiting thread or new line at a time. */
extern struct fsyi_latch fsyi_reader_latch;

/* The lock's slot, in every line. */
static inline uint32_t
slot_index(const fsy_atomic_u32 *count)
{
	return (uint32_t)(fsy_reader_slot_(count) - fsy_reader_->slot);
}

/* Where writers sleep: the lot's key for the readers of this lock. */
static inline const void *
drain_key(const fsy_atomic_u32 *count)
{
	return (const char *)count + 1;
}

enum { CHUNK_LINES = 31 };

struct fsyi_reader_chunk {
	struct fsyi_reader_chunk *next;          /* immutable once published */
	fsy_atomic_u32 used;                     /* so many lines have been made, */
	fsy_atomic_u32 live;                     /* and these are those of threads that have not ended */
	struct fsy_reader_ line[CHUNK_LINES] __attribute__((aligned(FSY_CACHELINE)));
};

extern fsy_atomic_ptr fsyi_reader_chunks[FSYI_NODE_QUEUES];      /* by node */
extern fsy_atomic_u32 fsyi_reader_nodes;                         /* which of them are not empty */

struct reader_walk {
	uint32_t nodes, lines;
	struct fsyi_reader_chunk *chunk;
	bool dead;                               /* also the lines of threads that have ended */
};

/* On to the next chunk, node by node. */
static inline bool
walk_on(struct reader_walk *walk)
{
	int node;

	walk->chunk = walk->chunk == NULL ? NULL : walk->chunk->next;
	if (walk->chunk == NULL) {
		if (walk->nodes == 0)
			return false;
		node = __builtin_ctz(walk->nodes);
		walk->nodes &= walk->nodes - 1;
		walk->chunk = (struct fsyi_reader_chunk *)fsy_atomic_ptr_load(&fsyi_reader_chunks[node]);        /* Y2 <- Y1 */
	}
	walk->lines = fsy_atomic_u32_load(&walk->chunk->live);                                  /* Y2 <- Y1,Y3 */
	if (walk->dead)
		walk->lines = (1u << fsy_atomic_u32_load_rlx(&walk->chunk->used)) - 1;
	return true;
}

static inline struct fsy_reader_ *
walk_next(struct reader_walk *walk)
{
	uint32_t at;

	while (FSY_UNLIKELY(walk->lines == 0))  /* a chunk whose threads have ended, or that is seen before its first line is */
		if (!walk_on(walk))
			return NULL;
	at = (uint32_t)__builtin_ctz(walk->lines);
	walk->lines &= walk->lines - 1;
	return &walk->chunk->line[at];
}

static inline struct reader_walk
walk_lines(void)
{
	return (struct reader_walk){ .nodes = fsy_atomic_u32_load(&fsyi_reader_nodes) };        /* Y2 <- Y1 */
}

/* Whether a slot names count, without waiting. Sequentially consistent: the load is one side of a store-buffering pair. */
static inline bool
readers_in_slots(const fsy_atomic_u32 *count)
{
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;
	uint32_t index = slot_index(count);

	while ((line = walk_next(&walk)) != NULL)
		if (fsy_atomic_ptr_load(&line->slot[index]) == count)                           /* S2 <- S1 */
			return true;
	return false;
}

#endif
