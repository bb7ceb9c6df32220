/* SPDX-License-Identifier: MIT */
/* Waking and moving many: who, in which order, and who is left alone. */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/sleeper.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CROWD = 6 };
static int from, to;
static struct sleeper sleepers[CROWD], residents[2];

static void
assert_idle(void)
{
	assert_true(fsyi_lot_is_idle(&sleeper_lot));
	workers_assert();
}

static void
park_crowd(void)
{
	for (unsigned int i = 0; i < CROWD; i++)
		sleeper_start_parked(&sleepers[i], &from, &sleeper_op, i + 1);
}

/* Who is parked, by age within a key. */
struct roll {
	const void *key;
	const struct fsyi_thread *threads[CROWD + 2];
	uint32_t kinds[CROWD + 2];
	int count;
};

static void
call_one(const struct fsyi_thread *thread, void *arg)
{
	struct roll *roll = arg;

	if (fsy_atomic_ptr_load(&thread->key) != roll->key)
		return;
	roll->kinds[roll->count] = thread->kind;
	roll->threads[roll->count++] = thread;
}

static struct roll
call_roll(const void *key)
{
	struct roll roll = { .key = key };

	fsyi_park_each(&sleeper_lot, call_one, &roll);
	return roll;
}

static void
test_for_each_shows_all_by_age(void **state)
{
	struct roll roll;

	(void)state;
	park_crowd();
	sleeper_start_parked(&residents[0], &to, &sleeper_op, 1);
	roll = call_roll(&from);
	assert_int_equal(roll.count, CROWD);
	for (int i = 0; i < CROWD; i++)
		assert_ptr_equal(roll.threads[i], fsy_atomic_ptr_load(&sleepers[i].record));
	roll = call_roll(&to);
	assert_int_equal(roll.count, 1);
	assert_ptr_equal(roll.threads[0], fsy_atomic_ptr_load(&residents[0].record));
	assert_int_equal(fsyi_unpark_all(&sleeper_lot, &from, FSYI_TOKEN_NORMAL), CROWD);
	assert_int_equal(fsyi_unpark_all(&sleeper_lot, &to, FSYI_TOKEN_NORMAL), 1);
	for (int i = 0; i < CROWD; i++)
		sleeper_join(&sleepers[i]);
	sleeper_join(&residents[0]);
	assert_idle();
}

static void
test_unpark_one_takes_the_eldest(void **state)
{
	int last = -1;

	(void)state;
	park_crowd();
	for (int i = 0; i < CROWD; i++) {
		enum fsyi_token token = i % 2 == 0 ? FSYI_TOKEN_NORMAL : FSYI_TOKEN_HANDOFF;

		assert_int_equal(parked_in(&sleeper_lot, &from), CROWD - i);
		assert_true(fsyi_unpark_one(&sleeper_lot, &from, token));
		assert_int_equal(sleeper_join(&sleepers[i]), i % 2 == 0 ? FSYI_UNPARKED_NORMAL : FSYI_UNPARKED_HANDOFF);
		assert_true(sleepers[i].order > last);
		last = sleepers[i].order;
	}
	assert_false(fsyi_unpark_one(&sleeper_lot, &from, FSYI_TOKEN_NORMAL));
	assert_idle();
}

static void
test_unpark_all_gives_everyone_the_token(void **state)
{
	(void)state;
	assert_int_equal(fsyi_unpark_all(&sleeper_lot, &from, FSYI_TOKEN_NORMAL), 0);
	park_crowd();
	sleeper_start_parked(&residents[0], &to, &sleeper_op, 1);
	assert_int_equal(fsyi_unpark_all(&sleeper_lot, &from, FSYI_TOKEN_HANDOFF), CROWD);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(sleeper_join(&sleepers[i]), FSYI_UNPARKED_HANDOFF);
	assert_int_equal(parked_in(&sleeper_lot, &to), 1);
	assert_true(fsyi_unpark_one(&sleeper_lot, &to, FSYI_TOKEN_NORMAL));
	assert_int_equal(sleeper_join(&residents[0]), FSYI_UNPARKED_NORMAL);
	assert_idle();
}

/* Woken threads that park again at once must not keep one unpark_all busy for ever, nor be counted twice. */
static fsy_atomic_u32 stop, sleeps, ended;

static void *
sleep_again_and_again(void *arg)
{
	struct sleeper self = { .key = &from, .op = &sleeper_op };

	(void)arg;
	do {
		fsy_atomic_u32_add(&sleeps, 1);
		fsyi_park(&sleeper_lot, &from, SLEEPER_KIND, &sleeper_op, &self, FSY_FOREVER);
	} while (!fsy_atomic_u32_load(&stop));
	fsy_atomic_u32_add(&ended, 1);
	return NULL;
}

static void
test_unpark_all_ends(void **state)
{
	pthread_t threads[CROWD];
	uint64_t woken = 0;

	(void)state;
	fsy_atomic_u32_store(&stop, 0);
	for (int i = 0; i < CROWD; i++)
		threads[i] = worker_start(sleep_again_and_again, NULL);
	for (int i = 0; i < stress_count(2000); i++) {
		uint32_t now = fsyi_unpark_all(&sleeper_lot, &from, FSYI_TOKEN_NORMAL);

		assert_true(now <= CROWD);
		woken += now;
		if (now == 0)
			sched_yield();
	}
	fsy_atomic_u32_store(&stop, 1);
	while (fsy_atomic_u32_load(&ended) < CROWD)
		woken += fsyi_unpark_all(&sleeper_lot, &from, FSYI_TOKEN_NORMAL);
	for (int i = 0; i < CROWD; i++)
		worker_join(threads[i]);
	assert_true(woken > 0 && woken <= fsy_atomic_u32_load(&sleeps));
	assert_idle();
}

/* wake of them woken, the rest moved behind those who wait there already, in their order and as another kind. */
static void
requeue_crowd(uint32_t wake, const void *target)
{
	uint32_t moved = wake < CROWD ? CROWD - wake : 0;
	struct roll roll;

	park_crowd();
	for (unsigned int i = 0; i < 2; i++)
		sleeper_start_parked(&residents[i], target, &sleeper_op, i + 1);
	assert_int_equal(fsyi_requeue(&sleeper_lot, &from, target, 99, wake), moved);
	for (uint32_t i = 0; i < wake && i < CROWD; i++)
		assert_int_equal(sleeper_join(&sleepers[i]), FSYI_UNPARKED_NORMAL);
	assert_int_equal(parked_in(&sleeper_lot, &from), 0);
	assert_false(fsyi_unpark_one(&sleeper_lot, &from, FSYI_TOKEN_NORMAL));
	roll = call_roll(target);
	assert_int_equal(roll.count, moved + 2);
	for (uint32_t i = 0; i < moved + 2; i++) {
		struct sleeper *expected = i < 2 ? &residents[i] : &sleepers[wake + i - 2];

		assert_ptr_equal(roll.threads[i], fsy_atomic_ptr_load(&expected->record));
		assert_int_equal(roll.kinds[i], i < 2 ? SLEEPER_KIND : 99);
		assert_true(fsyi_unpark_one(&sleeper_lot, target, FSYI_TOKEN_HANDOFF));
		assert_int_equal(sleeper_join(expected), FSYI_UNPARKED_HANDOFF);
	}
	assert_idle();
}

/* Another address in the same bucket, or in another one. */
static const void *
target_in(bool same_bucket)
{
	static char room[4096] __attribute__((aligned(4)));

	for (size_t i = 0; i < sizeof(room); i += 4)
		if ((fsyi_lot_bucket(&sleeper_lot, &room[i]) == fsyi_lot_bucket(&sleeper_lot, &from)) == same_bucket)
			return &room[i];
	fail_msg("no such address");
	return NULL;
}

static void
test_requeue(void **state)
{
	(void)state;
	for (uint32_t wake = 0; wake <= CROWD + 1; wake += wake < 2 ? 1 : 4) {
		requeue_crowd(wake, target_in(true));
		requeue_crowd(wake, target_in(false));
	}
	assert_int_equal(fsyi_requeue(&sleeper_lot, &from, &to, 99, 0), 0);
	assert_idle();
}

/* Who was moved leaves from where it stands now. */
static void
test_deadline_after_requeue(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		const void *target = target_in(same);
		int64_t ms = 20;
		uint32_t moved;

		do {
			sleeper_start(&sleepers[0], &from, &sleeper_op, fsy_after_ms(ms *= 2));
			while (parked_in(&sleeper_lot, &from) == 0 && fsy_now() < sleepers[0].deadline)
				sched_yield();
			sleeper_start_parked(&sleepers[1], target, &sleeper_op, 1);
			moved = fsyi_requeue(&sleeper_lot, &from, target, 99, 0);
			if (moved == 1)                  /* else it was too late already: with more time */
				assert_true(fsy_now() > sleepers[0].deadline || parked_in(&sleeper_lot, target) >= 1);
			assert_int_equal(sleeper_join(&sleepers[0]), FSYI_PARK_TIMEDOUT);
			assert_int_equal(parked_in(&sleeper_lot, target), 1);
			assert_true(fsyi_unpark_one(&sleeper_lot, target, FSYI_TOKEN_NORMAL));
			assert_int_equal(sleeper_join(&sleepers[1]), FSYI_UNPARKED_NORMAL);
		} while (moved == 0);
	}
	assert_idle();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_for_each_shows_all_by_age),
		cmocka_unit_test(test_unpark_one_takes_the_eldest),
		cmocka_unit_test(test_unpark_all_gives_everyone_the_token),
		cmocka_unit_test(test_unpark_all_ends),
		cmocka_unit_test(test_requeue),
		cmocka_unit_test(test_deadline_after_requeue),
	};

	watchdog("unpark", 200);
	return cmocka_run_group_tests_name("unpark", tests, NULL, NULL);
}
