/* SPDX-License-Identifier: MIT */
/*
 * rwlock_join.c - pthread_rwlock_t: readers that wait, and those that need not wait for a writer that waits.
 *
 * WORD, STATES, INVARIANTS, ORDER, FAIRNESS, LIFETIME: those of rwlock.c.
 */
#include "rwlock.h"
#include "../sys/clock.h"
#include "../sys/futex.h"
#include "../sys/tune.h"

#include <string.h>

enum { HOLDS_BITS = 4, HOLDS = 1 << HOLDS_BITS, MOST_DOUBLINGS = 6 };
enum { PATIENCE_NS = 100000000, PREFERRED_NAP_NS = 10000000, PASSING_NAP_NS = 50000 };

/* FASTSYNC_RWLOCK. */
static enum { FAIR, PREFER_READER, NONRECURSIVE } policy;

/* The calling thread's counted holds. Those that find their place taken are only a number. */
static __thread struct {
	const void *lock[HOLDS];
	uint32_t times[HOLDS];
	uint32_t others;
} holds __attribute__((tls_model("initial-exec")));

static uint32_t
place_of(const struct fsyi_rwlock *l)
{
	return ((uint32_t)((uintptr_t)l >> 3) * 0x9E3779B1u) >> (32 - HOLDS_BITS);
}

void
fsyi_rwlock_note(const struct fsyi_rwlock *l)
{
	uint32_t i = place_of(l);

	if (holds.lock[i] == NULL)
		holds.lock[i] = l;
	if (holds.lock[i] == l)
		holds.times[i]++;
	else
		holds.others++;
}

void
fsyi_rwlock_forget(const struct fsyi_rwlock *l)
{
	uint32_t i = place_of(l);

	if (holds.lock[i] != l)
		holds.others -= holds.others > 0;       /* another thread's hold, if there is none */
	else if (--holds.times[i] == 0)
		holds.lock[i] = NULL;
}

bool
fsyi_rwlock_is_recursive(const struct fsyi_rwlock *l)
{
	return l->kind != PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP && policy != NONRECURSIVE;
}

static bool
may_join(const struct fsyi_rwlock *l)
{
	return fsyi_rwlock_is_recursive(l) && (policy == PREFER_READER || fsyi_rwlock_names(l) || holds.lock[place_of(l)] == l || holds.others > 0);
}

static bool
join(struct fsyi_rwlock *l)
{
	if (fsy_atomic_u32_load_rlx(&l->writer) != 0)
		return false;
	(void)fsy_atomic_u32_add(&l->lock.readers_, READERS_ONE);
	if (fsy_atomic_u32_load(&l->writer) == 0)                                               /* G2 <- G1 */
		return true;
	if (!fsyi_readers_count_out(&l->lock.readers_))
		fsyi_reader_claim(&l->lock.readers_);   /* as in rwmutex_read.c */
	return false;
}

/* The deadline, unless that is later than some time from now. */
static fsy_deadline_t
earlier(fsy_deadline_t deadline, int64_t ns)
{
	int64_t left = deadline - FSYI_REALTIME;
	fsy_deadline_t until = fsyi_now() + ns;

	if (deadline != FSY_FOREVER && deadline >= FSYI_REALTIME)
		return left - fsyi_now_realtime() < ns ? deadline : until;
	return until < deadline ? until : deadline;
}

/* Nobody is in, and it is somebody's turn to say that readers may join: soon. */
static void
let_pass(int tries)
{
	fsy_atomic_u32 never = { 0 };

	if (tries % 64 != 63)
		fsyi_relax();
	else
		fsyi_futex_wait(&never, 0, fsyi_now() + PASSING_NAP_NS);
}

/* A writer that neither has it nor waits is about to do one or the other: it is asked again, for libc knows no moment at which it would refuse. */
bool
fsyi_rwlock_join(struct fsyi_rwlock *l)
{
	if (!may_join(l))
		return false;
	for (int tries = 0; !join(l) && !fsy_rwmutex_tryrlock_slow_(&l->lock, NULL); tries++) {
		if (fsyi_rwlock_is_written(fsy_atomic_u32_load_rlx(&l->writer)))
			return false;
		let_pass(tries);
	}
	return true;
}

int
fsyi_rwlock_wait(struct fsyi_rwlock *l, fsy_deadline_t deadline)
{
	uint32_t late = fsy_atomic_u32_load_rlx(&l->late);
	int64_t patience = policy == PREFER_READER ? PREFERRED_NAP_NS : (int64_t)PATIENCE_NS << (late < MOST_DOUBLINGS ? late : MOST_DOUBLINGS);
	bool joins = may_join(l);

	for (int tries = 0;; tries++) {
		if (joins && (join(l) || fsy_rwmutex_tryrlock_slow_(&l->lock, NULL)))
			return 0;
		if (joins && !fsyi_rwlock_is_written(fsy_atomic_u32_load_rlx(&l->writer)))
			let_pass(tries);
		else if (fsy_rwmutex_rlock_until_slow_(&l->lock, NULL, earlier(deadline, patience)) == 0)
			return 0;
		else if (!joins && fsyi_rwlock_is_recursive(l) && fsy_atomic_u32_load_rlx(&l->writer) == 0) {
			fsy_atomic_u32_add_rlx(&l->late, 1);
			joins = true;
		}
		if (deadline != FSY_FOREVER && fsyi_over(deadline, fsyi_now()))
			return ETIMEDOUT;
	}
}

__attribute__((constructor)) static void
read_policy(void)
{
	const char *text = fsyi_tune_variable("FASTSYNC_RWLOCK");

	if (text == NULL || strcmp(text, "fair") == 0)
		policy = FAIR;
	else if (strcmp(text, "prefer-reader") == 0)
		policy = PREFER_READER;
	else if (strcmp(text, "nonrecursive") == 0)
		policy = NONRECURSIVE;
	else
		fsyi_tune_complain("FASTSYNC_RWLOCK", text, "expected fair, prefer-reader or nonrecursive; using fair");
}
