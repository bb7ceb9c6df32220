/* SPDX-License-Identifier: MIT */
/* FSY_POISON_GUARD in plain C: committed, left, broken out of, returned from, held twice. test/language has exceptions and unwinding. */
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static fsy_poison_mutex_t shared, second;

static void *
try_in_thread(void *arg)
{
	int *result = arg;

	*result = fsy_poison_mutex_trylock(&shared);
	if (*result != FSY_EBUSY)
		fsy_poison_mutex_unlock(&shared);
	return NULL;
}

/* What another thread's trylock says. */
static int
from_elsewhere(void)
{
	int result = -1;

	worker_join(worker_start(try_in_thread, &result));
	return result;
}

static void
guarded(bool commit)
{
	FSY_POISON_GUARD(guard, &shared);

	assert_int_equal(guard.error, fsy_poison_mutex_is_poisoned(&shared) ? FSY_EPOISONED : 0);
	assert_int_equal(from_elsewhere(), FSY_EBUSY);
	if (commit)
		fsy_poison_guard_commit(&guard);
}

static void
test_commit_or_poison(void **state)
{
	(void)state;
	guarded(true);
	assert_int_equal(from_elsewhere(), 0);
	guarded(false);
	assert_int_equal(from_elsewhere(), FSY_EPOISONED);
	guarded(true);                                   /* committing is not clearing */
	assert_int_equal(from_elsewhere(), FSY_EPOISONED);
	fsy_poison_mutex_clear_poison(&shared);
	assert_int_equal(from_elsewhere(), 0);
}

static int
return_early(int when)
{
	FSY_POISON_GUARD(guard, &shared);

	if (when == 0)
		return 10;
	fsy_poison_guard_commit(&guard);
	return 20;
}

/* What the last scope did; then it is made good again. */
static int
verdict(void)
{
	int result = from_elsewhere();

	fsy_poison_mutex_clear_poison(&shared);
	return result;
}

static void
test_every_way_out_of_a_scope(void **state)
{
	(void)state;
	assert_int_equal(return_early(0), 10);
	assert_int_equal(verdict(), FSY_EPOISONED);
	assert_int_equal(return_early(1), 20);
	assert_int_equal(verdict(), 0);
	for (int i = 0; i < 2; i++) {
		FSY_POISON_GUARD(guard, &shared);
		if (i == 1)
			break;
		fsy_poison_guard_commit(&guard);
	}
	assert_int_equal(verdict(), FSY_EPOISONED);
	for (int i = 0; i < 3; i++) {
		FSY_POISON_GUARD(guard, &shared);
		assert_int_equal(guard.error, i == 2 ? FSY_EPOISONED : 0);
		if (i == 1)
			continue;
		fsy_poison_guard_commit(&guard);
	}
	assert_int_equal(verdict(), FSY_EPOISONED);
	{
		FSY_POISON_GUARD(guard, &shared);
		if (guard.error == 0)
			goto out;
		fsy_poison_guard_commit(&guard);
	}
out:
	assert_int_equal(verdict(), FSY_EPOISONED);
}

/* Each scope answers for its own lock. */
static void
test_two_at_once(void **state)
{
	(void)state;
	{
		FSY_POISON_GUARD(outer, &shared);
		{
			FSY_POISON_GUARD(inner, &second);
			assert_int_equal(inner.error, 0);
		}
		assert_true(fsy_poison_mutex_is_poisoned(&second));
		assert_int_equal(fsy_poison_mutex_trylock(&second), FSY_EPOISONED);
		fsy_poison_mutex_unlock(&second);
		fsy_poison_guard_commit(&outer);
	}
	assert_int_equal(verdict(), 0);
	assert_int_equal(fsy_atomic_u32_load(&shared.word_), 0);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commit_or_poison),
		cmocka_unit_test(test_every_way_out_of_a_scope),
		cmocka_unit_test(test_two_at_once),
	};

	watchdog("poison guard", 200);
	return cmocka_run_group_tests_name("poison guard", tests, NULL, NULL);
}
