/* SPDX-License-Identifier: MIT */
/*
 * Fair rwlocks under stress: exclusion, promises and the flag's truth in every mode of locking, with writers that die; and memory taken away
 * the moment that the last user has the lock back.
 */
#include "test/support/fairlocks.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

enum { MOST = 24, LIVES = 300 };

/* Guarded by the lock, with no atomics: two that get in together leave traces. Dirty: the last writer died. */
static struct {
	fsy_fair_rwlock_t lock;
	uint64_t sum, mirror;
	bool dirty;
} shared;

static fsy_atomic_u64 expected, deaths, reads, upgrades;

static int
get_in(uint64_t random, bool write)
{
	fsy_deadline_t deadline = fsy_after_ns((int64_t)(random >> 8) % 100000);

	switch (random % 8) {
	case 0:
		return write ? fsy_fair_rwlock_trylock(&shared.lock) : fsy_fair_rwlock_tryrlock(&shared.lock);
	case 1:
		return write ? fsy_fair_rwlock_lock_until(&shared.lock, deadline) : fsy_fair_rwlock_rlock_until(&shared.lock, deadline);
	default:
		return write ? fsy_fair_rwlock_lock(&shared.lock) : fsy_fair_rwlock_rlock(&shared.lock);
	}
}

static void
look(int error, uint64_t draw)
{
	uint64_t seen = shared.sum;

	W_CHECK(error == (shared.dirty ? FSY_EPOISONED : 0));
	W_CHECK(shared.mirror == seen);
	if (draw >> 40 & 1)
		sched_yield();                           /* so that others come to sleep */
	W_CHECK(shared.sum == seen && shared.mirror == seen);
	fsy_atomic_u64_add_rlx(&reads, 1);
}

static void
change(uint64_t draw)
{
	shared.dirty = false;
	fsy_fair_rwlock_clear_poison(&shared.lock);
	W_CHECK(shared.sum == shared.mirror);
	shared.sum++;
	if (draw >> 42 & 1)
		sched_yield();
	shared.mirror++;
	fsy_atomic_u64_add_rlx(&expected, 1);
}

/* False: the thread is to die with the lock. */
static bool
write_somehow(int error, uint64_t draw)
{
	uint64_t mine;

	W_CHECK(error == (shared.dirty ? FSY_EPOISONED : 0));
	change(draw);
	if ((draw >> 43) % 64 == 0) {
		shared.dirty = true;
		fsy_atomic_u64_add_rlx(&deaths, 1);
		return false;
	}
	if ((draw >> 49) % 4 != 0) {
		fsy_fair_rwlock_unlock(&shared.lock);
		return true;
	}
	mine = shared.sum;
	fsy_fair_rwlock_downgrade(&shared.lock);
	look(0, draw);
	W_CHECK(shared.sum == mine);
	fsy_fair_rwlock_runlock(&shared.lock);
	return true;
}

static bool
read_somehow(int error, uint64_t draw)
{
	uint64_t seen = shared.sum;

	look(error, draw);
	if ((draw >> 49) % 8 == 0 && fsy_fair_rwlock_try_upgrade(&shared.lock)) {
		W_CHECK(shared.sum == seen);
		fsy_atomic_u64_add_rlx(&upgrades, 1);
		return write_somehow(error, draw);
	}
	fsy_fair_rwlock_runlock(&shared.lock);
	return true;
}

/* One thread's life: it ends by itself, or with the lock. */
static void *
live(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg;

	for (int i = 0; i < LIVES; i++) {
		uint64_t draw = test_random(&random);
		bool write = (draw >> 60) % 4 == 0;
		int error = get_in(draw, write);

		if (error == FSY_EBUSY || error == FSY_ETIMEDOUT)
			continue;
		if (!(write ? write_somehow : read_somehow)(error, draw))
			break;
	}
	return NULL;
}

static void
everybody_at_once(int count, uint64_t *seed, fsy_deadline_t end)
{
	memset(&shared, 0, sizeof(shared));
	fsy_atomic_u64_store(&expected, 0);
	stress_lives(live, count, seed, end);
	assert_int_equal(fsy_fair_rwlock_lock(&shared.lock), shared.dirty ? FSY_EPOISONED : 0);
	fsy_fair_rwlock_clear_poison(&shared.lock);
	fsy_fair_rwlock_unlock(&shared.lock);
	assert_int_equal(shared.sum, fsy_atomic_u64_load(&expected));
	assert_int_equal(shared.mirror, shared.sum);
	assert_fair_at_rest(&shared.lock);
}

static void
test_all_ways_and_deaths(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		int64_t tenure = strict ? fair_set_tenure(0) : fair_set_tenure(100000);

		for (int count = 3; count <= MOST; count *= 8)
			everybody_at_once(count, &seed, stress_until(2000, 5));
		fair_set_tenure(tenure);
	}
	printf("%llu reads, %llu upgrades, %llu deaths\n", (unsigned long long)fsy_atomic_u64_load(&reads),
	       (unsigned long long)fsy_atomic_u64_load(&upgrades), (unsigned long long)fsy_atomic_u64_load(&deaths));
}

/* A page for one lock: whoever leaves it last unmaps it at once. An access after that is the end of the program. */
struct page {
	fsy_fair_rwlock_t lock;
	uint32_t users;                                  /* guarded by it */
};

static void *
use_and_unmap(void *arg)
{
	struct page *page = *(struct page **)arg;
	bool last;

	for (int i = 0; i < 3; i++) {
		W_CHECK(fsy_fair_rwlock_rlock(&page->lock) == 0);
		fsy_fair_rwlock_runlock(&page->lock);
	}
	W_CHECK(fsy_fair_rwlock_lock(&page->lock) == 0);
	last = --page->users == 0;
	fsy_fair_rwlock_unlock(&page->lock);
	if (last)
		munmap(page, (size_t)sysconf(_SC_PAGESIZE));
	return NULL;
}

static void
test_gone_with_the_last_unlock(void **state)
{
	fsy_deadline_t end = stress_until(2000, 5);
	pthread_t threads[4];
	int rounds = 0;

	(void)state;
	for (; fsy_now() < end; rounds++) {
		struct page *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_true(page != MAP_FAILED);
		page->users = 4;
		for (int i = 0; i < 4; i++)
			threads[i] = worker_start(use_and_unmap, &page);
		for (int i = 0; i < 4; i++)
			worker_join(threads[i]);
	}
	workers_assert();
	printf("%d locks\n", rounds);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_ways_and_deaths),
		cmocka_unit_test(test_gone_with_the_last_unlock),
	};

	watchdog("stress of fair rwlocks", 200);
	return cmocka_run_group_tests_name("fair rwlocks under stress", tests, NULL, NULL);
}
