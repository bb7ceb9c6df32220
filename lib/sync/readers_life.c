/* SPDX-License-Identifier: MIT */
/*
 * readers_life.c - a thread's line: it is made, taken over by the next thread, and survives a fork.
 *
 * WORD, STATES, INVARIANTS D1..D5, ORDER, LIFETIME: those of readers.c.
 */
#include "readers_line.h"
#include "../sys/fork.h"
#include "../sys/mem.h"
#include "../sys/membarrier.h"
#include "../sys/tune.h"

/* A thread without a line finds all its slots taken. */
static struct fsy_reader_ nobody = { .slot = { { TAKEN }, { TAKEN }, { TAKEN }, { TAKEN }, { TAKEN }, { TAKEN }, { TAKEN }, { TAKEN } } };
__thread struct fsy_reader_ *fsy_reader_ __attribute__((tls_model("initial-exec"))) = &nobody;

fsy_atomic_ptr fsyi_reader_chunks[FSYI_NODE_QUEUES];
fsy_atomic_u32 fsyi_reader_nodes, fsyi_reader_lines;
#ifdef FSYI_NO_READERS                           /* make READERS=off */
static bool off = true;
#else
static bool off;                                 /* FASTSYNC_READERS=off; written by the constructor only */
#endif
struct fsyi_latch fsyi_reader_latch;

void
fsyi_readers_init(void)
{
	off = off || !fsyi_switch_on("FASTSYNC_READERS");
}

bool
fsyi_readers_enabled(void)
{
	return !off && (!FSY_ASYMMETRIC_ || (fsy_attention_ != NULL && !fsyi_membarrier_lost()));
}

/* Under the latch. */
static struct fsy_reader_ *
make_line(int home)
{
	int node = home % FSYI_NODE_QUEUES;
	struct fsyi_reader_chunk *head = (struct fsyi_reader_chunk *)fsy_atomic_ptr_load_rlx(&fsyi_reader_chunks[node]), *chunk = head;
	uint32_t at = head == NULL ? CHUNK_LINES : fsy_atomic_u32_load_rlx(&head->used);

	if (at == CHUNK_LINES) {
		chunk = (struct fsyi_reader_chunk *)fsyi_mem_alloc(sizeof(*chunk), home);
		if (chunk == NULL)
			return NULL;
		chunk->next = head;
		fsy_atomic_ptr_swap(&fsyi_reader_chunks[node], chunk);                          /* Y1 -> Y2 */
		at = 0;
	}
	/* Each time: a fork may have left a thread behind between the two. */
	fsy_atomic_u32_or(&fsyi_reader_nodes, 1u << node);                                      /* Y1 -> Y2 */
	fsy_atomic_u32_store_rlx(&chunk->used, at + 1);
	return &chunk->line[at];
}

/* Whether writers look at the thread's line. One of a thread that has ended is left for the record's next owner. */
static void
set_live(const struct fsyi_thread *thread, bool live)
{
	int node = thread->home % FSYI_NODE_QUEUES;
	struct fsyi_reader_chunk *chunk = (struct fsyi_reader_chunk *)fsy_atomic_ptr_load_acq(&fsyi_reader_chunks[node]);       /* Y2 <- Y1 */
	uint32_t line, old;

	while ((uintptr_t)thread->reader - (uintptr_t)chunk->line >= sizeof(chunk->line))
		chunk = chunk->next;
	line = 1u << (thread->reader - chunk->line);
	if (live)
		old = ~fsy_atomic_u32_or(&chunk->live, line);                                   /* Y1 -> Y2 */
	else
		old = fsy_atomic_u32_and_rel(&chunk->live, ~line);                              /* Y3 -> Y2 */
	if (old & line)                 /* else a thread that a fork left behind had it */
		fsy_atomic_u32_add_rlx(&fsyi_reader_lines, live ? 1 : UINT32_MAX);
}

bool
fsyi_reader_any(void)
{
	return fsy_atomic_u32_load_rlx(&fsyi_reader_nodes) != 0;
}

bool
fsyi_reader_have_line(void)
{
	struct fsyi_thread *self;

	if (FSY_LIKELY(fsy_reader_ != &nobody))
		return true;
	self = fsyi_thread_self();
	if (self == NULL)
		return false;
	if (self->reader == NULL) {
		fsyi_latch_lock(&fsyi_reader_latch);
		self->reader = make_line(self->home);
		fsyi_latch_unlock(&fsyi_reader_latch);
	}
	if (self->reader == NULL)
		return false;
	set_live(self, true);
	fsy_reader_ = self->reader;
	return true;
}

/* The thread ends: holds that it leaves behind are counted from here on, and any thread may give them back. */
void
fsyi_reader_exit(struct fsyi_thread *thread)
{
	struct fsy_reader_ *line = thread->reader;
	fsy_atomic_u32 *count;

	fsy_reader_ = &nobody;
	if (line == NULL)
		return;
	fsyi_latch_lock(&fsyi_reader_latch);
	for (int i = 0; i < FSY_READER_SLOTS_; i++) {
		count = (fsy_atomic_u32 *)fsy_atomic_ptr_load_rlx(&line->slot[i]);
		if (count == NULL)
			continue;
		if (count != TAKEN)
			fsy_atomic_u32_add(count, READERS_ONE);
		FSY_SLOT_CLEAR_(&line->slot[i]);                                                /* S1 -> S2 */
		if (count != TAKEN && fsy_atomic_u32_load(&line->alert) >= ALERT_SLEEPER)
			fsyi_readers_wake_writer(count);
	}
	fsy_atomic_u32_and(&line->alert, ~(uint32_t)(ALERT_ASKED | (ALERT_CLAIMER - 1)));       /* Q2 -> Q3 */
	set_live(thread, false);
	fsyi_latch_unlock(&fsyi_reader_latch);
}

static void
part_with_line(struct fsyi_thread *thread, void *arg)
{
	(void)arg;
	if (thread->reader != fsy_reader_)
		thread->reader = NULL;
}

/* Nobody is left but the calling thread. */
static void
forget_lines(void)
{
	struct fsyi_reader_chunk *chunk;

	for (int node = 0; node < FSYI_NODE_QUEUES; node++)
		for (chunk = (struct fsyi_reader_chunk *)fsy_atomic_ptr_load_rlx(&fsyi_reader_chunks[node]); chunk != NULL; chunk = chunk->next) {
			uintptr_t mine = ((uintptr_t)fsy_reader_ - (uintptr_t)chunk->line) / sizeof(chunk->line[0]);

			fsy_atomic_u32_store_rlx(&chunk->live, mine < CHUNK_LINES ? 1u << mine : 0);
		}
	fsy_atomic_u32_store_rlx(&fsyi_reader_lines, fsy_reader_ != &nobody);
}

/* Unless it is alone one of the lines is used by the forking thread, nobody knows which: they stay as they are, but for claims that came to
 * nothing, and no new thread gets one of them. */
void
fsyi_reader_fork_child(bool alone)
{
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;

	walk.dead = true;
	if (!alone)
		fsyi_thread_each(part_with_line, NULL);
	while ((line = walk_next(&walk)) != NULL) {
		uint32_t claims = 0;

		for (int i = 0; i < FSY_READER_SLOTS_; i++) {
			if (alone && (line != fsy_reader_ || fsy_atomic_ptr_load_rlx(&line->slot[i]) == TAKEN))
				fsy_atomic_ptr_store_rlx(&line->slot[i], NULL);
			if (fsy_atomic_ptr_load_rlx(&line->slot[i]) == TAKEN)
				claims |= 1u << i;
		}
		fsy_atomic_u32_store_rlx(&line->alert, claims);
	}
	if (alone)
		forget_lines();
}
