/* SPDX-License-Identifier: MIT */
/* preload.h - between the rooms of the preload library. */
#ifndef FSYI_POSIX_PRELOAD_H
#define FSYI_POSIX_PRELOAD_H

#include <errno.h>
#include <fastsync/time.h>
#include <time.h>
#include "layout.h"
#include "../sys/cpu.h"
#include "../sys/fork.h"

#pragma GCC visibility push(hidden)

/* A function that programs shall find in libc's place. Everything else is hidden, and calls the hidden ones. */
#define FSYI_EXPORT __attribute__((visibility("default")))

/* An old name of a function of ours. */
#if defined(__has_attribute) && __has_attribute(copy)
#define FSYI_SAME(name, of) FSYI_EXPORT __typeof__(of) name __attribute__((alias(#of), copy(of)))
#else
#define FSYI_SAME(name, of) FSYI_EXPORT __typeof__(of) name __attribute__((alias(#of)))
#endif

/* The calling thread, as libc's objects name it. */
struct fsyi_self {
	uint32_t tid;                   /* 0: not asked yet */
	uint32_t generation;            /* the process in which it was, counted in forks */
};

extern __thread struct fsyi_self fsyi_self __attribute__((tls_model("initial-exec")));
uint32_t fsyi_self_ask(void);

/* Its kernel id, which in a forked child is another. */
static inline uint32_t
fsyi_tid(void)
{
	fsyi_fork_check();
	return FSY_LIKELY(fsyi_self.tid != 0 && fsyi_self.generation == fsyi_fork_generation()) ? fsyi_self.tid : fsyi_self_ask();
}

/* The deadline that a caller means: 0, or EINVAL for a clock that is not supported, or for nanoseconds that are none. libc looks at the
 * clock first thing and at the time only once it must wait: so the two are asked apart. */
static inline bool
fsyi_clock_is_valid(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}
int fsyi_deadline(clockid_t clock, const struct timespec *time, fsy_deadline_t *deadline);

/* Takes a mutex of ours if it is free, and leaves for those who wait where that was. */
static FSY_ALWAYS_INLINE bool
fsyi_mutex_acquire(struct fsyi_mutex *m)
{
	uint8_t mark = fsyi_cpu_mark(fsyi_cpu_quick());         /* here, for behind a locked instruction it would wait */

	return fsy_lockword_acquire_as_(&m->lock.word_, &m->lock.held_, mark);
}

/*
 * The calling thread lets go of a mutex of ours in order to wait: 0, or EPERM. *last: the lock itself is to be released now (its owner
 * stands no longer in it); a recursive mutex that is held more than once stays locked, as it does under libc.
 */
int fsyi_mutex_leave(struct fsyi_mutex *m, bool *last);

/* It has it again, having taken m->lock if it had released that. */
void fsyi_mutex_come_back(struct fsyi_mutex *m);

/* C11's name of an error of POSIX's. */
static inline int
fsyi_thrd_error(int error)
{
	switch (error) {
	case 0:
		return thrd_success;
	case ENOMEM:
		return thrd_nomem;
	case ETIMEDOUT:
		return thrd_timedout;
	case EBUSY:
		return thrd_busy;
	default:
		return thrd_error;
	}
}

/* What FASTSYNC_* said when the library started; all off before. */
struct fsyi_policy {
	int watch;                      /* FSYI_WATCH: every lock is to be looked at (fastsync-run --stats) */
	bool strict;                    /* misuse that libc lets pass ends the program */
	bool keep_deepbind;
};

/* Not a kind of mutex that there is. */
#define FSYI_WATCH 0x400
extern struct fsyi_policy fsyi_policy;

/* Of a lock that is watched: it was taken from that place; after a wait of so long. */
enum fsyi_lock_kind { FSYI_A_MUTEX, FSYI_A_RWLOCK, FSYI_A_COND, FSYI_A_SEM, FSYI_A_BARRIER, FSYI_A_SPIN };
void fsyi_report_taken(const void *object, enum fsyi_lock_kind kind, const void *site, int64_t wait_ns);

#pragma GCC visibility pop

#endif
