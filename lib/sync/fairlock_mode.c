/* SPDX-License-Identifier: MIT */
/*
 * fairlock_mode.c - whether a fair lock's readers stand in slots or in the count, how they leave, and how a writer waits for them.
 *
 * WORD, INVARIANTS F1, W1, W2, LIFETIME: those of fairlock.c, rwmutex.c and readers.c.
 * STATES  counting (0, WRITTEN) -> fencing (SLOTS) -> plain (SLOTS, PLAIN) -> fencing, by a writer -> counting, by a writer that finds the lock
 *             hardly read. What makes somebody think so are guesses: they lie outside the lock, which has no room, and may be shared.
 * ORDER   as rwmutex.c.
 * FAIRNESS none here.
 */
#include "fairlock.h"
#include "readers_line.h"
#include <fastsync/error.h>
#include "../sys/clock.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"

/* Reads in a row, by one thread and counted, after which slots are used: of a new lock; of one that was found too often written. */
enum { NEW_READS = 16, CALM_READS = 64, SAMPLES_PER_CLOCK = 8 };

/* So many lines cost a writer about what a fence costs it or a reader. against: how much speaks against slots, until it is too much. */
enum { CHEAP_LINES = 16, TOO_MUCH = 512, GUESS_BITS = 10 };

/* Above this a lock is wanted back by whoever gives it up. Each look moves the guess by an eighth. */
enum { PRESSED = 102, WEIGHT = 8 };

static struct guess {
	uint16_t writes;
	uint16_t against;
	uint8_t read;                   /* since the last write */
	uint8_t busy;                   /* how often who waits finds it taken at a second look: 0 never .. 255 always */
} __attribute__((aligned(FSY_CACHELINE))) guesses[1 << GUESS_BITS];

/* What this thread has seen of the lock that it read last: reads (or samples) in a row; and, of a fencing lock, since when it has not been
 * written. */
static __thread struct {
	const void *lock;
	uint32_t reads;
	uint16_t writes;
	int64_t since;
} seen_of __attribute__((tls_model("initial-exec")));

#define GET(field) FSY_RAW_LOAD_(&(field), __ATOMIC_RELAXED)
#define PUT(field, value) FSY_RAW_STORE_(&(field), (__typeof__(field))(value), __ATOMIC_RELAXED)

static struct guess *
guess_of(const fsy_fair_rwlock_t *l)
{
	return &guesses[fsy_attention_slot_(l) >> (FSY_ATTENTION_BITS_ - GUESS_BITS)];
}

void
fsyi_fair_note_look(const fsy_fair_rwlock_t *l, bool locked)
{
	struct guess *guess = guess_of(l);
	int busy = GET(guess->busy);

	PUT(guess->busy, locked ? busy + (255 - busy + WEIGHT - 1) / WEIGHT : busy - (busy + WEIGHT - 1) / WEIGHT);
}

bool
fsyi_fair_is_pressed(const fsy_fair_rwlock_t *l)
{
	return GET(guess_of(l)->busy) >= PRESSED;
}

static bool
is_new(const fsy_fair_rwlock_t *l)
{
	bool other = seen_of.lock != l;

	if (other) {
		seen_of.lock = l;
		seen_of.reads = 0;
		seen_of.since = 0;
	}
	return other;
}

void
fsyi_fair_note_wait(void)
{
	seen_of.lock = NULL;
}

/* Once writers have become rare they may pay for the readers' fences instead. */
static void
stop_fencing(fsy_fair_rwlock_t *l)
{
	uint16_t writes = GET(guess_of(l)->writes);
	bool known = !is_new(l) && seen_of.writes == writes && seen_of.since != 0;
	uint32_t seen = FAIR_SLOTS;
	int64_t now;

	if (known && ++seen_of.reads % SAMPLES_PER_CLOCK != 0)
		return;
	now = fsyi_now();
	if (!known) {
		seen_of.writes = writes;
		seen_of.since = now;
	} else if (FSY_ASYMMETRIC_ && fsyi_readers_enabled() && now - seen_of.since >= fsyi_tune.readers_calm_ns) {
		fsy_atomic_u32_cas_rlx(&l->word_, &seen, FAIR_READING);
	}
}

void
fsyi_fair_note_sample(fsy_fair_rwlock_t *l)
{
	if (!GET(guess_of(l)->read))
		PUT(guess_of(l)->read, 1);
	stop_fencing(l);
}

void
fsyi_fair_note_count(fsy_fair_rwlock_t *l, uint32_t seen)
{
	uint32_t enough = seen & FAIR_WRITTEN ? CALM_READS : NEW_READS;

	if (fair_wrote_last(l))
		seen_of.lock = NULL;
	if ((seen & ~FAIR_WRITTEN) != 0 || is_new(l) || ++seen_of.reads < enough)
		return;
	seen_of.reads = 0;
	if (fsyi_readers_enabled())
		fsy_atomic_u32_cas_rlx(&l->word_, &seen, FAIR_SLOTS);
}

/* No slot names the lock: whether to go on using them. The more lines there are to search, the sooner it is not worth it. */
static void
judge(fsy_fair_rwlock_t *l, uint32_t seen)
{
	struct guess *guess = guess_of(l);
	uint32_t against = GET(guess->against), before = against;

	PUT(guess->writes, GET(guess->writes) + 1);
	if (GET(guess->read)) {
		PUT(guess->read, 0);
		against /= 2;
	} else {
		against += 1 + fsy_atomic_u32_load_rlx(&fsyi_reader_lines) / CHEAP_LINES;
	}
	if (FSY_LIKELY(against < TOO_MUCH && !(seen & FAIR_FOREIGN) && fsyi_readers_enabled())) {
		if (against != before)
			PUT(guess->against, against);
		return;
	}
	PUT(guess->against, 0);
	fsy_atomic_u32_or_rlx(&l->word_, FAIR_WRITTEN);
	fsy_atomic_u32_and_rlx(&l->word_, ~FAIR_READING);
}

/* The writer's full fence against readers that fence or count, and the heavy one against those that do not. The mode. */
static uint32_t
fence(fsy_fair_rwlock_t *l)
{
	uint32_t seen;

#if FSY_ASYMMETRIC_ && defined(__x86_64__)
	FSY_LIGHT_BARRIER_();           /* whoever took the word, or handed it over, did it with a locked instruction */
	seen = fsy_atomic_u32_load_rlx(&l->word_);
#else
	seen = fsy_atomic_u32_or(&l->word_, 0);
#endif
	if (FSY_UNLIKELY(seen & FAIR_SLOTS))
		fsyi_fork_check();
	if (FSY_UNLIKELY(seen & FAIR_PLAIN)) {
		fsy_atomic_u32_and_rlx(&l->word_, ~FAIR_PLAIN);
		fsyi_readers_heavy_fence(l);
	}
	return seen;
}

int
fsyi_fair_drain(fsy_fair_rwlock_t *l, fsy_deadline_t deadline)
{
	uint32_t seen = fence(l);
	int error;

	if (FSY_UNLIKELY(seen & FAIR_SLOTS)) {
		error = readers_in_slots(&l->readers_) ? fsyi_readers_drain_slots(&l->readers_, deadline) : 0;
		if (error != 0)
			return error;
		judge(l, seen);
	}
	if (FSY_LIKELY((fsy_atomic_u32_load(&l->readers_) & ~READERS_DRAINING) == 0))          /* S5 <- S3 */
		return 0;
	return fsyi_readers_drain_count(&l->readers_, deadline);
}

uint32_t
fsyi_fair_holds(fsy_fair_rwlock_t *l)
{
	uint32_t seen = fence(l), index = slot_index(&l->readers_), holds = 0;
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;

	while ((seen & FAIR_SLOTS) && (line = walk_next(&walk)) != NULL)
		holds += fsy_atomic_ptr_load(&line->slot[index]) == &l->readers_;               /* S2 <- S1 */
	/* After the slots: a thread that ends counts its holds before it clears them. */
	return holds + (fsy_atomic_u32_load(&l->readers_) & READERS_COUNT) / READERS_ONE;       /* S5 <- S3 */
}

bool
fsyi_fair_is_read(const fsy_fair_rwlock_t *l)
{
	return (fsy_atomic_u32_load_rlx(&l->readers_) & READERS_COUNT) != 0 ||
	       ((fsy_atomic_u32_load_rlx(&l->word_) & FAIR_SLOTS) && readers_in_slots(&l->readers_));
}

FSY_NOINLINE void
fsy_fair_rwlock_runlock_slow_(fsy_fair_rwlock_t *l, bool left)
{
	bool alarm = false;

	if (!left) {
		left = fsy_reader_leave_(&l->readers_, &alarm);
		if (left && !alarm)
			return;
	}
	if (left && fsyi_reader_alarm(&l->readers_))
		return;
	if (fsyi_readers_count_out(&l->readers_))
		return;
	/* Neither this thread's nor counted: somebody else's slot. A lock that is used so counts its readers from now on. */
	fsyi_fork_check();
	fsy_atomic_u32_or_rlx(&l->word_, FAIR_FOREIGN);
	if (!fsyi_reader_claim(&l->readers_))
		fsyi_fatal("runlock of unlocked fair rwlock %p", (void *)l);
}
