/* SPDX-License-Identifier: MIT */
/*
 * readers.c - the readers' lines: a registry by node, and what writers and givers of foreign holds do with them.
 *
 * WORD    slot: NULL free; the address of a central count = a hold of that lock, or an attempt at one; TAKEN = a hold that another thread
 *             has given back.
 *         alert: bits 0..7 slot i was claimed; bit 8 a claimer is at it; bit 9 a writer asks (readers_ask.c); bits 10.. how many writers sleep
 *             until a slot of this line is cleared.
 *         count: bits 1..31 counted holds; bit 0 a writer sleeps until there are none, here or in slots.
 * STATES  slot: free -> named (owner) -> free (owner)
 *                                     -> TAKEN (claimer, claim bit set) -> free (owner, all its claim bits cleared under the latch)
 *         line: made on its thread's node -> with its record for ever, live while that has an owner that reads; the next finds all slots free
 * INVARIANTS
 *         D1  holds + attempts of a lock = its count + the slots that name it. Which record is whose does not matter: a hold that is given
 *             back consumes any one.
 *         D2  A slot is named and freed by its owner alone. TAKEN is stored by a claimer alone, under the latch.
 *         D3  Claim bit i is set and the latch is free => slot i is TAKEN, or its owner is between clearing it and looking at alert.
 *             So an owner that clears slot i and then finds bit i set gave back a hold that was consumed before.
 *         D4  While no claimer or writer has announced itself, alert is 0, once its owner has looked at it.
 *         D5  A line in which a slot is set is live: writers and claimers look at no others, however many threads there have been.
 * ORDER   S1 FSY_SLOT_CLEAR_: store_rel NULL     ->  S2 named: load_acq     (MP) the reader's section, to the writer
 *         S3 count out: cas_rel                  ->  S5 drain_count: load_acq        the same
 *         Y1 line published: swap of chunk, or of live -> Y2 each line: load  (MP) a zeroed line; set_live: load_acq, its way to its own
 *             chunk. Sequentially consistent, since a writer must not miss a line whose owner has read the word before the writer took it
 *         Y3 line left: and_rel of live          ->  Y2               (MP) what its thread has read, and the holds that are counted now
 *         Asymmetric store-buffering pairs:
 *             reader   slot = count; light; read word          writer    word = LOCKED; heavy; read slots
 *             owner    slot = NULL;  light; read alert         writer    alert += DRAIN; heavy; read slot
 *             owner    slot = NULL;  light; read alert         claimer   alert |= CLAIMER; heavy; cas slot
 *         A line that a writer misses was published after the writer's fence, so that its owner reads LOCKED.
 * FAIRNESS none here: who may enter is the lock's business.
 * LIFETIME lines live in pages that are never unmapped. After S1 (S3) the lock may be gone: from there on its address is used as a
 *         key alone. The claimer's CAS is its last access too; the exiting thread's is the addition that makes its hold a counted one.
 * WRONG WAYS  the owner clears without looking at alert again: it and a claimer consume one hold twice, and another stays for ever.
 *         The claimer stores NULL instead of TAKEN: an owner that took the slot anew could not tell its new hold from the old.
 * REFS    readers that announce themselves in lines of their own: brlock, percpu-rwsem, folly SharedMutex; asymmetric fence: liburcu. docs/adr/0010.
 */
#include "readers_line.h"
#include "../diag/hook.h"
#include "../park/wait.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"
#include "../sys/mem.h"
#include "../sys/membarrier.h"
#include "../sys/tune.h"

enum { SETTLE_NS = 1000000 };

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

static bool
have_line(void)
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

/* By the owner: what claimers have done to its line so far; the old alert. Every taken slot is free again, or each later runlock of this
 * thread would be alarmed. */
static uint32_t
settle_claims(void)
{
	uint32_t alert;

	fsyi_latch_lock(&fsyi_reader_latch);            /* a claimer is done, one way or the other */
	for (int i = 0; i < FSY_READER_SLOTS_; i++)
		if (fsy_atomic_ptr_load_rlx(&fsy_reader_->slot[i]) == TAKEN)
			fsy_atomic_ptr_store_rlx(&fsy_reader_->slot[i], NULL);
	alert = fsy_atomic_u32_and_rlx(&fsy_reader_->alert, ~(uint32_t)(ALERT_CLAIMER - 1));
	fsyi_latch_unlock(&fsyi_reader_latch);
	return alert;
}

fsy_atomic_ptr *
fsyi_reader_slot(const fsy_atomic_u32 *count)
{
	fsy_atomic_ptr *slot;

	if (!have_line())
		return NULL;
	slot = fsy_reader_slot_(count);
	if (FSY_UNLIKELY(fsy_atomic_ptr_load_rlx(slot) == TAKEN))       /* by another thread, rightly: this one is not giving it back */
		settle_claims();
	return fsy_atomic_ptr_load_rlx(slot) == NULL ? slot : NULL;
}

bool
fsyi_reader_alarm(const fsy_atomic_u32 *count)
{
	uint32_t claim = 1u << slot_index(count), alert = fsy_atomic_u32_load_rlx(&fsy_reader_->alert);

	fsyi_reader_answer();
	if (alert & (ALERT_ASKED - 1))          /* else only writers want to hear of it, and no claimer has come near (D3) */
		alert = settle_claims();
	if (alert & claim)
		return false;
	if (alert >= ALERT_SLEEPER)
		fsyi_readers_wake_writer(count);
	return true;
}

void
fsyi_reader_retreat(fsy_atomic_u32 *count, fsy_atomic_ptr *slot)
{
	FSY_SLOT_CLEAR_(slot);                                                                  /* S1 -> S2 */
	/* What was taken for a hold was an attempt: the hold that was meant is still there. */
	if (fsy_atomic_u32_load(&fsy_reader_->alert) != 0 && !fsyi_reader_alarm(count))
		fsyi_reader_claim(count);
}

void
fsyi_readers_wake_writer(const fsy_atomic_u32 *count)
{
	fsyi_word_wake_all(&fsyi_lot, drain_key(count), FSYI_KIND_WORD);
}

bool
fsyi_readers_count_out(fsy_atomic_u32 *count)
{
	uint32_t seen = fsy_atomic_u32_load_rlx(count);

	/* Not an addition that is taken back if it was one too many: the lock may be gone by then. */
	do
		if ((seen & READERS_COUNT) == 0)
			return false;
	while (!fsy_atomic_u32_cas_rel(count, &seen, seen - READERS_ONE));                     /* S3 -> S5 */
	if (seen == (READERS_ONE | READERS_DRAINING))
		fsyi_readers_wake_writer(count);
	return true;
}

void
fsyi_readers_heavy_fence(const void *object)
{
	if (!FSY_ASYMMETRIC_)
		return;
	fsyi_count_membarrier(object);
	/* Refused by a filter that came since: a store leaves its buffer within microseconds, and new readers are counted. */
	if (!fsyi_membarrier())
		fsyi_delay(SETTLE_NS);
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
	fsy_atomic_u32_and(&line->alert, ~(uint32_t)(ALERT_ASKED | (ALERT_CLAIMER - 1)));       /* J2 -> J3 */
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
