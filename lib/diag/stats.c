/* SPDX-License-Identifier: MIT */
/*
 * stats.c - counters. Each thread writes those in its own record, with plain relaxed stores; a reader adds them up. Records
 * outlive their threads, so nothing is lost when one ends. A reset only remembers where the sums stood.
 */
#include <fastsync/error.h>
#include <fastsync/stats.h>

#include "hook.h"
#include "../sys/latch.h"
#include "../sys/thread.h"

#define WATCHES 64

/* Every counter that is a sum; the longest wait is a maximum and has its own way. */
#define SUMS(X) X(contended) X(parks) X(wakes) X(handovers_local) X(handovers_remote) X(membarriers)

struct watch {
	fsy_atomic_ptr object;
	fsy_stats_t stats;                       /* any thread adds, atomically */
};

static struct fsyi_latch latch;                  /* who may give or take a watch */
static struct watch watches[WATCHES];
static fsy_atomic_u32 watch_count;
static fsy_stats_t baseline;                     /* the sums at the last reset */
static fsy_atomic_u32 epoch;                     /* number of resets */

static uint64_t
get(const uint64_t *counter)
{
	return FSY_RAW_LOAD_(counter, __ATOMIC_RELAXED);
}

static void
set(uint64_t *counter, uint64_t value)
{
	FSY_RAW_STORE_(counter, value, __ATOMIC_RELAXED);
}

static struct watch *
find_watch(const void *object)
{
	for (int i = 0; i < WATCHES; i++)
		if (fsy_atomic_ptr_load_acq(&watches[i].object) == object)
			return &watches[i];
	return NULL;
}

static struct watch *
watched(const void *object)
{
	return FSY_LIKELY(fsy_atomic_u32_load_rlx(&watch_count) == 0) ? NULL : find_watch(object);
}

static void
count(const void *object, size_t counter)
{
	struct fsyi_thread *self = fsyi_thread_current;
	struct watch *watch = watched(object);

	if (self != NULL) {
		uint64_t *own = (uint64_t *)(void *)((char *)&self->stats + counter);

		set(own, get(own) + 1);
	}
	if (watch != NULL)
		FSY_RAW_ADD_((uint64_t *)(void *)((char *)&watch->stats + counter), 1, __ATOMIC_RELAXED);
}

/* A longest wait belongs to the epoch in which it was noted; a reader ignores those of earlier ones. */
static void
note_longest(const void *object, uint64_t wait)
{
	struct fsyi_thread *self = fsyi_thread_current;
	struct watch *watch = watched(object);
	uint32_t now = fsy_atomic_u32_load_rlx(&epoch);

	if (self != NULL && (self->stats_epoch != now || wait > self->stats.longest_wait_ns)) {
		set(&self->stats.longest_wait_ns, wait);
		FSY_RAW_STORE_(&self->stats_epoch, now, __ATOMIC_RELEASE);
	}
	if (watch != NULL) {
		uint64_t longest = get(&watch->stats.longest_wait_ns);

		while (wait > longest &&
		       !FSY_RAW_CAS_(&watch->stats.longest_wait_ns, &longest, wait, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		}
	}
}

void
fsyi_count_contended(const void *object, int64_t wait_ns)
{
	count(object, offsetof(fsy_stats_t, contended));
	note_longest(object, wait_ns > 0 ? (uint64_t)wait_ns : 0);
}

void
fsyi_count_handover(const void *object, bool remote)
{
	count(object, remote ? offsetof(fsy_stats_t, handovers_remote) : offsetof(fsy_stats_t, handovers_local));
}

void
fsyi_count_park(const void *object)
{
	count(object, offsetof(fsy_stats_t, parks));
}

void
fsyi_count_wake(const void *object)
{
	count(object, offsetof(fsy_stats_t, wakes));
}

void
fsyi_count_membarrier(const void *object)
{
	count(object, offsetof(fsy_stats_t, membarriers));
}

static void
add_record(struct fsyi_thread *thread, void *arg)
{
	fsy_stats_t *sum = arg;

#define X(counter) sum->counter += get(&thread->stats.counter);
	SUMS(X)
#undef X
	if (FSY_RAW_LOAD_(&thread->stats_epoch, __ATOMIC_ACQUIRE) == fsy_atomic_u32_load_rlx(&epoch) &&
	    get(&thread->stats.longest_wait_ns) > sum->longest_wait_ns)
		sum->longest_wait_ns = get(&thread->stats.longest_wait_ns);
}

static fsy_stats_t
sum_records(void)
{
	fsy_stats_t sum = { 0 };

	fsyi_thread_each(add_record, &sum);
	return sum;
}

FSY_API int
fsy_stats_get(const void *object, fsy_stats_t *stats)
{
	const struct watch *watch;

	if (object == NULL) {
		fsy_stats_t sum = sum_records();

		/* A reset may come between the two reads: then a sum may be behind its baseline. */
#define X(counter) sum.counter -= get(&baseline.counter) < sum.counter ? get(&baseline.counter) : sum.counter;
		SUMS(X)
#undef X
		*stats = sum;
		return 0;
	}
	watch = find_watch(object);
	if (watch == NULL)
		return FSY_EINVAL;
#define X(counter) stats->counter = get(&watch->stats.counter);
	SUMS(X)
#undef X
	stats->longest_wait_ns = get(&watch->stats.longest_wait_ns);
	return 0;
}

static void
clear(fsy_stats_t *stats)
{
#define X(counter) set(&stats->counter, 0);
	SUMS(X)
#undef X
	set(&stats->longest_wait_ns, 0);
}

FSY_API void
fsy_stats_reset(void)
{
	fsy_stats_t sum;

	fsyi_latch_lock(&latch);
	fsy_atomic_u32_add_rlx(&epoch, 1);
	sum = sum_records();
#define X(counter) set(&baseline.counter, sum.counter);
	SUMS(X)
#undef X
	for (int i = 0; i < WATCHES; i++)
		clear(&watches[i].stats);
	fsyi_latch_unlock(&latch);
}

FSY_API int
fsy_stats_watch(const void *object)
{
	struct watch *free;
	int error = 0;

	if (object == NULL)
		return FSY_EINVAL;
	fsyi_latch_lock(&latch);
	if (find_watch(object) == NULL) {
		free = find_watch(NULL);
		if (free != NULL) {
			/* Counted first, here and below: a fork in between may leave the count too high, never too low. */
			fsy_atomic_u32_add_rlx(&watch_count, 1);
			clear(&free->stats);
			fsy_atomic_ptr_store_rel(&free->object, (void *)(uintptr_t)object);
		} else {
			error = FSY_EAGAIN;
		}
	}
	fsyi_latch_unlock(&latch);
	return error;
}

FSY_API void
fsy_stats_unwatch(const void *object)
{
	struct watch *watch;

	fsyi_latch_lock(&latch);
	watch = object == NULL ? NULL : find_watch(object);
	if (watch != NULL) {
		fsy_atomic_ptr_store_rlx(&watch->object, NULL);
		fsy_atomic_u32_add_rlx(&watch_count, (uint32_t)-1);
	}
	fsyi_latch_unlock(&latch);
}
