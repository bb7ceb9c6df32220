/* SPDX-License-Identifier: MIT */
/* Every operation of atomic.h in every order: results, stored values, wrap-around, and nothing lost between threads. */
#include <fastsync/atomic.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* A cell between two guards, so that an operation of the wrong width shows. */
#define GUARDED(T) struct { uint64_t before; T cell; uint64_t after; }
#define GUARD 0xa5a5a5a5a5a5a5a5u
#define EXPECT(box, load, value) do {                                           \
		assert_true(load(&(box).cell) == (value));                      \
		assert_true((box).before == GUARD && (box).after == GUARD);     \
	} while (0)

#define LOADS_AND_STORES(T, V, a, b) do {                                       \
		GUARDED(T) box = { GUARD, { 0 }, GUARD };                       \
		EXPECT(box, T##_load, (V)0);                                    \
		T##_store(&box.cell, a);                                        \
		EXPECT(box, T##_load, a);                                       \
		T##_store_rlx(&box.cell, b);                                    \
		EXPECT(box, T##_load_rlx, b);                                   \
		T##_store_rel(&box.cell, a);                                    \
		EXPECT(box, T##_load_acq, a);                                   \
	} while (0)

#define SWAP_AND_CAS(T, V, a, b, order) do {                                    \
		GUARDED(T) box = { GUARD, { 0 }, GUARD };                       \
		V seen = b;                                                     \
		assert_true(T##_swap##order(&box.cell, a) == (V)0);             \
		EXPECT(box, T##_load, a);                                       \
		assert_false(T##_cas##order(&box.cell, &seen, b));              \
		assert_true(seen == (a));                                       \
		EXPECT(box, T##_load, a);                                       \
		assert_true(T##_cas##order(&box.cell, &seen, b));               \
		assert_true(seen == (a));                                       \
		EXPECT(box, T##_load, b);                                       \
		assert_true(T##_swap##order(&box.cell, a) == (b));              \
		EXPECT(box, T##_load, a);                                       \
	} while (0)

/* The largest value plus one wraps to the smallest, also for signed types. */
#define ARITHMETIC(T, V, smallest, largest, order) do {                         \
		GUARDED(T) box = { GUARD, { 40 }, GUARD };                      \
		assert_true(T##_add##order(&box.cell, 2) == 40);                \
		EXPECT(box, T##_load, (V)42);                                   \
		assert_true(T##_add##order(&box.cell, (V)-2) == 42);            \
		EXPECT(box, T##_load, (V)40);                                   \
		assert_true(T##_or##order(&box.cell, 3) == 40);                 \
		EXPECT(box, T##_load, (V)43);                                   \
		assert_true(T##_and##order(&box.cell, 0x29) == 43);             \
		EXPECT(box, T##_load, (V)41);                                   \
		T##_store(&box.cell, largest);                                  \
		assert_true(T##_add##order(&box.cell, 1) == (largest));         \
		EXPECT(box, T##_load, smallest);                                \
		assert_true(T##_fetch_max##order(&box.cell, 7) == (smallest));  \
		EXPECT(box, T##_load, (V)((smallest) < 7 ? 7 : (smallest)));    \
		assert_true(T##_fetch_max##order(&box.cell, 5) == 7);           \
		EXPECT(box, T##_load, (V)7);                                    \
		assert_true(T##_fetch_min##order(&box.cell, 9) == 7);           \
		EXPECT(box, T##_load, (V)7);                                    \
		assert_true(T##_fetch_min##order(&box.cell, 6) == 7);           \
		EXPECT(box, T##_load, (V)6);                                    \
		assert_true(T##_fetch_min##order(&box.cell, smallest) == 6);    \
		EXPECT(box, T##_load, smallest);                                \
		assert_true(T##_fetch_max##order(&box.cell, largest) == (smallest)); \
		EXPECT(box, T##_load, largest);                                 \
	} while (0)

#define EVERY_ORDER(X, ...) do {                                                \
		X(__VA_ARGS__, );                                               \
		X(__VA_ARGS__, _rlx);                                           \
		X(__VA_ARGS__, _acq);                                           \
		X(__VA_ARGS__, _rel);                                           \
		X(__VA_ARGS__, _acqrel);                                        \
	} while (0)

#define INTEGER_TEST(name, T, V, smallest, largest)                             \
	static void                                                             \
	name(void **state)                                                      \
	{                                                                       \
		(void)state;                                                    \
		LOADS_AND_STORES(T, V, (V)17, largest);                         \
		LOADS_AND_STORES(T, V, smallest, (V)-1);                        \
		EVERY_ORDER(SWAP_AND_CAS, T, V, (V)17, largest);                \
		EVERY_ORDER(ARITHMETIC, T, V, smallest, largest);               \
	}

INTEGER_TEST(test_i32, fsy_atomic_i32, int32_t, INT32_MIN, INT32_MAX)
INTEGER_TEST(test_i64, fsy_atomic_i64, int64_t, INT64_MIN, INT64_MAX)
INTEGER_TEST(test_u32, fsy_atomic_u32, uint32_t, (uint32_t)0, UINT32_MAX)
INTEGER_TEST(test_u64, fsy_atomic_u64, uint64_t, (uint64_t)0, UINT64_MAX)

static void
test_bool(void **state)
{
	(void)state;
	LOADS_AND_STORES(fsy_atomic_bool, bool, true, false);
	EVERY_ORDER(SWAP_AND_CAS, fsy_atomic_bool, bool, true, false);
}

static void
test_ptr(void **state)
{
	int a, b;

	(void)state;
	LOADS_AND_STORES(fsy_atomic_ptr, void *, (void *)&a, (void *)&b);
	EVERY_ORDER(SWAP_AND_CAS, fsy_atomic_ptr, void *, (void *)&a, (void *)&b);
}

/* Between threads: sums are complete, extremes survive, and what a release published an acquire sees. */
enum { THREADS = 4, ROUNDS = 20000 };

static struct {
	fsy_atomic_u64 sum;
	fsy_atomic_i64 highest, lowest;
	fsy_atomic_u32 bits, turn;
	uint64_t plain;                         /* only the thread whose turn it is touches it */
} shared;

static void *
worker(void *arg)
{
	uint32_t self = (uint32_t)(uintptr_t)arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		int64_t value = (int64_t)i * THREADS + self;

		fsy_atomic_u64_add_rlx(&shared.sum, i);
		fsy_atomic_i64_fetch_max_rlx(&shared.highest, value);
		fsy_atomic_i64_fetch_min_rlx(&shared.lowest, -value);
		fsy_atomic_u32_or_rlx(&shared.bits, 1u << (self * 8 + i % 8));
		if (fsy_atomic_u32_load_acq(&shared.turn) % THREADS == self) {
			shared.plain++;
			fsy_atomic_u32_add_rel(&shared.turn, 1);
		}
	}
	return NULL;
}

static void
test_between_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(fsy_atomic_u64_load(&shared.sum) == (uint64_t)THREADS * ROUNDS * (ROUNDS - 1) / 2);
	assert_true(fsy_atomic_i64_load(&shared.highest) == (int64_t)THREADS * ROUNDS - 1);
	assert_true(fsy_atomic_i64_load(&shared.lowest) == 1 - (int64_t)THREADS * ROUNDS);
	assert_true(fsy_atomic_u32_load(&shared.bits) == UINT32_MAX);
	assert_true(shared.plain == fsy_atomic_u32_load(&shared.turn) && shared.plain > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_i32),
		cmocka_unit_test(test_i64),
		cmocka_unit_test(test_u32),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_ptr),
		cmocka_unit_test(test_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
