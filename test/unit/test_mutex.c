/* SPDX-License-Identifier: MIT */
/* The mutex's contract, one promise at a time; through the inline functions and through their exported twins. */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The exported functions by their symbols: in this program the names themselves are the inline functions. */
extern void twin_lock(fsy_mutex_t *m) __asm__("fsy_mutex_lock");
extern bool twin_trylock(fsy_mutex_t *m) __asm__("fsy_mutex_trylock");
extern int twin_lock_until(fsy_mutex_t *m, fsy_deadline_t deadline) __asm__("fsy_mutex_lock_until");
extern void twin_unlock(fsy_mutex_t *m) __asm__("fsy_mutex_unlock");

struct way {
	void (*lock)(fsy_mutex_t *m);
	bool (*trylock)(fsy_mutex_t *m);
	int (*lock_until)(fsy_mutex_t *m, fsy_deadline_t deadline);
	void (*unlock)(fsy_mutex_t *m);
};

static void inline_lock(fsy_mutex_t *m) { fsy_mutex_lock(m); }
static bool inline_trylock(fsy_mutex_t *m) { return fsy_mutex_trylock(m); }
static int inline_lock_until(fsy_mutex_t *m, fsy_deadline_t deadline) { return fsy_mutex_lock_until(m, deadline); }
static void inline_unlock(fsy_mutex_t *m) { fsy_mutex_unlock(m); }

static const struct way inline_way = { inline_lock, inline_trylock, inline_lock_until, inline_unlock };
static const struct way twin_way = { twin_lock, twin_trylock, twin_lock_until, twin_unlock };
static const struct way *way;
static fsy_mutex_t shared;

static int
choose_inline(void **state)
{
	(void)state;
	way = &inline_way;
	memset(&shared, 0, sizeof(shared));              /* whatever a failed test has left */
	return 0;
}

static int
choose_twins(void **state)
{
	(void)state;
	way = &twin_way;
	memset(&shared, 0, sizeof(shared));
	return 0;
}

static void
test_zero_is_unlocked(void **state)
{
	fsy_mutex_t initialised = FSY_MUTEX_INIT, *zeroed = calloc(1, sizeof(*zeroed));
	fsy_mutex_t *all[] = { &initialised, zeroed, &shared };

	(void)state;
	assert_non_null(zeroed);
	for (int i = 0; i < 3; i++) {
		assert_at_rest(all[i]);
		assert_true(way->trylock(all[i]));
		assert_false(way->trylock(all[i]));
		way->unlock(all[i]);
		way->lock(all[i]);
		assert_false(way->trylock(all[i]));
		way->unlock(all[i]);
		assert_int_equal(way->lock_until(all[i], FSY_FOREVER), 0);
		assert_false(way->trylock(all[i]));
		fsy_mutex_unlock_fair(all[i]);
		assert_at_rest(all[i]);
		fsy_mutex_destroy(all[i]);
		assert_true(way->trylock(all[i]));       /* destroyed is unlocked, too */
		way->unlock(all[i]);
	}
	free(zeroed);
}

/* A lock is not recursive, and another lock next to it is another lock. */
static void
test_neighbours(void **state)
{
	fsy_mutex_t many[64];

	(void)state;
	memset(many, 0, sizeof(many));
	for (int i = 0; i < 64; i += 2)
		way->lock(&many[i]);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(way->trylock(&many[i]), i % 2);
		way->unlock(&many[i]);
		assert_at_rest(&many[i]);
	}
}

static void *
unlock_for_another(void *arg)
{
	way->unlock(arg);
	return NULL;
}

static void
test_any_thread_may_unlock(void **state)
{
	(void)state;
	way->lock(&shared);
	worker_join(worker_start(unlock_for_another, &shared));
	assert_true(way->trylock(&shared));
	worker_join(worker_start(unlock_for_another, &shared));
	assert_at_rest(&shared);
}

static void
test_past_deadline_is_one_attempt(void **state)
{
	static const fsy_deadline_t past[] = { INT64_MIN, -1, 0, 1 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		fsy_deadline_t deadline = i < 4 ? past[i] : fsy_now() - 1;

		assert_int_equal(way->lock_until(&shared, deadline), 0);
		assert_int_equal(way->lock_until(&shared, deadline), FSY_ETIMEDOUT);
		assert_int_equal(parked_on(&shared), 0);
		way->unlock(&shared);
		assert_at_rest(&shared);
	}
}

static void
test_times_out_near_the_deadline(void **state)
{
	static const int spans[] = { 0, 1, 5, 30, 200, 3000, 20000, 60000 };    /* microseconds */
	int64_t late, least_late;

	(void)state;
	way->lock(&shared);
	for (int i = 0; i < 8; i++) {
		least_late = INT64_MAX;
		for (int round = 0; round < 5; round++) {
			fsy_deadline_t deadline = fsy_after_ns((int64_t)spans[i] * 1000);

			errno = 77;
			assert_int_equal(way->lock_until(&shared, deadline), FSY_ETIMEDOUT);
			late = fsy_now() - deadline;
			assert_true(late >= 0);
			assert_int_equal(errno, 77);
			least_late = late < least_late ? late : least_late;
		}
		/* One of five gets a CPU within a second even on a very busy machine. */
		assert_true(least_late < 1000000000);
	}
	way->unlock(&shared);
	assert_at_rest(&shared);
}

static uint64_t protected_sum;

static void *
wait_and_add(void *arg)
{
	W_CHECK(way->lock_until(&shared, *(fsy_deadline_t *)arg) == 0);
	protected_sum++;
	way->unlock(&shared);
	return NULL;
}

static void
test_waiter_gets_it_when_released(void **state)
{
	fsy_deadline_t deadlines[] = { FSY_FOREVER, fsy_after_ms(TEST_PATIENCE_MS) };

	(void)state;
	for (int i = 0; i < 2; i++) {
		pthread_t thread;

		protected_sum = 0;
		way->lock(&shared);
		thread = worker_start(wait_and_add, &deadlines[i]);
		wait_until_parked(&shared, 1);
		assert_int_equal(protected_sum, 0);
		assert_false(way->trylock(&shared));
		way->unlock(&shared);
		worker_join(thread);
		assert_int_equal(protected_sum, 1);
		assert_at_rest(&shared);
	}
	workers_assert();
}

/* The other way round: the one that waits came by unlock_fair, lock by lock_slow. */
static void
test_fair_unlock_hands_over(void **state)
{
	fsy_deadline_t forever = FSY_FOREVER;
	pthread_t thread;

	(void)state;
	protected_sum = 0;
	way->lock(&shared);
	thread = worker_start(wait_and_add, &forever);
	wait_until_parked(&shared, 1);
	fsy_mutex_unlock_fair(&shared);
	/* Nobody barges: whoever locks after unlock_fair returns comes after the waiter. */
	way->lock(&shared);
	assert_int_equal(protected_sum, 1);
	way->unlock(&shared);
	worker_join(thread);
	assert_at_rest(&shared);
	workers_assert();
}

/* A lock that is promised to a waiter is not for trylock, nor for one attempt; it is not lost either. */
static void
test_barred_lock(void **state)
{
	fsy_mutex_t barred = FSY_MUTEX_INIT;
	int64_t spin;

	(void)state;
	fsy_atomic_u32_store(&barred.word_, FSY_LW_BARRED_ | FSY_LW_SEARCHER_);
	assert_false(way->trylock(&barred));
	assert_int_equal(way->lock_until(&barred, 0), FSY_ETIMEDOUT);
	spin = set_spin(TEST_PATIENCE_NS);               /* nobody would wake this thread: it has to see the lock free twice before it sleeps */
	way->lock(&barred);                              /* its searcher does not turn up: taken all the same */
	set_spin(spin);
	assert_false(way->trylock(&barred));
	way->unlock(&barred);
	assert_true(way->trylock(&barred));
}

#define BOTH(test) cmocka_unit_test_setup(test, choose_inline), { #test " (twins)", test, choose_twins, NULL, NULL }

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(test_zero_is_unlocked),
		BOTH(test_neighbours),
		BOTH(test_any_thread_may_unlock),
		BOTH(test_past_deadline_is_one_attempt),
		BOTH(test_times_out_near_the_deadline),
		BOTH(test_waiter_gets_it_when_released),
		BOTH(test_fair_unlock_hands_over),
		BOTH(test_barred_lock),
	};

	watchdog("mutex", 200);
	return cmocka_run_group_tests_name("mutex", tests, NULL, NULL);
}
