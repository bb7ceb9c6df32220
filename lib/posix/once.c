/* SPDX-License-Identifier: MIT */
/*
 * once.c - pthread_once_t, value by value as libc has it: parts of it may be inlined into old programs.
 *
 * WORD    0 new; 2 done; 1 | 4 * generation: being run, by a process that is so many forks away from the first.
 * STATES  new -> running -> done
 *                        -> new     the function is left by cancellation, pthread_exit or a C++ exception
 *         In a forked child, a run of an older generation counts as new.
 * ORDER   V1 done, reset: store_rel -> V2 look: load_acq, V3 take: cas_acq      (MP) what the function made, or has undone
 * FAIRNESS does not arise.
 * LIFETIME the store V1 is the last access to the object; the wake goes by the address.
 * WRONG WAYS  a bit for "somebody waits", to save the one wake: libc's code would take the word for one of another generation, and run the
 *         function again. Catching the exit with the compiler's cleanup: its personality routine lies in libgcc_s, which would come
 *         into every program.
 */
#include "preload.h"
#include "../sys/futex.h"

enum { RUNNING = 1, DONE = 2, GENERATION = 4 };

/* A run, innermost first, of the calling thread. */
struct run {
	fsy_atomic_u32 *word;
	void (*fn)(void);
	struct run *outer;
};

static __thread struct run *runs __attribute__((tls_model("initial-exec")));

static void
settle(const struct run *run, uint32_t state)
{
	fsy_atomic_u32_store_rel(run->word, state);                                             /* V1 -> V2,V3 */
	fsyi_futex_wake(run->word, INT32_MAX);
}

/*
 * What the unwinder, whoever's it is, calls when it passes through the frame of call() below: a personality routine without a table. It
 * never has the frame caught, and does what a cleanup would on the way. Its arguments and results are the C++ ABI's: phase 2 is the
 * one that unwinds, 8 says go on.
 */
enum { CLEANUP_PHASE = 2, CONTINUE_UNWIND = 8 };

__attribute__((used)) int fsyi_once_left(int version, int actions, uint64_t class, void *exception, void *context);

int
fsyi_once_left(int version, int actions, uint64_t class, void *exception, void *context)
{
	struct run *run = runs;

	(void)version;
	(void)class;
	(void)exception;
	(void)context;
	if ((actions & CLEANUP_PHASE) && run != NULL) {
		runs = run->outer;
		settle(run, 0);
	}
	return CONTINUE_UNWIND;
}

static FSY_NOINLINE void
call(struct run *run)
{
	__asm__ volatile(".cfi_personality 0x1b, fsyi_once_left");      /* relative to its place, 4 bytes, signed */
	run->outer = runs;
	runs = run;
	run->fn();
	runs = run->outer;
}

static FSY_NOINLINE int
once_slow(fsy_atomic_u32 *word, void (*fn)(void))
{
	struct run run = { word, fn, NULL };
	uint32_t mine, seen;

	fsyi_fork_check();
	mine = RUNNING | GENERATION * fsyi_fork_generation();
	seen = fsy_atomic_u32_load_acq(word);                                                   /* V2 <- V1 */
	for (;;) {
		if (seen & DONE)
			return 0;
		if (seen == mine) {
			fsyi_futex_wait(word, mine, FSY_FOREVER);
			seen = fsy_atomic_u32_load_acq(word);                                   /* V2 <- V1 */
		} else if (fsy_atomic_u32_cas_acq(word, &seen, mine)) {                         /* V3 <- V1 */
			break;
		}
	}
	call(&run);
	settle(&run, DONE);
	return 0;
}

FSYI_EXPORT int
pthread_once(pthread_once_t *once, void (*fn)(void))
{
	fsy_atomic_u32 *word = (fsy_atomic_u32 *)(void *)once;

	return FSY_LIKELY(fsy_atomic_u32_load_acq(word) & DONE) ? 0 : once_slow(word, fn);      /* V2 <- V1 */
}

FSYI_SAME(__pthread_once, pthread_once);
