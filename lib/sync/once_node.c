/* SPDX-License-Identifier: MIT */
/*
 * once_node.c - a function that runs once per NUMA node, in 8 bytes: one bit per node that is done, and one run at a time.
 *
 * WORD    bits 0-31 done, a bit per node; bits 32-53 the thread that runs (0: not yet written), bits 54-61 the fork generation of the
 *         process that it runs in, bit 62 RUNNING, bit 63 WAITED.
 * STATES  idle -> running (for one node) -> idle, with that node's bit set        the run was good
 *                                        -> idle                                  it failed, and nobody waits
 *                                        -> running, by the eldest who waits      it failed, and somebody does
 *         RUNNING of an older generation counts as idle.
 * INVARIANTS E1 to E6 of once.c and once_wait.c, with this word. A good run wakes everybody: those of its node return, of the others one runs and the
 *         rest wait again, once per node in the life of a program. (The generation wraps: only a run that 256 forks, each from the
 *         last one's child, have left behind is taken for one of this process.)
 * ORDER   N1 settle: cas_rel -> N2 fsy_once_node_done, proceed, pending: load_acq   (MP) publishes what fn has made.
 *         N3 pass_on: cas_rel -> N4 take: cas_acq, N2                               a failed run before the next one.
 * LIFETIME, REFS  those of once.c.
 */
#include "once.h"
#include "../sys/cpu.h"
#include "../sys/fatal.h"
#include "../sys/thread.h"

#define WAITED  (UINT64_C(1) << 63)
#define RUNNING (UINT64_C(1) << 62)
#define RUN     (UINT64_C(0x7fffffff) << 32)     /* RUNNING, generation and owner */
enum { OWNER_SHIFT = 32, OWNER_MASK = 0x3fffff, GENERATION_SHIFT = 54, GENERATION_MASK = 0xff, KIND = 0x30 };

struct run {
	fsy_once_node_t *once;
	uint64_t mine;                  /* the word's RUN */
	uint64_t done;                  /* the bit of its node */
	bool succeeded;
	bool *lost;                     /* out: taken over, in a child */
};

static uint64_t
generation(void)
{
	return (uint64_t)(fsyi_fork_generation() & GENERATION_MASK) << GENERATION_SHIFT;
}

static bool
is_running(uint64_t seen)
{
	return (seen & RUNNING) && (seen >> GENERATION_SHIFT & GENERATION_MASK) == generation() >> GENERATION_SHIFT;
}

static uint64_t
run_of(uint64_t self)
{
	return RUNNING | generation() | (self & OWNER_MASK) << OWNER_SHIFT;
}

static uint64_t
done_bit(int node)
{
	return UINT64_C(1) << ((unsigned)node % FSY_ONCE_NODES);
}

static bool
must_wait(const struct run *run, uint64_t seen)
{
	return !(seen & run->done) && is_running(seen);
}

static bool
pending(void *arg)
{
	struct run *run = (struct run *)arg;

	return must_wait(run, fsy_atomic_u64_load_acq(&run->once->word_));                      /* N2 <- N1,N3 */
}

static bool
enlist(struct fsyi_scene *scene, void *arg)
{
	struct run *run = (struct run *)arg;
	uint64_t seen = fsy_atomic_u64_load_rlx(&run->once->word_);

	(void)scene;
	do
		if (!must_wait(run, seen))
			return false;
	while (!(seen & WAITED) && !fsy_atomic_u64_cas_rlx(&run->once->word_, &seen, seen | WAITED));
	return true;
}

static void
wake_all(struct fsyi_scene *scene, void *arg)
{
	(void)arg;
	fsyi_scene_wake_all(scene, KIND, FSYI_TOKEN_NORMAL);
}

/* The run failed and WAITED was set: the eldest gets it, for its own node. */
static void
pass_on(struct fsyi_scene *scene, void *arg)
{
	struct run *run = (struct run *)arg;
	struct fsyi_thread *next = scene->queue != NULL ? scene->queue->all.head : NULL;
	uint64_t seen = fsy_atomic_u64_load_rlx(&run->once->word_), word;

	while (next != NULL && next->kind != KIND)
		next = next->next;
	do {
		if ((seen & RUN) != run->mine)
			return;                 /* in a child, by somebody who took the run over */
		word = seen & ~(RUN | WAITED);
		if (next != NULL)
			word |= RUNNING | generation() | (scene->queue->count > 1 ? WAITED : 0);
	} while (!fsy_atomic_u64_cas_rel(&run->once->word_, &seen, word));                      /* N3 -> N2,N4 */
	if (next != NULL)
		fsyi_scene_wake(scene, next, FSYI_TOKEN_HANDOFF);
}

/* The cleanup of the run: fn has returned, or its thread is leaving through here. */
static void
settle(struct run *run)
{
	fsy_once_node_t *o = run->once;
	uint64_t seen = fsy_atomic_u64_load_rlx(&o->word_), word;

	fsyi_fork_check();                      /* fn may have forked */
	do {
		*run->lost = run->succeeded && (seen & RUN) != run->mine;
		if ((seen & RUN) != run->mine)
			return;
		if (!run->succeeded && (seen & WAITED)) {
			fsyi_visit(&fsyi_lot, o, pass_on, run);
			return;
		}
		word = (seen & ~(RUN | WAITED)) | (run->succeeded ? run->done : 0);
	} while (!fsy_atomic_u64_cas_rel(&o->word_, &seen, word));                              /* N1 -> N2; N3 -> N2,N4 */
	if (seen & WAITED)
		fsyi_visit(&fsyi_lot, o, wake_all, NULL);
}

/* In a child that fn has made, where anybody may take it over, the run is signed anew. False: somebody has taken it. */
static bool
keep(struct run *run)
{
	uint64_t seen = fsy_atomic_u64_load_rlx(&run->once->word_), anew;

	fsyi_fork_check();
	if (is_running(run->mine))
		return true;
	anew = run_of(fsyi_thread_id());
	do
		if ((seen & RUN) != run->mine)
			return false;
	while (!fsy_atomic_u64_cas_rlx(&run->once->word_, &seen, (seen & ~RUN) | anew));
	run->mine = anew;
	return true;
}

/* One of the first two. The infallible has succeeded whatever becomes of it; store is what a good run of the fallible does last, or NULL. */
struct call {
	int (*fallible)(int node, void *arg);
	void (*infallible)(int node, void *arg);
	void (*store)(int node, void *arg);
	void *arg;
};

static int
run_it(struct run taken, int node, const struct call *call)
{
	__attribute__((cleanup(settle))) struct run run = taken;
	int error = 0;

	run.succeeded = call->infallible != NULL;
	if (call->infallible != NULL)
		call->infallible(node, call->arg);
	else
		error = call->fallible(node, call->arg);
	run.succeeded = error == 0;
	if (run.succeeded && call->store != NULL && keep(&run))
		call->store(node, call->arg);
	return error;
}

/* Puts the calling thread's run into the word, which says that nobody runs; or, given, that the run is the caller's. */
static bool
take(struct run *run, uint64_t seen, uint64_t self, bool given)
{
	run->mine = run_of(self);
	while (!fsy_atomic_u64_cas_acq(&run->once->word_, &seen, (seen & ~RUN) | run->mine))    /* N4 <- N3 */
		if (!given && (is_running(seen) || (seen & run->done)))
			return false;
	return true;
}

static int
proceed(fsy_once_node_t *o, int node, const struct call *call)
{
	struct fsyi_word_op op = { KIND, pending, enlist, NULL, false };
	bool given = false, lost = true;
	struct run run = { o, 0, done_bit(node), false, &lost };
	uint64_t self, seen;
	int error = 0;

	fsyi_fork_check();
	while (lost) {
		seen = fsy_atomic_u64_load_acq(&o->word_);                                      /* N2 <- N1,N3 */
		self = fsyi_thread_id() & OWNER_MASK;
		if ((seen & run.done) && !given)
			return 0;
		if (given || !is_running(seen)) {
			if (!take(&run, seen, self, given))
				continue;
			if (seen & run.done)
				settle(&run);   /* done while the wake for it was on the way: this run is somebody else's */
			else
				error = run_it(run, node, call);
			given = false;
		} else if ((seen >> OWNER_SHIFT & OWNER_MASK) == self) {
			return FSY_EDEADLK;
		} else {
			given = fsyi_word_wait(&fsyi_lot, o, &op, &run, FSY_FOREVER) == FSYI_WAIT_GIVEN;
		}
	}
	return error;
}

int
fsyi_once_node_try(fsy_once_node_t *o, int node, int (*fn)(int node, void *arg), void (*store)(int node, void *arg), void *arg)
{
	struct call call = { fn, NULL, store, arg };

	return proceed(o, node, &call);
}

int
fsy_once_node_try(fsy_once_node_t *o, int (*fn)(int node, void *arg), void *arg)
{
	int node = fsyi_node();

	return fsy_once_node_done(o, node) ? 0 : fsyi_once_node_try(o, node, fn, NULL, arg);
}

void
fsy_once_node_do(fsy_once_node_t *o, void (*fn)(int node, void *arg), void *arg)
{
	struct call call = { NULL, fn, NULL, arg };
	int node = fsyi_node();

	if (!fsy_once_node_done(o, node) && proceed(o, node, &call) == FSY_EDEADLK)
		fsyi_fatal("recursive use of once %p", (void *)o);
}
