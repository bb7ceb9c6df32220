/* SPDX-License-Identifier: MIT */
/* meets.c - the loads of cond, wait group and barrier: whoever waits for others must be let go by them, or leave by its deadline. */
#include "load.h"
#include "test/support/worker.h"

#include <fastsync/barrier.h>
#include <fastsync/cond.h>
#include <fastsync/error.h>
#include <fastsync/waitgroup.h>
#include <string.h>

/* --- cond: a queue of bounded length, and an office where tickets are served in order --- */
enum { ROOM = 8 };

static fsy_mutex_t lock;
static fsy_cond_t filled, emptied, called;
static long queue[ROOM];
static unsigned long put_count, got_count, put_sum, got_sum, tickets, served;

static bool
is_empty(void *arg)
{
	(void)arg;
	return put_count == got_count;
}

static bool
is_full(void *arg)
{
	(void)arg;
	return put_count - got_count == ROOM;
}

static bool
not_served(void *arg)
{
	return served <= *(unsigned long *)arg;
}

static void
exchange(struct hand *hand, bool put)
{
	fsy_deadline_t deadline = load_deadline(hand);
	int error = fsy_cond_wait_while_until(put ? &emptied : &filled, &lock, put ? is_full : is_empty, NULL, deadline);

	LOAD_CHECK(error == 0 || (error == FSY_ETIMEDOUT && fsy_now() >= deadline));
	if (error == 0 && put) {
		queue[put_count % ROOM] = (long)(put_count + 1);
		put_sum += ++put_count;
		fsy_cond_signal(&filled);
	} else if (error == 0) {
		got_sum += (unsigned long)queue[got_count % ROOM];
		got_count++;
		fsy_cond_signal(&emptied);
	}
}

static void
serve(void)
{
	if (served < tickets) {
		served++;
		fsy_cond_broadcast(&called);
	}
}

static void
turn_cond(struct hand *hand)
{
	unsigned long ticket;
	uint32_t kind = load_below(hand, 8);

	fsy_mutex_lock(&lock);
	if (kind < 6) {
		exchange(hand, kind < 3);
	} else if (kind == 6) {
		serve();
	} else {
		ticket = tickets++;
		fsy_cond_wait_while(&called, &lock, not_served, &ticket);
	}
	serve();
	fsy_mutex_unlock(&lock);
}

static void
rescue_cond(void)
{
	fsy_mutex_lock(&lock);
	serve();
	fsy_mutex_unlock(&lock);
}

static void
begin_cond(void)
{
	memset((void *)&lock, 0, sizeof(lock));
	memset((void *)&filled, 0, sizeof(filled));
	memset((void *)&emptied, 0, sizeof(emptied));
	memset((void *)&called, 0, sizeof(called));
	put_count = got_count = put_sum = got_sum = tickets = served = 0;
}

static const char *
audit_cond(void)
{
	for (; got_count < put_count; got_count++)
		got_sum += (unsigned long)queue[got_count % ROOM];
	if (got_sum != put_sum)
		return "what was put in has not come out";
	if (served != tickets)
		return "somebody went without being served";
	if ((fsy_atomic_u32_load(&lock.word_) | fsy_atomic_u32_load(&filled.word_) | fsy_atomic_u32_load(&emptied.word_) |
	     fsy_atomic_u32_load(&called.word_)) != 0)
		return "a word is not 0 at rest";
	return NULL;
}

static void
dump_cond(void)
{
	load_print("cond: mutex %p word %08x; filled %08x, emptied %08x, called %08x; put %lu, got %lu, tickets %lu, served %lu\n", (void *)&lock,
		   fsy_atomic_u32_load_rlx(&lock.word_), fsy_atomic_u32_load_rlx(&filled.word_), fsy_atomic_u32_load_rlx(&emptied.word_),
		   fsy_atomic_u32_load_rlx(&called.word_), put_count, got_count, tickets, served);
}

const struct load load_cond = { "cond", begin_cond, turn_cond, rescue_cond, audit_cond, dump_cond };

/* --- wait group: shares of a job that lies on its owner's stack, taken by whoever comes by --- */
enum { SHELF = 16, SHARES = 3 };

struct job;
struct share {
	struct job *job;
	int done;                        /* plain: seen by who waits for the group */
};

struct job {
	fsy_waitgroup_t group;
	struct share shares[SHARES];
};

static fsy_atomic_ptr shelf[SHELF];
static fsy_atomic_u64 posted, finished;

/* The done is the last that it sees of the job. */
static void
work(void *arg)
{
	struct share *share = arg;

	fsy_atomic_u64_add_rlx(&finished, 1);
	share->done++;
	fsy_waitgroup_done(&share->job->group);
}

/* In a thread of its own, whose end is the done. */
static void
work_alone(void *arg)
{
	struct share *share = arg;

	fsy_atomic_u64_add_rlx(&finished, 1);
	share->done++;
}

static void
take_one(uint32_t place)
{
	struct share *share = fsy_atomic_ptr_swap(&shelf[place], NULL);

	if (share != NULL)
		work(share);
}

static void
turn_waitgroup(struct hand *hand)
{
	struct job job;

	for (int i = 0; i < SHELF / 4; i++)
		take_one(load_below(hand, SHELF));
	memset((void *)&job, 0, sizeof(job));
	fsy_atomic_u64_add_rlx(&posted, SHARES);
	for (int i = 0; i < SHARES; i++) {
		struct share *share = &job.shares[i];

		share->job = &job;
		if (load_chance(hand, 400) && fsy_waitgroup_go(&job.group, work_alone, share) == 0)
			continue;
		fsy_waitgroup_add(&job.group, 1);
		share = fsy_atomic_ptr_swap(&shelf[load_below(hand, SHELF)], share);
		if (share != NULL)
			work(share);
	}
	if (load_chance(hand, 2) && fsy_waitgroup_wait_until(&job.group, load_deadline(hand)) == 0)
		goto over;
	for (uint32_t i = 0; i < SHELF; i++)
		take_one(i);                     /* from here on all of it is in the hands of threads that run */
	fsy_waitgroup_wait(&job.group);
over:
	for (int i = 0; i < SHARES; i++)
		LOAD_CHECK(job.shares[i].done == 1);
	LOAD_CHECK(fsy_atomic_u64_load(&job.group.word_) == 0);
	memset((void *)&job, 0xa5, sizeof(job));
	__asm__ volatile("" : : "r"(&job) : "memory");
}

static void
begin_waitgroup(void)
{
	for (int i = 0; i < SHELF; i++)
		fsy_atomic_ptr_store(&shelf[i], NULL);
	fsy_atomic_u64_store(&posted, 0);
	fsy_atomic_u64_store(&finished, 0);
}

static const char *
audit_waitgroup(void)
{
	for (int i = 0; i < SHELF; i++)
		if (fsy_atomic_ptr_load(&shelf[i]) != NULL)
			return "a share is left although its owner has gone";
	return fsy_atomic_u64_load(&posted) == fsy_atomic_u64_load(&finished) ? NULL : "a share was done twice, or never";
}

static void
dump_waitgroup(void)
{
	load_print("wait group: shares posted %lu, finished %lu\n", (unsigned long)fsy_atomic_u64_load_rlx(&posted),
		   (unsigned long)fsy_atomic_u64_load_rlx(&finished));
	for (int i = 0; i < SHELF; i++) {
		struct share *share = fsy_atomic_ptr_load(&shelf[i]);

		if (share != NULL)
			load_print("  on the shelf: a share of group %p\n", (void *)share->job);
	}
}

const struct load load_waitgroup = { "wait group", begin_waitgroup, turn_waitgroup, NULL, audit_waitgroup, dump_waitgroup };

/* --- barrier: two meet, in time or not at all --- */
static fsy_barrier_t barrier;
static fsy_atomic_u64 met, led;

static void
come(fsy_deadline_t deadline)
{
	bool leader = false;
	int error = 0;

	if (deadline == FSY_FOREVER)
		leader = fsy_barrier_wait(&barrier);
	else
		error = fsy_barrier_wait_until(&barrier, deadline, &leader);
	if (error == 0) {
		fsy_atomic_u64_add_rlx(&met, 1);
		fsy_atomic_u64_add_rlx(&led, leader);
	} else {
		LOAD_CHECK(error == FSY_ETIMEDOUT && !leader && fsy_now() >= deadline);
	}
}

static void
turn_barrier(struct hand *hand)
{
	come(load_chance(hand, 8) ? FSY_FOREVER : load_deadline(hand));
}

static void
rescue_barrier(void)
{
	come(0);
}

static void
begin_barrier(void)
{
	fsy_barrier_init(&barrier, 2);
	fsy_atomic_u64_store(&met, 0);
	fsy_atomic_u64_store(&led, 0);
}

static const char *
audit_barrier(void)
{
	if (fsy_atomic_u64_load(&met) != 2 * fsy_atomic_u64_load(&led))
		return "not one leader for every two that met";
	return barrier.others_ == 1 && barrier.unlisted_ == 0 ? NULL : "not at rest";
}

static void
dump_barrier(void)
{
	load_print("barrier %p: others %u, unlisted %u, generation %u; met %lu, led %lu\n", (void *)&barrier, barrier.others_, barrier.unlisted_,
		   fsy_atomic_u32_load_rlx(&barrier.generation_), (unsigned long)fsy_atomic_u64_load_rlx(&met),
		   (unsigned long)fsy_atomic_u64_load_rlx(&led));
}

const struct load load_barrier = { "barrier", begin_barrier, turn_barrier, rescue_barrier, audit_barrier, dump_barrier };
