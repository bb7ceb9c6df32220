/* SPDX-License-Identifier: MIT */
/* Values that are made once: the cell that anybody may fill, and the one that knows how. */
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/lazy.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

extern int twin_get_or_init(fsy_lazy_t *l, fsy_lazy_init_t init, void *arg, void **value) __asm__("fsy_lazy_get_or_init");
extern int twin_fn_get(fsy_lazy_fn_t *l, void **value) __asm__("fsy_lazy_fn_get");
extern void *twin_get(const fsy_lazy_t *l) __asm__("fsy_lazy_get");
extern bool twin_is_set(const fsy_lazy_t *l) __asm__("fsy_lazy_is_set");

static fsy_lazy_t cell;
static int runs, answer, one, two;
static void *found;

static int
fresh(void **state)
{
	(void)state;
	cell = (fsy_lazy_t)FSY_LAZY_INIT;
	runs = answer = 0;
	found = NULL;
	return 0;
}

static int
init(void **value, void *arg)
{
	runs++;
	*value = arg;
	return answer;
}

static void
test_get_or_init(void **state)
{
	(void)state;
	assert_null(fsy_lazy_get(&cell));
	assert_false(fsy_lazy_is_set(&cell));
	for (int i = 0; i < 3; i++) {
		found = NULL;
		assert_int_equal(fsy_lazy_get_or_init(&cell, init, i == 0 ? &one : &two, &found), 0);
		assert_ptr_equal(found, &one);
	}
	assert_int_equal(runs, 1);
	assert_ptr_equal(fsy_lazy_get(&cell), &one);
	assert_true(fsy_lazy_is_set(&cell));
}

static void
test_twins(void **state)
{
	fsy_lazy_fn_t stored = FSY_LAZY_FN_INIT(init, &two);

	(void)state;
	assert_false(twin_is_set(&cell));
	assert_int_equal(twin_get_or_init(&cell, init, &one, &found), 0);
	assert_true(found == &one && twin_get(&cell) == &one && twin_is_set(&cell));
	assert_int_equal(twin_fn_get(&stored, &found), 0);
	assert_ptr_equal(found, &two);
}

static void
test_r8_failed_init_leaves_it_empty(void **state)
{
	(void)state;
	for (answer = 3; answer > 0; answer--) {
		assert_int_equal(fsy_lazy_get_or_init(&cell, init, &one, &found), answer);
		assert_true(found == NULL && fsy_lazy_get(&cell) == NULL && !fsy_lazy_is_set(&cell));
	}
	assert_int_equal(fsy_lazy_get_or_init(&cell, init, &two, &found), 0);
	assert_ptr_equal(found, &two);
	assert_int_equal(runs, 4);
}

static void
test_r8_set(void **state)
{
	(void)state;
	assert_int_equal(fsy_lazy_wait_until(&cell, fsy_after_ms(1), &found), FSY_ETIMEDOUT);
	assert_int_equal(fsy_lazy_set(&cell, &one), 0);
	assert_int_equal(fsy_lazy_set(&cell, &two), FSY_EBUSY);
	assert_ptr_equal(fsy_lazy_get(&cell), &one);
	assert_int_equal(fsy_lazy_get_or_init(&cell, init, &two, &found), 0);
	assert_true(found == &one && runs == 0);
	assert_int_equal(fsy_lazy_wait_until(&cell, 0, &found), 0);
	assert_ptr_equal(found, &one);
}

static void
test_null_is_a_value(void **state)
{
	(void)state;
	assert_int_equal(fsy_lazy_set(&cell, NULL), 0);
	assert_true(fsy_lazy_is_set(&cell) && fsy_lazy_get(&cell) == NULL);
	assert_int_equal(fsy_lazy_set(&cell, &one), FSY_EBUSY);
}

static void
test_take(void **state)
{
	(void)state;
	assert_null(fsy_lazy_take(&cell));
	assert_int_equal(fsy_lazy_set(&cell, &one), 0);
	assert_ptr_equal(fsy_lazy_take(&cell), &one);
	assert_false(fsy_lazy_is_set(&cell));
	assert_null(fsy_lazy_take(&cell));
	assert_int_equal(fsy_lazy_set(&cell, &two), 0);
	assert_ptr_equal(fsy_lazy_get(&cell), &two);
}

static int
use_itself(void **value, void *arg)
{
	assert_int_equal(fsy_lazy_get_or_init(&cell, init, arg, value), FSY_EDEADLK);
	assert_int_equal(fsy_lazy_set(&cell, arg), FSY_EDEADLK);
	assert_int_equal(fsy_lazy_wait_until(&cell, FSY_FOREVER, value), FSY_EDEADLK);
	assert_null(fsy_lazy_get(&cell));
	*value = arg;
	return 0;
}

static void
test_recursion(void **state)
{
	(void)state;
	assert_int_equal(fsy_lazy_get_or_init(&cell, use_itself, &one, &found), 0);
	assert_true(found == &one && runs == 0);
}

/* R8, the race: set against set, and set and get_or_init against an init that fails or not. */
static struct gate started, finish;
static int set_error;

static int
held(void **value, void *arg)
{
	gate_open(&started);
	gate_pass(&finish);
	return init(value, arg);
}

static void *
run_held(void *arg)
{
	W_CHECK(fsy_lazy_get_or_init(&cell, held, arg, &found) == answer);
	return NULL;
}

static void *
run_set(void *arg)
{
	set_error = fsy_lazy_set(&cell, arg);
	return NULL;
}

static void *
run_wait(void *arg)
{
	W_CHECK(fsy_lazy_wait_until(&cell, FSY_FOREVER, arg) == 0);
	return NULL;
}

static void
test_r8_set_during_init(void **state)
{
	(void)state;
	for (answer = 0; answer < 2; answer++) {
		pthread_t threads[3];
		void *waited = NULL;

		cell = (fsy_lazy_t)FSY_LAZY_INIT;
		started = (struct gate)GATE("init starts");
		finish = (struct gate)GATE("init ends");
		threads[0] = worker_start(run_wait, &waited);
		wait_until_parked(&cell, 1);
		threads[1] = worker_start(run_held, &one);
		gate_pass(&started);
		threads[2] = worker_start(run_set, &two);
		wait_until_parked(&cell, 2);
		gate_open(&finish);
		for (int i = 0; i < 3; i++)
			worker_join(threads[i]);
		workers_assert();
		assert_int_equal(set_error, answer == 0 ? FSY_EBUSY : 0);
		assert_ptr_equal(waited, answer == 0 ? &one : &two);
		assert_ptr_equal(fsy_lazy_get(&cell), waited);
	}
}

enum { RACERS = 8, ROUNDS = 200 };
static struct gate race = GATE("race");
static fsy_atomic_u32 winners;

static void *
racer(void *arg)
{
	void *value;

	for (int i = 0; i < ROUNDS; i++) {
		gate_meet(&race, RACERS + 1);
		if ((uintptr_t)arg % 2 == 0) {
			int error = fsy_lazy_set(&cell, arg);

			W_CHECK(error == 0 || error == FSY_EBUSY);
			W_CHECK(fsy_lazy_is_set(&cell) && (error == 0) == (fsy_lazy_get(&cell) == arg));
			fsy_atomic_u32_add(&winners, error == 0);
		} else {
			W_CHECK(fsy_lazy_get_or_init(&cell, init, arg, &value) == 0);
			W_CHECK(value == fsy_lazy_get(&cell));
			fsy_atomic_u32_add(&winners, value == arg);
		}
		gate_meet(&race, RACERS + 1);
	}
	return NULL;
}

static void
test_r8_one_winner(void **state)
{
	pthread_t threads[RACERS];

	(void)state;
	for (uintptr_t i = 0; i < RACERS; i++)
		threads[i] = worker_start(racer, (void *)(i + 1));
	for (int i = 0; i < ROUNDS; i++) {
		fsy_lazy_take(&cell);
		fsy_atomic_u32_store(&winners, 0);
		gate_meet(&race, RACERS + 1);
		gate_meet(&race, RACERS + 1);
		assert_int_equal(fsy_atomic_u32_load(&winners), 1);
	}
	for (int i = 0; i < RACERS; i++)
		worker_join(threads[i]);
	workers_assert();
}

/* G9: Go's OnceValue, Rust's LazyLock. */
static void
test_g9_first_failure_is_repeated(void **state)
{
	fsy_lazy_fn_t good = FSY_LAZY_FN_INIT(init, &one), bad = FSY_LAZY_FN_INIT(init, &two);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fsy_lazy_fn_get(&good, &found), 0);
		assert_ptr_equal(found, &one);
	}
	assert_int_equal(runs, 1);
	found = NULL;
	for (answer = 7; answer < 10; answer++)
		assert_int_equal(fsy_lazy_fn_get(&bad, &found), 7);
	assert_int_equal(runs, 2);
	assert_null(found);
}

static fsy_lazy_fn_t *inner;

static int
nested(void **value, void *arg)
{
	(void)arg;
	return fsy_lazy_fn_get(inner, value);
}

static void
test_g9_recursion(void **state)
{
	static fsy_lazy_fn_t stored = FSY_LAZY_FN_INIT(nested, NULL);

	(void)state;
	inner = &stored;
	for (int i = 0; i < 2; i++)
		assert_int_equal(fsy_lazy_fn_get(&stored, &found), FSY_EDEADLK);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, fresh)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(get_or_init), TEST(twins), TEST(r8_failed_init_leaves_it_empty), TEST(r8_set), TEST(null_is_a_value), TEST(take),
		TEST(recursion), TEST(r8_set_during_init), TEST(r8_one_winner), TEST(g9_first_failure_is_repeated), TEST(g9_recursion),
	};

	watchdog("lazy values", 200);
	return cmocka_run_group_tests_name("lazy values", tests, NULL, NULL);
}
