/* SPDX-License-Identifier: MIT */
/* Misuse ends in one line that names it, and abort; in the plain-store form of unlock and in the fenced form. */
#include "test/support/child.h"
#include "test/support/forms.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static fsy_poison_mutex_t mutex;

static void
take(void)
{
	CHILD_CHECK(fsy_poison_mutex_lock(&mutex) == 0);
}

/* A thread that has never used such a lock, and one that has. */
static int
unlock_free_at_first(void *arg)
{
	(void)arg;
	fsy_poison_mutex_unlock(&mutex);
	return 1;
}

static int
unlock_twice(void *arg)
{
	(void)arg;
	take();
	fsy_poison_mutex_unlock(&mutex);
	fsy_poison_mutex_unlock(&mutex);
	return 1;
}

static void *
unlock_it(void *arg)
{
	fsy_poison_mutex_t own = FSY_POISON_MUTEX_INIT;

	if (arg != NULL) {
		CHILD_CHECK(fsy_poison_mutex_lock(&own) == 0);
		fsy_poison_mutex_unlock(&own);
	}
	fsy_poison_mutex_unlock(&mutex);
	return NULL;
}

static int
unlock_elsewhere_at_first(void *arg)
{
	(void)arg;
	take();
	worker_join(worker_start(unlock_it, NULL));
	return 1;
}

static int
unlock_elsewhere(void *arg)
{
	(void)arg;
	take();
	worker_join(worker_start(unlock_it, &mutex));
	return 1;
}

static void *
take_and_leave(void *arg)
{
	take();
	return arg;
}

/* The dead cannot be unlocked for: their lock must be inherited. */
static int
unlock_for_the_dead(void *arg)
{
	(void)arg;
	worker_join(worker_start(take_and_leave, NULL));
	fsy_poison_mutex_unlock(&mutex);
	return 1;
}

static int
relock(void *arg)
{
	(void)arg;
	take();
	CHILD_CHECK(fsy_poison_mutex_trylock(&mutex) == FSY_EBUSY);
	CHILD_CHECK(fsy_poison_mutex_lock_until(&mutex, fsy_after_ms(3)) == FSY_ETIMEDOUT);
	take();
	return 1;
}

static int
relock_for_ever(void *arg)
{
	(void)arg;
	take();
	return fsy_poison_mutex_lock_until(&mutex, FSY_FOREVER);
}

static int
relock_guarded(void *arg)
{
	FSY_POISON_GUARD(outer, &mutex);
	FSY_POISON_GUARD(inner, &mutex);

	(void)arg;
	fsy_poison_guard_commit(&inner);
	fsy_poison_guard_commit(&outer);
	return 1;
}

static void *
assert_it(void *arg)
{
	fsy_poison_mutex_assert_held(&mutex);
	return arg;
}

static int
assert_elsewhere(void *arg)
{
	(void)arg;
	take();
	fsy_poison_mutex_assert_held(&mutex);
	worker_join(worker_start(assert_it, NULL));
	return 1;
}

static int
assert_free(void *arg)
{
	(void)arg;
	take();
	fsy_poison_mutex_unlock(&mutex);
	fsy_poison_mutex_assert_held(&mutex);
	return 1;
}

static const struct child_body bodies[] = {
	{ "unlock free at first", unlock_free_at_first },
	{ "unlock twice", unlock_twice },
	{ "unlock elsewhere at first", unlock_elsewhere_at_first },
	{ "unlock elsewhere", unlock_elsewhere },
	{ "unlock for the dead", unlock_for_the_dead },
	{ "relock", relock },
	{ "relock for ever", relock_for_ever },
	{ "relock guarded", relock_guarded },
	{ "assert elsewhere", assert_elsewhere },
	{ "assert free", assert_free },
	{ "form", form_in_child },
	{ NULL, NULL }
};

static void
assert_dies(const char *body, const char *prefix)
{
	child_assert_dies(body, forms_both, prefix);
}

static void
test_unlock_of_unlocked(void **state)
{
	(void)state;
	assert_dies("unlock free at first", "fastsync: unlock of unlocked poison mutex");
	assert_dies("unlock twice", "fastsync: unlock of unlocked poison mutex");
}

static void
test_g4_unlock_in_another_thread(void **state)
{
	(void)state;
	assert_dies("unlock elsewhere at first", "fastsync: unlock of poison mutex by a thread that does not own it");
	assert_dies("unlock elsewhere", "fastsync: unlock of poison mutex by a thread that does not own it");
	assert_dies("unlock for the dead", "fastsync: unlock of poison mutex by a thread that does not own it");
}

static void
test_lock_by_its_owner(void **state)
{
	(void)state;
	assert_dies("relock", "fastsync: lock of poison mutex by its owner");
	assert_dies("relock for ever", "fastsync: lock of poison mutex by its owner");
	assert_dies("relock guarded", "fastsync: lock of poison mutex by its owner");
}

static void
test_assert_held(void **state)
{
	(void)state;
	assert_dies("assert elsewhere", "fastsync: poison mutex is not held");
	assert_dies("assert free", "fastsync: poison mutex is not held");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlock_of_unlocked),
		cmocka_unit_test(test_g4_unlock_in_another_thread),
		cmocka_unit_test(test_lock_by_its_owner),
		cmocka_unit_test(test_assert_held),
		cmocka_unit_test(test_forms_differ),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("poison mutex misuse", 200);
	return cmocka_run_group_tests_name("poison mutex misuse", tests, NULL, NULL);
}
