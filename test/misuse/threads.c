/* SPDX-License-Identifier: MIT */
/* threads.c - threads that are many, small, cancelled, or gone with what they hold. */
#include "misuse.h"
#include "test/load/load.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/barrier.h>
#include <fastsync/cond.h>
#include <fastsync/error.h>
#include <fastsync/fairlock.h>
#include <fastsync/once.h>
#include <fastsync/poison.h>
#include <fastsync/rwmutex.h>
#include <fastsync/waitgroup.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CROWD = 5000, CROWD_MOST = 20000, SMALL = 32768 };

/* 16: more waiters than a narrow counter would hold; FASTSYNC_CROWD of them, where there is time. */
static fsy_mutex_t crowded = FSY_MUTEX_INIT;
static long crowd_count;

static void *
join_the_crowd(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&crowded);
	crowd_count++;
	fsy_mutex_unlock(&crowded);
	return NULL;
}

static int
crowd(void *arg)
{
	static pthread_t threads[CROWD_MOST];
	const char *given = getenv("FASTSYNC_CROWD");
	int started = 0, most = given != NULL ? atoi(given) : CROWD;
	pthread_attr_t attributes;

	(void)arg;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, SMALL);
	fsy_mutex_lock(&crowded);
	while (started < most && started < CROWD_MOST && pthread_create(&threads[started], &attributes, join_the_crowd, NULL) == 0)
		started++;
	if (started < 300) {
		fprintf(stderr, "only %d threads are to be had\n", started);
		return MISUSE_SKIPPED;
	}
	while (parked_on(&crowded) != (unsigned int)started)
		usleep(20000);                           /* to look is to hold the lock that those who come need */
	fsy_mutex_unlock(&crowded);
	for (int i = 0; i < started; i++)
		worker_join(threads[i]);
	CHILD_CHECK(crowd_count == started && at_rest(&crowded));
	return 0;
}

/* 24: a lock without an owner outlives its locker. */
static fsy_mutex_t left = FSY_MUTEX_INIT;
static fsy_rwmutex_t left_rw = FSY_RWMUTEX_INIT;

static void *
lock_and_end(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&left);
	fsy_rwmutex_lock(&left_rw);
	return NULL;
}

static int
ends_holding(void *arg)
{
	(void)arg;
	worker_join(worker_start(lock_and_end, NULL));
	CHILD_CHECK(!fsy_mutex_trylock(&left) && !fsy_rwmutex_tryrlock(&left_rw) && fsy_mutex_lock_until(&left, fsy_after_ms(2)) == FSY_ETIMEDOUT);
	fsy_mutex_unlock(&left);
	fsy_rwmutex_unlock(&left_rw);
	CHILD_CHECK(fsy_mutex_trylock(&left) && fsy_rwmutex_trylock(&left_rw));
	return 0;
}

/* 25: whoever is cancelled in a wait stays until the wait is over, and dies after it. */
static fsy_mutex_t mutex;
static fsy_rwmutex_t rw;
static fsy_fair_rwlock_t fair;
static fsy_poison_mutex_t poison;
static fsy_cond_t cond;
static fsy_waitgroup_t group;
static fsy_barrier_t barrier = FSY_BARRIER_INIT(2);
static fsy_once_t once;
static bool told;
static fsy_atomic_u32 waiter, through;

static void wait_mutex(void) { fsy_mutex_lock(&mutex); }
static void end_mutex(void) { fsy_mutex_unlock(&mutex); }
static void wait_rlock(void) { fsy_rwmutex_rlock(&rw); }
static void end_rlock(void) { fsy_rwmutex_unlock(&rw); }
static void wait_wlock(void) { fsy_rwmutex_lock(&rw); }
static void end_wlock(void) { fsy_rwmutex_runlock(&rw); }
static void wait_fair_read(void) { CHILD_CHECK(fsy_fair_rwlock_rlock(&fair) == 0); }
static void end_fair_read(void) { fsy_fair_rwlock_unlock(&fair); }
static void wait_fair_write(void) { CHILD_CHECK(fsy_fair_rwlock_lock(&fair) == 0); }
static void end_fair_write(void) { fsy_fair_rwlock_runlock(&fair); }
static void wait_poison(void) { CHILD_CHECK(fsy_poison_mutex_lock(&poison) == 0); }
static void end_poison(void) { fsy_poison_mutex_unlock(&poison); }
static void wait_group(void) { fsy_waitgroup_wait(&group); }
static void end_group(void) { fsy_waitgroup_done(&group); }
static void wait_barrier(void) { fsy_barrier_wait(&barrier); }
static void end_barrier(void) { fsy_barrier_wait(&barrier); }
static void wait_once(void) { CHILD_CHECK(fsy_once_wait(&once) == 0); }
static int succeed(void *arg) { (void)arg; return 0; }
static void end_once(void) { CHILD_CHECK(fsy_once_try(&once, succeed, NULL) == 0); }

static void
wait_cond(void)
{
	fsy_mutex_lock(&mutex);
	while (!told)
		fsy_cond_wait(&cond, &mutex);
	fsy_mutex_unlock(&mutex);
}

static void
end_cond(void)
{
	fsy_mutex_lock(&mutex);
	told = true;
	fsy_cond_signal(&cond);
	fsy_mutex_unlock(&mutex);
}

static void
begin(void)
{
	memset((void *)&mutex, 0, sizeof(mutex));
	memset((void *)&rw, 0, sizeof(rw));
	memset((void *)&fair, 0, sizeof(fair));
	memset((void *)&poison, 0, sizeof(poison));
}

static void hold_mutex(void) { fsy_mutex_lock(&mutex); }
static void hold_written(void) { fsy_rwmutex_lock(&rw); }
static void hold_read(void) { fsy_rwmutex_rlock(&rw); }
static void hold_fair_written(void) { CHILD_CHECK(fsy_fair_rwlock_lock(&fair) == 0); }
static void hold_fair_read(void) { CHILD_CHECK(fsy_fair_rwlock_rlock(&fair) == 0); }
static void hold_poison(void) { CHILD_CHECK(fsy_poison_mutex_lock(&poison) == 0); }
static void hold_group(void) { fsy_waitgroup_add(&group, 1); }
static void hold_nothing(void) { }

static const struct wait {
	void (*hold)(void), (*wait)(void), (*end)(void);
} waits[] = {
	{ hold_mutex, wait_mutex, end_mutex }, { hold_written, wait_rlock, end_rlock }, { hold_read, wait_wlock, end_wlock },
	{ hold_fair_written, wait_fair_read, end_fair_read }, { hold_fair_read, wait_fair_write, end_fair_write },
	{ hold_poison, wait_poison, end_poison }, { hold_group, wait_group, end_group }, { hold_nothing, wait_barrier, end_barrier },
	{ hold_nothing, wait_once, end_once }, { hold_nothing, wait_cond, end_cond },
};

static void *
wait_cancelled(void *arg)
{
	const struct wait *wait = arg;

	fsy_atomic_u32_store(&waiter, (uint32_t)worker_tid());
	wait->wait();
	fsy_atomic_u32_store(&through, 1);
	pthread_testcancel();
	return NULL;
}

static int
cancelled_in_a_wait(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		pthread_t thread;
		void *result = NULL;

		begin();
		fsy_atomic_u32_store(&waiter, 0);
		fsy_atomic_u32_store(&through, 0);
		waits[i].hold();
		thread = worker_start(wait_cancelled, (void *)(uintptr_t)&waits[i]);
		while (fsy_atomic_u32_load(&waiter) == 0)
			sched_yield();
		wait_until_asleep((pid_t)fsy_atomic_u32_load(&waiter));
		CHILD_CHECK(pthread_cancel(thread) == 0);
		wait_until_asleep((pid_t)fsy_atomic_u32_load(&waiter));
		CHILD_CHECK(fsy_atomic_u32_load(&through) == 0);
		waits[i].end();
		CHILD_CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED && fsy_atomic_u32_load(&through) == 1);
	}
	return 0;
}

/* 34: every path within the least stack that a thread may have, paths without a record among them. */
static struct hand small_hands[2];

static void *
take_turns(void *arg)
{
	struct hand *hand = arg;

	for (int i = 0; loads[i] != NULL; i++)
		for (int turn = 0; turn < 60; turn++)
			load_turn(i, hand);
	fsy_atomic_u32_store(&hand->state, 1);
	return NULL;
}

static int
small_stacks(void *arg)
{
	pthread_attr_t attributes;

	(void)arg;
	if (SANITIZED) {
		fprintf(stderr, "a sanitizer needs larger stacks\n");
		return MISUSE_SKIPPED;
	}
	pthread_attr_init(&attributes);
	CHILD_CHECK(pthread_attr_setstacksize(&attributes, (size_t)sysconf(_SC_THREAD_STACK_MIN)) == 0);
	for (int i = 0; loads[i] != NULL; i++)
		loads[i]->begin();
	for (int i = 0; i < 2; i++) {
		small_hands[i].random = (uint64_t)i;
		CHILD_CHECK(pthread_create(&small_hands[i].thread, &attributes, take_turns, &small_hands[i]) == 0);
	}
	while (fsy_atomic_u32_load(&small_hands[0].state) + fsy_atomic_u32_load(&small_hands[1].state) < 2) {
		for (int i = 0; loads[i] != NULL; i++)
			if (loads[i]->rescue != NULL)
				loads[i]->rescue();
		sched_yield();
	}
	for (int i = 0; i < 2; i++)
		worker_join(small_hands[i].thread);
	CHILD_CHECK(loads_audit());
	return 0;
}

const struct misuse misuse_threads[] = {
	{ "16 a crowd at one lock", crowd, NULL, 0 },
	{ "24 a thread ends holding locks", ends_holding, NULL, 0 },
	{ "25 cancelled in a wait", cancelled_in_a_wait, NULL, 0 },
	{ "34 the smallest stack", small_stacks, NULL, 0 },
	{ NULL, NULL, NULL, 0 },
};
