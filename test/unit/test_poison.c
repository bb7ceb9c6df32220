/* SPDX-License-Identifier: MIT */
/* The poison mutex's contract, one promise at a time; through the inline functions and through their exported twins. */
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/poison.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The exported functions by their symbols: in this program the names themselves are the inline functions. */
extern int twin_lock(fsy_poison_mutex_t *m) __asm__("fsy_poison_mutex_lock");
extern int twin_trylock(fsy_poison_mutex_t *m) __asm__("fsy_poison_mutex_trylock");
extern int twin_lock_until(fsy_poison_mutex_t *m, fsy_deadline_t deadline) __asm__("fsy_poison_mutex_lock_until");
extern void twin_unlock(fsy_poison_mutex_t *m) __asm__("fsy_poison_mutex_unlock");

struct way {
	int (*lock)(fsy_poison_mutex_t *m);
	int (*trylock)(fsy_poison_mutex_t *m);
	int (*lock_until)(fsy_poison_mutex_t *m, fsy_deadline_t deadline);
	void (*unlock)(fsy_poison_mutex_t *m);
};

static int inline_lock(fsy_poison_mutex_t *m) { return fsy_poison_mutex_lock(m); }
static int inline_trylock(fsy_poison_mutex_t *m) { return fsy_poison_mutex_trylock(m); }
static int inline_lock_until(fsy_poison_mutex_t *m, fsy_deadline_t deadline) { return fsy_poison_mutex_lock_until(m, deadline); }
static void inline_unlock(fsy_poison_mutex_t *m) { fsy_poison_mutex_unlock(m); }

static const struct way inline_way = { inline_lock, inline_trylock, inline_lock_until, inline_unlock };
static const struct way twin_way = { twin_lock, twin_trylock, twin_lock_until, twin_unlock };
static const struct way *way;
static fsy_poison_mutex_t shared;

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
	choose_inline(state);
	way = &twin_way;
	return 0;
}

/* Nothing is left but the flag. */
static void
assert_free(const fsy_poison_mutex_t *m)
{
	assert_int_equal(fsy_atomic_u32_load(&m->word_) & ~FSY_LW_POISON_, 0);
	assert_int_equal(fsy_atomic_u32_load(&m->owner_), 0);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

struct try {
	fsy_poison_mutex_t *mutex;
	int result;
};

static void *
try_in_thread(void *arg)
{
	struct try *try = arg;

	try->result = way->trylock(try->mutex);
	if (try->result != FSY_EBUSY)
		way->unlock(try->mutex);
	return NULL;
}

/* What another thread's trylock says. */
static int
from_elsewhere(fsy_poison_mutex_t *m)
{
	struct try try = { m, -1 };

	worker_join(worker_start(try_in_thread, &try));
	return try.result;
}

static void
test_zero_is_unlocked(void **state)
{
	fsy_poison_mutex_t initialised = FSY_POISON_MUTEX_INIT, *zeroed = calloc(1, sizeof(*zeroed));
	fsy_poison_mutex_t *all[] = { &initialised, zeroed, &shared };

	(void)state;
	assert_non_null(zeroed);
	for (int i = 0; i < 3; i++) {
		assert_free(all[i]);
		assert_false(fsy_poison_mutex_is_poisoned(all[i]));
		assert_int_equal(way->trylock(all[i]), 0);
		assert_int_equal(way->trylock(all[i]), FSY_EBUSY);
		assert_int_equal(from_elsewhere(all[i]), FSY_EBUSY);
		way->unlock(all[i]);
		assert_int_equal(way->lock(all[i]), 0);
		assert_int_equal(from_elsewhere(all[i]), FSY_EBUSY);
		way->unlock(all[i]);
		assert_int_equal(way->lock_until(all[i], FSY_FOREVER), 0);
		assert_int_equal(from_elsewhere(all[i]), FSY_EBUSY);
		way->unlock(all[i]);
		assert_int_equal(from_elsewhere(all[i]), 0);
		assert_free(all[i]);
	}
	free(zeroed);
}

/* No limit, and no order: more locks than any list of a fixed size would hold, released in another order. */
static void
test_a_thread_may_hold_any_number(void **state)
{
	enum { MANY = 10000 };
	fsy_poison_mutex_t *many = calloc(MANY, sizeof(*many));

	(void)state;
	assert_non_null(many);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(way->lock(&many[i]), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(way->trylock(&many[i]), FSY_EBUSY);
	for (int i = 0; i < MANY; i++)
		way->unlock(&many[i * 7919L % MANY]);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(fsy_atomic_u32_load(&many[i].word_) | fsy_atomic_u32_load(&many[i].owner_), 0);
	free(many);
}

static void
test_neighbours(void **state)
{
	fsy_poison_mutex_t many[64];

	(void)state;
	memset(many, 0, sizeof(many));
	for (int i = 0; i < 64; i += 2)
		assert_int_equal(way->lock(&many[i]), 0);
	fsy_poison_mutex_poison(&many[31]);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(from_elsewhere(&many[i]), i % 2 == 0 ? FSY_EBUSY : i == 31 ? FSY_EPOISONED : 0);
		assert_int_equal(fsy_poison_mutex_is_poisoned(&many[i]), i == 31);
	}
	for (int i = 0; i < 64; i += 2)
		way->unlock(&many[i]);
}

/* Every way in reports it, and holds the lock all the same; it stays until it is cleared, and then is gone. */
static void
test_poisoned_is_locked_all_the_same(void **state)
{
	(void)state;
	fsy_poison_mutex_poison(&shared);
	assert_true(fsy_poison_mutex_is_poisoned(&shared));
	for (int i = 0; i < 3; i++) {
		errno = 77;
		assert_int_equal(i == 0 ? way->lock(&shared) : i == 1 ? way->trylock(&shared) : way->lock_until(&shared, 0), FSY_EPOISONED);
		assert_int_equal(errno, 77);
		assert_int_equal(from_elsewhere(&shared), FSY_EBUSY);
		way->unlock(&shared);
		assert_int_equal(from_elsewhere(&shared), FSY_EPOISONED);
		assert_free(&shared);
	}
	assert_int_equal(way->lock(&shared), FSY_EPOISONED);
	fsy_poison_mutex_clear_poison(&shared);
	assert_false(fsy_poison_mutex_is_poisoned(&shared));
	way->unlock(&shared);
	assert_int_equal(way->lock(&shared), 0);
	fsy_poison_mutex_poison(&shared);                /* by its holder: this one got it unpoisoned, the next will not */
	way->unlock(&shared);
	assert_int_equal(from_elsewhere(&shared), FSY_EPOISONED);
	fsy_poison_mutex_clear_poison(&shared);          /* nor need it be held for that */
	assert_int_equal(from_elsewhere(&shared), 0);
	assert_free(&shared);
}

static int
wait_in_vain(fsy_deadline_t deadline)
{
	struct try try = { &shared, -1 };
	int error = way->lock(&shared);

	worker_join(worker_start(try_in_thread, &try));
	assert_int_equal(try.result, FSY_EBUSY);
	if (way->lock_until(&shared, deadline) != FSY_ETIMEDOUT)
		return -1;
	way->unlock(&shared);
	return error;
}

/* The holder itself may try; with a deadline it times out. */
static void
test_deadlines(void **state)
{
	static const fsy_deadline_t past[] = { INT64_MIN, -1, 0, 1 };
	fsy_deadline_t soon;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(way->lock_until(&shared, past[i]), 0);
		way->unlock(&shared);
		assert_int_equal(wait_in_vain(past[i]), 0);
	}
	for (int ms = 0; ms < 30; ms += 7) {
		soon = fsy_after_ms(ms);
		assert_int_equal(wait_in_vain(soon), 0);
		assert_true(fsy_now() >= soon);
	}
	assert_free(&shared);
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
	fsy_deadline_t deadlines[] = { FSY_FOREVER, fsy_after_ms(60000) };

	(void)state;
	for (int i = 0; i < 2; i++) {
		pthread_t thread;

		protected_sum = 0;
		assert_int_equal(way->lock(&shared), 0);
		thread = worker_start(wait_and_add, &deadlines[i]);
		wait_until_parked(&shared, 1);
		assert_int_equal(protected_sum, 0);
		way->unlock(&shared);
		worker_join(thread);
		assert_int_equal(protected_sum, 1);
		assert_free(&shared);
	}
	workers_assert();
}

#define BOTH(test) cmocka_unit_test_setup(test, choose_inline), { #test " (twins)", test, choose_twins, NULL, NULL }

static const struct CMUnitTest tests[] = {
	BOTH(test_zero_is_unlocked),
	BOTH(test_a_thread_may_hold_any_number),
	BOTH(test_neighbours),
	BOTH(test_poisoned_is_locked_all_the_same),
	BOTH(test_deadlines),
	BOTH(test_waiter_gets_it_when_released),
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "poison mutex", tests, sizeof(tests) / sizeof(tests[0]), settings_fenced, 0 };

	return settings_main(argc, argv, &group);
}
