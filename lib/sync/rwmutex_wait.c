/* SPDX-License-Identifier: MIT */
/*
 * rwmutex_wait.c - how a reader waits for a writer while it is awake, and when it stops being so.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of rwmutex.c. Nothing here decides who holds the lock: attempts and the queue do.
 */
#include "rwmutex.h"
#include <fastsync/error.h>
#include "../diag/hook.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/futex.h"
#include "../sys/tune.h"

/*
 * What a waiting reader has learned. Where sections are shorter than the passage of a cache line, it pays to let one side have the lock for
 * a while (as in the mutex); where they are longer, readers join at once. That is tried: DENSE writers per 1,024 ns while this thread
 * waited its turn show that it was right; otherwise the next few waits join at once, ever more of them.
 */
enum { DENSE = 2, MOST_JOINS = 64 };

/* A look close by is RELAXES pauses after the one before. */
enum { LOOKS = 16, RELAXES = 4, LOOK_NS = 100 };

enum { YIELD_SPINS = 10, NAP_NS = 100000, NAPS = 4, LONGEST_NAP = 6 };

static __thread struct {
	const void *lock;
	int joins, next_joins;
} learned __attribute__((tls_model("initial-exec")));

/* Each nap is twice as long as the one before, until naps are over in time: the more threads want to run, the fewer may. */
static __thread int nap_level __attribute__((tls_model("initial-exec")));

/* How many naps come before this thread yields again. */
static __thread int dear __attribute__((tls_model("initial-exec")));

static void
learn(const fsy_rwmutex_t *rw, int passed, int64_t waited)
{
	if ((int64_t)passed * 1024 >= waited * DENSE) {
		learned.next_joins = 1;
		return;
	}
	learned.lock = rw;
	learned.joins = learned.next_joins;
	if (learned.next_joins < MOST_JOINS)
		learned.next_joins *= 2;
}

/* Leaves the lock to the other side for a while; then joins it, or takes its turn among the writers that are awake. */
static bool
stay_away(fsy_rwmutex_t *rw, int64_t start, fsy_deadline_t deadline)
{
	struct fsyi_lockword lock = fsyi_rwmutex_word(rw);
	uint16_t before = rwmutex_writes(rw);
	int64_t now;

	if (learned.lock != rw) {
		learned.lock = rw;
		learned.joins = 0;
		learned.next_joins = 1;
	}
	if (learned.joins > 0) {
		learned.joins--;
		return false;
	}
	now = fsyi_delay(fsyi_tune.first_look_ns);
	learn(rw, (uint16_t)(rwmutex_writes(rw) - before), now - start);
	if (fsyi_rwmutex_attempt(rw))
		return true;
	if (!fsyi_lockword_lock_awake(&lock, deadline))
		return false;
	fsyi_rwmutex_enter_as_owner(rw);
	return true;
}

/* Close by, for about as long as a short section takes. */
static bool
watch(fsy_rwmutex_t *rw)
{
	for (int look = 0; look < LOOKS; look++) {
		__builtin_prefetch(fsy_reader_slot_(&rw->readers_), 1);
		for (int i = 0; i < RELAXES; i++)
			fsyi_relax();
		if (fsyi_rwmutex_attempt(rw))
			return true;
	}
	return false;
}

static bool
is_drained(const fsy_rwmutex_t *rw)
{
	return (fsy_atomic_u32_load_rlx(&rw->readers_) & READERS_DRAINING) != 0;
}

/*
 * The writer has gone to sleep over readers that do not run, and what they need is this CPU; or this thread has met that lately. Not by the
 * queue: whoever is queued is let in before the next writer, which would then wait for threads that do not run yet, and so on. By yields first, for
 * YIELD_SPINS times as long as a spin: whoever naps comes back by itself, mostly too late, and interrupts another in its section, for whom the
 * next writer waits. (280 ns, 99 % reads, 2 CPUs, million operations a second: 8 threads 5.2 without yields, 6.2 with 4 of them, or for 100 us to
 * 1 ms; 64 threads 4.8, with 4 of them 5.4, for 300 us 5.8.) Not after one that took longer: a thread that wakes gets the CPU from a busy program
 * sooner than one that has yielded to it.
 */
static int64_t
stand_aside(const fsy_rwmutex_t *rw, int64_t waited, int64_t now, int *naps, fsy_deadline_t deadline)
{
	fsy_atomic_u32 never = { 0 };
	fsy_deadline_t until = now + ((int64_t)NAP_NS << nap_level);
	int64_t after, enough = YIELD_SPINS * fsyi_tune.spin_ns;

	if (is_drained(rw))
		fsyi_reader_met_crowd();
	if (waited < enough && dear == 0) {
		fsyi_yield();
		after = fsyi_now();
		if (after - now > enough)
			dear = NAPS;
		return after;
	}
	++*naps;
	dear -= dear > 0;
	if (nap_level < LONGEST_NAP)
		nap_level++;
	fsyi_futex_wait(&never, 0, until < deadline ? until : deadline);
	return fsyi_now();
}

int
fsyi_rwmutex_wait(fsy_rwmutex_t *rw, fsy_deadline_t deadline)
{
	int64_t start = fsyi_now(), now = start, sleep_at = start + fsyi_reader_patience();
	unsigned int timed_naps = 0;
	int naps = 0;

	if (!fsyi_over(deadline, now) && now < sleep_at && !is_drained(rw) && (stay_away(rw, start, deadline) || watch(rw)))
		return 0;
	do {
		if (fsyi_over(deadline, now)) {
			nap_level -= nap_level > 0;
			return FSY_ETIMEDOUT;
		}
		if ((is_drained(rw) || (now >= sleep_at && fsyi_reader_in_crowd())) && naps < NAPS)
			now = stand_aside(rw, now - start, now, &naps, deadline);
		else if (now < sleep_at)
			now = fsyi_delay(LOOK_NS);
		else if (fsyi_rwmutex_park(rw, deadline, &timed_naps))
			break;
		else
			now = fsyi_now();
	} while (!fsyi_rwmutex_attempt(rw));
	nap_level -= nap_level > 0;
	fsyi_count_contended(rw, fsyi_now() - start);
	return 0;
}
