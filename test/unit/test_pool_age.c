/* SPDX-License-Identifier: MIT */
/* Ageing: two ticks destroy what nobody asks for, once, wherever it is kept; trim and relieve do not wait for them. */
#include "lib/data/pool.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/things.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MANY = 500, HOUR = 3600 };

static struct thing *held[MANY];

static void
fill(fsy_pool_t *pool, int count)
{
	for (int i = 0; i < count; i++)
		held[i] = thing_get(pool);
	for (int i = 0; i < count; i++)
		thing_put(pool, held[i]);
}

static fsy_pool_stats_t
stats_of(fsy_pool_t *pool)
{
	fsy_pool_stats_t stats;

	fsy_pool_stats(pool, &stats);
	return stats;
}

static fsy_pool_t *
hourly(void)
{
	return things_pool((fsy_pool_config_t){ .idle_ns = (int64_t)HOUR * 1000000000 });
}

/* What an hour later is destroyed. */
static size_t
tick(fsy_pool_t *pool)
{
	fsy_atomic_i64_store(&((struct fsyi_pool *)(void *)pool)->tick_at, fsy_now());
	return fsy_pool_tick(pool);
}

/* In the cell, in a magazine, in the depot: at the first tick it lives, at the second it is destroyed, and only once. */
static void
test_g11_two_periods(void **state)
{
	(void)state;
	for (int count = 1; count <= MANY; count = count * 3 + 1) {
		fsy_pool_t *pool = hourly();

		fill(pool, count);
		for (int hour = 1; hour <= 3; hour++) {
			assert_int_equal(tick(pool), hour == 2 ? count : 0);
			assert_int_equal(stats_of(pool).ticks, hour);
			assert_int_equal(stats_of(pool).idle, hour == 1 ? count : 0);
			assert_int_equal(things_destroyed(), hour == 1 ? 0 : count);
			assert_int_equal(fsy_pool_tick(pool), 0);                /* not due again */
		}
		fsy_pool_free(pool);
		things_reset();
	}
}

/* Used once per period: it lives. What lay beside it does not. */
static void
test_use_keeps_alive(void **state)
{
	fsy_pool_t *pool = hourly();
	struct thing *kept;

	(void)state;
	for (int i = 0; i < 50; i++)
		fsy_pool_put(pool, thing_new(NULL));
	for (int period = 0; period < 10; period++) {
		tick(pool);
		kept = thing_get(pool);                  /* out of the victims, one alone */
		assert_int_equal(stats_of(pool).destroyed, period == 0 ? 0 : 49);
		thing_put(pool, kept);
	}
	assert_int_equal(things_made(), 50);
	fsy_pool_free(pool);
	things_reset();
}

static void
test_never(void **state)
{
	fsy_pool_t *pool = things_pool((fsy_pool_config_t){ .idle_ns = FSY_FOREVER });

	(void)state;
	fill(pool, MANY);
	for (int i = 0; i < 5; i++)
		assert_int_equal(fsy_pool_tick(pool), 0);
	assert_int_equal(stats_of(pool).ticks, 0);
	assert_int_equal(stats_of(pool).idle, MANY);
	assert_int_equal(fsy_pool_trim(pool), MANY);
	fsy_pool_free(pool);
	things_reset();
}

/* Nobody calls tick: calls that reach the depots do. */
static void
test_callers_age(void **state)
{
	fsy_pool_t *pool = things_pool((fsy_pool_config_t){ .idle_ns = 1 });     /* has always passed */

	(void)state;
	for (int i = 0; i < 5; i++)
		fill(pool, MANY);
	assert_true(stats_of(pool).ticks > 0);
	assert_true(stats_of(pool).aged > 0);
	fsy_pool_free(pool);
	things_reset();
}

static fsy_pool_t *shared;
static struct gate full = GATE("full"), go_on = GATE("go on");

static void *
sleep_on_them(void *arg)
{
	struct thing *mine[100], *out;

	for (int i = 0; i < 100; i++)
		mine[i] = thing_get(shared);
	for (int i = 0; i < 100; i++)
		thing_put(shared, mine[i]);
	out = thing_get(shared);                         /* one stays in its hand meanwhile */
	gate_meet(&full, 2);
	gate_pass(&go_on);
	thing_put(shared, out);
	out = thing_get(shared);
	W_CHECK(out != NULL);
	thing_put(shared, out);
	return arg;
}

/* A thread that sleeps with two magazines: they age all the same, and it goes on with empty ones. */
static void
test_sleepers_are_reaped(void **state)
{
	pthread_t thread;
	bool fenced = FSY_ASYMMETRIC_ && fsy_attention_ != NULL;

	(void)state;
	if (!fenced) {
		printf("skip test_sleepers_are_reaped: no membarrier\n");
		skip();
	}
	shared = things_pool((fsy_pool_config_t){ 0 });
	thread = worker_start(sleep_on_them, NULL);
	gate_meet(&full, 2);
	assert_int_equal(stats_of(shared).idle, 99);
	assert_int_equal(fsy_pool_trim(shared), 99);
	assert_int_equal(stats_of(shared).idle, 0);
	gate_open(&go_on);
	worker_join(thread);
	assert_int_equal(things_made(), 100);
	assert_int_equal(stats_of(shared).idle, 1);
	fsy_pool_free(shared);
	things_reset();
}

static void
test_relieve(void **state)
{
	fsy_pool_t *pools[150];

	(void)state;
	for (int i = 0; i < 150; i++) {
		pools[i] = things_pool((fsy_pool_config_t){ 0 });
		fill(pools[i], i % 7);
	}
	assert_int_equal(fsy_pool_relieve(), things_made());
	assert_int_equal(things_destroyed(), things_made());
	assert_int_equal(fsy_pool_relieve(), 0);
	for (int i = 0; i < 150; i++)
		fsy_pool_free(pools[i]);
	assert_int_equal(fsy_pool_relieve(), 0);
	things_reset();
}

static fsy_atomic_u32 stop;

static void *
relieve(void *arg)
{
	while (!fsy_atomic_u32_load(&stop))
		fsy_pool_relieve();
	return arg;
}

/* It may run while pools come and go in other threads. */
static void
test_relieve_against_free(void **state)
{
	pthread_t thread;

	(void)state;
	fsy_atomic_u32_store(&stop, 0);
	thread = worker_start(relieve, NULL);
	for (int i = 0; i < 300; i++) {
		fsy_pool_t *pool = things_pool((fsy_pool_config_t){ 0 });

		fill(pool, 20);
		fsy_pool_free(pool);
	}
	fsy_atomic_u32_store(&stop, 1);
	worker_join(thread);
	things_reset();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_g11_two_periods),
		cmocka_unit_test(test_use_keeps_alive),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_callers_age),
		cmocka_unit_test(test_sleepers_are_reaped),
		cmocka_unit_test(test_relieve),
		cmocka_unit_test(test_relieve_against_free),
	};

	watchdog("pool ageing", 200);
	return cmocka_run_group_tests_name("pool ageing", tests, NULL, NULL);
}
