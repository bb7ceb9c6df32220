/* SPDX-License-Identifier: MIT */
/*
 * once.c - one function, run once: who runs it, and what becomes of the once when the run ends, however it ends.
 *
 * WORD    bit 0 RUNNING, bit 1 DONE, bit 2 WAITED (somebody may be parked), bit 3 POISONED; with RUNNING also, in bits 8-31, the fork
 *         generation of the process that runs it, and in bits 32-63 the thread that does, by its kernel id (0: not yet written).
 * STATES  new (0) -> running -> done (2, for ever)         do: however fn ended; else: it returned 0
 *                            -> new                        try: it failed, and nobody waits to run
 *                            -> running, by the eldest     it failed, and somebody does
 *                            -> poisoned (8)               call, force: it failed, and nobody waits to force
 *         poisoned -> running | POISONED (force) -> as above.
 *         RUNNING of an older generation counts as what stands beside it: new, or poisoned. WAITED may accompany all but done.
 * INVARIANTS
 *         E1  one thread runs. It alone turns RUNNING off or passes it on; the exception is a thread of a forked child, which
 *             takes over a run of an older generation, and then the old runner, if the child has it at all, finds the word
 *             not its own, leaves it alone, and waits like anybody. Before it stores a value it signs anew: from then on nobody can.
 *         E2  the word names t as its owner iff t runs: the number comes and goes with RUNNING. A run that was passed on is nobody's
 *             until its heir has signed.
 *         E3  every run is settled: when fn returns, and by unwinding when it does not (this file is compiled with
 *             -fexceptions: cancellation, pthread_exit and C++ exceptions all pass through the cleanup).
 *         E4  WAITED is not clear while somebody is parked, except that DONE clears it; the wake is then the next that its runner does.
 * ORDER   O1 complete: cas_rel -> O2 fsy_once_done, proceed, pending: load_acq   (MP) publishes what fn has made.
 *         O3 settle, pass_on: cas_rel -> O4 take: cas_acq, O2                    a failed run before the next, and before EPOISONED.
 *         A run that is passed on is published by K1 -> K2 (park.c). A thread that looks for its own number wrote it itself.
 * FAIRNESS a failed run passes to the eldest who waits to run: a caller that retries in a loop waits its turn.
 * LIFETIME the last access of a runner is the compare-and-swap that ends its run (I1); the wakes that follow go by address, and a
 *         waiter that they reach by mistake, since the memory has become another once, looks again.
 * WRONG WAYS  waking all after a failure: a herd, of which one may run. The owner in a word of its own: between the two writes a
 *         thread finds RUNNING beside the number that it left there itself, and takes itself for the runner.
 * REFS    glibc pthread_once (generation, unwinding); Rust std::sync::Once (poison, force); Go sync.Once.
 */
#include "once.h"
#include "../sys/fatal.h"
#include "../sys/thread.h"

enum policy { POLICY_DO, POLICY_TRY, POLICY_CALL, POLICY_FORCE };

struct call {
	enum policy policy;
	union {
		void (*plain)(void *arg);
		int (*failing)(void *arg);
		int (*forced)(fsy_once_state_t before, void *arg);
	} fn;
	void (*store)(void *arg);       /* NULL, or what a good run does last */
	void *arg;
};

/* A run under way. */
struct run {
	fsy_once_t *once;
	uint64_t mine;                  /* the word, WAITED aside, for as long as this run is on */
	enum policy policy;
	bool succeeded;                 /* not before fn has returned */
	bool *lost;                     /* out: taken over (E1) */
};

/* False: in a child, by somebody who has taken the run over. */
static bool
complete(fsy_once_t *o, uint64_t mine)
{
	uint64_t seen = mine;

	while (!fsy_atomic_u64_cas_rel(&o->word_, &seen, ONCE_DONE))                            /* O1 -> O2 */
		if ((seen & ~ONCE_WAITED) != mine)
			return false;
	if (seen & ONCE_WAITED)
		fsyi_once_wake(o);
	return true;
}

/* The cleanup of the run: fn has returned, or its thread is leaving through here. */
static void
settle(struct run *run)
{
	bool poisons = run->policy == POLICY_CALL || run->policy == POLICY_FORCE;
	uint64_t seen = run->mine;

	*run->lost = false;
	fsyi_fork_check();                      /* fn may have forked */
	if (run->succeeded || run->policy == POLICY_DO)
		*run->lost = !complete(run->once, run->mine);
	else if (!fsy_atomic_u64_cas_rel(&run->once->word_, &seen, poisons ? ONCE_POISONED : 0)) /* O3 -> O2,O4 */
		fsyi_once_pass_on(run->once, run->mine, poisons);
}

static uint64_t
run_of(uint64_t seen, uint64_t self)
{
	return ONCE_RUNNING | (seen & ONCE_POISONED) | once_generation() | self << ONCE_OWNER_SHIFT;
}

/* In a child that fn has made, where anybody may take it over, the run is signed anew (E1). False: somebody has taken it. */
static bool
keep(struct run *run)
{
	uint64_t seen = run->mine, anew;

	fsyi_fork_check();
	if (once_is_running(seen))
		return true;
	anew = run_of(seen, fsyi_thread_id());
	while (!fsy_atomic_u64_cas_rlx(&run->once->word_, &seen, anew | (seen & ONCE_WAITED)))
		if ((seen & ~ONCE_WAITED) != run->mine)
			return false;
	run->mine = anew;
	return true;
}

/* mine is the word, in which the calling thread stands as the owner. */
static int
run_it(fsy_once_t *o, uint64_t mine, const struct call *call, bool *lost)
{
	__attribute__((cleanup(settle))) struct run run = { o, mine, call->policy, false, lost };
	int error = 0;

	switch (call->policy) {
	case POLICY_DO:
		call->fn.plain(call->arg);
		break;
	case POLICY_TRY:
	case POLICY_CALL:
		error = call->fn.failing(call->arg);
		break;
	case POLICY_FORCE:
		error = call->fn.forced(mine & ONCE_POISONED ? FSY_ONCE_POISONED : FSY_ONCE_NEW, call->arg);
		break;
	}
	run.succeeded = error == 0;
	if (run.succeeded && call->store != NULL && keep(&run))
		call->store(call->arg);
	return error;
}

/* From new or poisoned to running. */
static bool
take(fsy_once_t *o, uint64_t seen, uint64_t mine)
{
	return fsy_atomic_u64_cas_acq(&o->word_, &seen, mine | (seen & ONCE_WAITED));           /* O4 <- O3 */
}

/* The run was given to the calling thread. */
static uint64_t
sign(fsy_once_t *o, uint64_t self)
{
	uint64_t seen = fsy_atomic_u64_load_rlx(&o->word_);

	while (!fsy_atomic_u64_cas_rlx(&o->word_, &seen, run_of(seen, self) | (seen & ONCE_WAITED)))
		;
	return run_of(seen, self);
}

/* The common course of all calls. call is NULL for those who only watch. It ends with the run that it was for, unless a good one was
 * lost to somebody who is at it still. */
static int
proceed(fsy_once_t *o, enum once_kind kind, const struct call *call, fsy_deadline_t deadline)
{
	uint64_t self, seen;
	bool lost = true;
	int error = 0;

	fsyi_fork_check();
	while (lost) {
		seen = fsy_atomic_u64_load_acq(&o->word_);                                      /* O2 <- O1,O3 */
		if (seen == ONCE_DONE)
			return 0;
		self = fsyi_thread_id();        /* each time: the function may have forked */
		if (once_is_running(seen)) {
			if (seen >> ONCE_OWNER_SHIFT == self)
				return FSY_EDEADLK;
		} else if ((seen & ONCE_POISONED) && (kind == ONCE_RUN || kind == ONCE_WATCH)) {
			return FSY_EPOISONED;
		} else if (call != NULL) {
			if (take(o, seen, run_of(seen, self)))
				error = run_it(o, run_of(seen, self), call, &lost);
			continue;
		}
		switch (fsyi_once_wait(o, kind, deadline)) {
		case FSYI_WAIT_GIVEN:
			error = run_it(o, sign(o, self), call, &lost);
			break;
		case FSYI_WAIT_TIMEDOUT:
			return FSY_ETIMEDOUT;
		case FSYI_WAIT_OVER:
			break;
		}
	}
	return error;
}

FSY_NOINLINE void
fsy_once_do_slow_(fsy_once_t *o, void (*fn)(void *arg), void *arg)
{
	struct call call = { POLICY_DO, { .plain = fn }, NULL, arg };

	switch (proceed(o, ONCE_RUN, &call, FSY_FOREVER)) {
	case FSY_EDEADLK:
		fsyi_fatal("recursive use of once %p", (void *)o);
	case FSY_EPOISONED:
		fsyi_fatal("use of poisoned once %p", (void *)o);
	}
}

FSY_NOINLINE int
fsy_once_try_slow_(fsy_once_t *o, int (*fn)(void *arg), void *arg, fsy_deadline_t deadline)
{
	struct call call = { POLICY_TRY, { .failing = fn }, NULL, arg };

	return proceed(o, ONCE_RUN, &call, deadline);
}

FSY_NOINLINE int
fsy_once_call_slow_(fsy_once_t *o, int (*fn)(void *arg), void *arg)
{
	return fsyi_once_call(o, fn, NULL, arg);
}

int
fsyi_once_try(fsy_once_t *o, int (*fn)(void *arg), void (*store)(void *arg), void *arg)
{
	struct call call = { POLICY_TRY, { .failing = fn }, store, arg };

	return proceed(o, ONCE_RUN, &call, FSY_FOREVER);
}

int
fsyi_once_call(fsy_once_t *o, int (*fn)(void *arg), void (*store)(void *arg), void *arg)
{
	struct call call = { POLICY_CALL, { .failing = fn }, store, arg };

	return proceed(o, ONCE_RUN, &call, FSY_FOREVER);
}

FSY_NOINLINE int
fsy_once_force_slow_(fsy_once_t *o, int (*fn)(fsy_once_state_t before, void *arg), void *arg)
{
	struct call call = { POLICY_FORCE, { .forced = fn }, NULL, arg };

	return proceed(o, ONCE_FORCE, &call, FSY_FOREVER);
}

FSY_NOINLINE int
fsy_once_wait_slow_(fsy_once_t *o, fsy_deadline_t deadline, bool force)
{
	return proceed(o, force ? ONCE_WATCH_FORCE : ONCE_WATCH, NULL, deadline);
}

fsy_once_state_t
fsy_once_state(const fsy_once_t *o)
{
	uint64_t seen = fsy_atomic_u64_load_acq(&o->word_);                                     /* O2 <- O1,O3 */

	fsyi_fork_check();
	if (seen == ONCE_DONE)
		return FSY_ONCE_DONE;
	if (once_is_running(seen))
		return FSY_ONCE_RUNNING;
	return seen & ONCE_POISONED ? FSY_ONCE_POISONED : FSY_ONCE_NEW;
}
