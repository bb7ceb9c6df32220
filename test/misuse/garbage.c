/* SPDX-License-Identifier: MIT */
/* garbage.c - objects that nobody has initialised, or somebody has written over. */
#include "misuse.h"
#include "test/support/worker.h"

#include <fastsync/barrier.h>
#include <fastsync/cond.h>
#include <fastsync/error.h>
#include <fastsync/fairlock.h>
#include <fastsync/once.h>
#include <fastsync/poison.h>
#include <fastsync/rwmutex.h>
#include <fastsync/waitgroup.h>
#include <setjmp.h>
#include <string.h>

/* Garbage between guards: whatever the calls make of it, they come back or say what is wrong, and keep to the object. */
enum { GUARD = 64, LARGEST = 64, PATTERNS = 256 };

static struct {
	unsigned char before[GUARD], object[LARGEST], after[GUARD];
} __attribute__((aligned(64))) place;
static jmp_buf back;

static void
complain(const char *line)
{
	CHILD_CHECK(strncmp(line, "fastsync: ", 10) == 0 && strstr(line, " 0x") != NULL);
	longjmp(back, 1);
}

static void
use_mutex(void *object, fsy_deadline_t deadline)
{
	if (fsy_mutex_trylock(object) || fsy_mutex_lock_until(object, deadline) == 0)
		fsy_mutex_unlock(object);
	fsy_mutex_unlock(object);
}

static void
use_rwmutex(void *object, fsy_deadline_t deadline)
{
	if (fsy_rwmutex_tryrlock(object) || fsy_rwmutex_rlock_until(object, deadline) == 0)
		fsy_rwmutex_runlock(object);
	if (fsy_rwmutex_trylock(object) || fsy_rwmutex_lock_until(object, deadline) == 0)
		fsy_rwmutex_unlock(object);
	fsy_rwmutex_unlock(object);
}

static void
use_fair(void *object, fsy_deadline_t deadline)
{
	int error = fsy_fair_rwlock_rlock_until(object, deadline);

	if (error == 0 || error == FSY_EPOISONED)
		fsy_fair_rwlock_runlock(object);
	error = fsy_fair_rwlock_lock_until(object, deadline);
	if (error == 0 || error == FSY_EPOISONED)
		fsy_fair_rwlock_unlock(object);
	fsy_fair_rwlock_unlock(object);
}

static void
use_poison(void *object, fsy_deadline_t deadline)
{
	int error = fsy_poison_mutex_lock_until(object, deadline);

	if (error == 0 || error == FSY_EPOISONED)
		fsy_poison_mutex_unlock(object);
	fsy_poison_mutex_unlock(object);
}

static int
succeed(void *arg)
{
	(void)arg;
	return 0;
}

static void
use_once(void *object, fsy_deadline_t deadline)
{
	(void)!fsy_once_try_until(object, succeed, NULL, deadline);
	(void)!fsy_once_wait_until(object, deadline);
	(void)fsy_once_state(object);
}

/* A counter of zero with a mark is the moment between a last done and its end: a wait waits for that, as it must. */
static void
use_waitgroup(void *object, fsy_deadline_t deadline)
{
	uint32_t halves[2];

	memcpy(halves, object, sizeof(halves));
	if (halves[0] == 0 || halves[1] != 0)
		(void)!fsy_waitgroup_wait_until(object, deadline);
	fsy_waitgroup_done(object);
}

static void
use_cond(void *object, fsy_deadline_t deadline)
{
	fsy_mutex_t mutex = FSY_MUTEX_INIT;

	fsy_cond_signal(object);
	fsy_cond_broadcast(object);
	fsy_mutex_lock(&mutex);
	(void)!fsy_cond_wait_until(object, &mutex, deadline);
	fsy_mutex_unlock(&mutex);
}

static void
use_barrier(void *object, fsy_deadline_t deadline)
{
	(void)!fsy_barrier_wait_until(object, deadline, NULL);
}

static const struct {
	size_t size;
	void (*use)(void *object, fsy_deadline_t deadline);
} kinds[] = {
	{ sizeof(fsy_mutex_t), use_mutex }, { sizeof(fsy_rwmutex_t), use_rwmutex }, { sizeof(fsy_fair_rwlock_t), use_fair },
	{ sizeof(fsy_poison_mutex_t), use_poison }, { sizeof(fsy_once_t), use_once }, { sizeof(fsy_waitgroup_t), use_waitgroup },
	{ sizeof(fsy_cond_t), use_cond }, { sizeof(fsy_barrier_t), use_barrier },
};

static void
scribble(uint64_t *random, size_t kind, int pattern)
{
	memset(&place, 0xcc, sizeof(place));
	for (size_t i = 0; i < kinds[kind].size; i++)
		place.object[i] = pattern == 0 ? 0xff : pattern == 1 ? 0x5a : (unsigned char)(test_random(random) >> 56);
	if (pattern < PATTERNS / 2)
		return;
	memset(place.object, 0, kinds[kind].size);       /* nearly sane: one bit that should not be */
	place.object[(size_t)pattern / 8 % kinds[kind].size] = (unsigned char)(1 << pattern % 8);
}

int
misuse_garbage(void *arg)
{
	static volatile int pattern, kind;
	static uint64_t random = 1;

	(void)arg;
	fsy_set_fatal(complain);
	for (kind = 0; kind < (int)(sizeof(kinds) / sizeof(kinds[0])); kind++) {
		for (pattern = 0; pattern < PATTERNS; pattern++) {
			scribble(&random, (size_t)kind, pattern);
			if (setjmp(back) == 0)
				kinds[kind].use(place.object, fsy_after_ns(20000));
			for (size_t i = kinds[kind].size; i < LARGEST; i++)
				CHILD_CHECK(place.object[i] == 0xcc);
			for (int i = 0; i < GUARD; i++)
				CHILD_CHECK(place.before[i] == 0xcc && place.after[i] == 0xcc);
		}
	}
	return 0;
}
