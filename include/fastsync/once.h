/* SPDX-License-Identifier: MIT */
/*
 * once.h - a function that runs once, however many threads ask for it. What happens when the run fails is said by the
 * call, not by the object: four calls, four policies, which may be mixed on one object.
 *
 *   call              as in                          the run fails (see below)        the once is poisoned
 *   fsy_once_do       Go Once.Do, pthread_once       done all the same, for ever      aborts, by name
 *   fsy_once_try      what users of both ask for     new again: the next caller runs  FSY_EPOISONED
 *   fsy_once_call     Rust Once::call_once           poisoned                         FSY_EPOISONED
 *   fsy_once_force    Rust Once::call_once_force     poisoned                         runs fn, which is told
 *
 * A run fails by returning nonzero, and, with every call, by not returning: its thread is cancelled in it, leaves by
 * pthread_exit or a C++ exception passes through. (A longjmp out of it is not noticed: the once stays running for ever.)
 * Callers that come meanwhile wait for the run to end. When a run has failed, exactly one of them, the eldest that may run its
 * own function, does so, and the others wait on. None of the waits is a cancellation point.
 *
 *   static fsy_once_t once = FSY_ONCE_INIT;
 *
 *   int error = fsy_once_try(&once, connect_to_store, &store);
 *   if (error != 0)
 *           return error;                 the next call tries again
 *
 * ORDER   The end of a successful run synchronizes-before the return of every call that finds the once done, and of
 *         fsy_once_done if it says true; the end of a failed run before the start of the next one, and before a return
 *         of FSY_EPOISONED.
 * LIFE    The once may be destroyed or its memory reused as soon as its being done is seen, if nobody waits for it by then.
 * FORK    In a child, a run that the parent was at is forgotten: the once is as it was before (glibc's pthread_once does that).
 *
 * NOT FOR signal handlers, memory shared between processes. None of the calls allocates; fn may do what it likes except use
 * the same once: that is diagnosed. A value beside a once is published by it; <fastsync/lazy.h> has the pair ready-made.
 */
#ifndef FASTSYNC_ONCE_H
#define FASTSYNC_ONCE_H

#include <fastsync/atomic.h>
#include <fastsync/error.h>
#include <fastsync/time.h>

FSY_BEGIN_DECLS

/* Private: FSY_ONCE_DONE_ when it is done, and nothing else then. */
typedef struct fsy_once {
	fsy_atomic_u64 word_;
} fsy_once_t;

FSY_STATIC_ASSERT(sizeof(fsy_once_t) == 8, "the size of a once is ABI");

#define FSY_ONCE_INIT  { { 0 } }
#define FSY_ONCE_DONE_ UINT64_C(2)

typedef enum fsy_once_state {
	FSY_ONCE_NEW,
	FSY_ONCE_RUNNING,
	FSY_ONCE_DONE,
	FSY_ONCE_POISONED
} fsy_once_state_t;

/* The slow halves. */
FSY_API void fsy_once_do_slow_(fsy_once_t *o, void (*fn)(void *arg), void *arg);
FSY_API int fsy_once_try_slow_(fsy_once_t *o, int (*fn)(void *arg), void *arg, fsy_deadline_t deadline);
FSY_API int fsy_once_call_slow_(fsy_once_t *o, int (*fn)(void *arg), void *arg);
FSY_API int fsy_once_force_slow_(fsy_once_t *o, int (*fn)(fsy_once_state_t before, void *arg), void *arg);
FSY_API int fsy_once_wait_slow_(fsy_once_t *o, fsy_deadline_t deadline, bool force);

/* Whether o is done. One load; never blocks; async-signal-safe. */
FSY_INLINE bool
fsy_once_done(const fsy_once_t *o)
{
	return fsy_atomic_u64_load_acq(&o->word_) == FSY_ONCE_DONE_;                            /* O2 <- O1 */
}

/* Go: returns when fn(arg) has run, here or in another thread, to its end or not. If fn gave up half-way nobody ever learns:
 * that is Go's rule; see fsy_once_try. Aborts with "fastsync: recursive use of once" when fn comes here again, and
 * with "fastsync: use of poisoned once". Source of the algorithm: lib/sync/once.c. */
FSY_INLINE void
fsy_once_do(fsy_once_t *o, void (*fn)(void *arg), void *arg)
{
	if (!FSY_FAST || FSY_UNLIKELY(!fsy_once_done(o)))
		fsy_once_do_slow_(o, fn, arg);
}

/* Retried until it succeeds, by one caller at a time: 0 when o is done, by this call or another; the result of fn if this call
 * ran it and it was not 0, and o is new again; FSY_EDEADLK, at once, inside a run of o; FSY_EPOISONED. */
FSY_INLINE FSY_MUST_CHECK int
fsy_once_try(fsy_once_t *o, int (*fn)(void *arg), void *arg)
{
	return FSY_FAST && FSY_LIKELY(fsy_once_done(o)) ? 0 : fsy_once_try_slow_(o, fn, arg, FSY_FOREVER);
}

/* The same; FSY_ETIMEDOUT if another caller's run had not ended by the deadline. It does not limit this call's own run. */
FSY_INLINE FSY_MUST_CHECK int
fsy_once_try_until(fsy_once_t *o, int (*fn)(void *arg), void *arg, fsy_deadline_t deadline)
{
	return FSY_FAST && FSY_LIKELY(fsy_once_done(o)) ? 0 : fsy_once_try_slow_(o, fn, arg, deadline);
}

/* Rust: 0 when o is done; the result of fn if this call ran it and it was not 0, and o is poisoned; FSY_EPOISONED if an earlier
 * run has poisoned it: fn is not called; FSY_EDEADLK inside a run of o. */
FSY_INLINE FSY_MUST_CHECK int
fsy_once_call(fsy_once_t *o, int (*fn)(void *arg), void *arg)
{
	return FSY_FAST && FSY_LIKELY(fsy_once_done(o)) ? 0 : fsy_once_call_slow_(o, fn, arg);
}

/* Rust's way out of poison: the same, but fn is called also when o is poisoned; before says so (FSY_ONCE_NEW or
 * FSY_ONCE_POISONED). If it succeeds, o is done and the poison is gone; never FSY_EPOISONED of its own. */
FSY_INLINE FSY_MUST_CHECK int
fsy_once_force(fsy_once_t *o, int (*fn)(fsy_once_state_t before, void *arg), void *arg)
{
	return FSY_FAST && FSY_LIKELY(fsy_once_done(o)) ? 0 : fsy_once_force_slow_(o, fn, arg);
}

/* Waits until somebody has run o with success, which may be long before anybody starts: 0; FSY_EPOISONED as soon as it is
 * poisoned; FSY_EDEADLK inside a run of o; FSY_ETIMEDOUT. A deadline in the past asks once. */
FSY_INLINE FSY_MUST_CHECK int
fsy_once_wait_until(fsy_once_t *o, fsy_deadline_t deadline)
{
	return FSY_FAST && FSY_LIKELY(fsy_once_done(o)) ? 0 : fsy_once_wait_slow_(o, deadline, false);
}

FSY_INLINE FSY_MUST_CHECK int
fsy_once_wait(fsy_once_t *o)
{
	return fsy_once_wait_until(o, FSY_FOREVER);
}

/* The same, but waits on when o is poisoned: for somebody to force it. */
FSY_INLINE FSY_MUST_CHECK int
fsy_once_wait_force_until(fsy_once_t *o, fsy_deadline_t deadline)
{
	return FSY_FAST && FSY_LIKELY(fsy_once_done(o)) ? 0 : fsy_once_wait_slow_(o, deadline, true);
}

/* What o is just now; it may be something else by the time that this returns, unless it is done. Never blocks. */
FSY_API fsy_once_state_t fsy_once_state(const fsy_once_t *o);

/*
 * Once per NUMA node: the function runs for each node once, called by the first thread that comes there, so that what it touches first
 * is that node's memory. The runs for different nodes come one after the other. The first FSY_ONCE_NODES nodes of a machine have a run
 * of their own, the others share with them (number modulo FSY_ONCE_NODES). Policies, recursion, FORK and LIFE as above.
 */
#define FSY_ONCE_NODES 32

/* Private. */
typedef struct fsy_once_node {
	fsy_atomic_u64 word_;
} fsy_once_node_t;

FSY_STATIC_ASSERT(sizeof(fsy_once_node_t) == 8, "the size of a once per node is ABI");

#define FSY_ONCE_NODE_INIT { { 0 } }

/* Whether fn has run for that node. One load; never blocks; async-signal-safe. */
FSY_INLINE bool
fsy_once_node_done(const fsy_once_node_t *o, int node)
{
	return fsy_atomic_u64_load_acq(&o->word_) >> ((unsigned)node % FSY_ONCE_NODES) & 1;     /* N2 <- N1 */
}

/* fsy_once_do and fsy_once_try for the node that the calling thread is on, of which fn is told the number. */
FSY_API void fsy_once_node_do(fsy_once_node_t *o, void (*fn)(int node, void *arg), void *arg);
FSY_API FSY_MUST_CHECK int fsy_once_node_try(fsy_once_node_t *o, int (*fn)(int node, void *arg), void *arg);

FSY_END_DECLS

#endif
