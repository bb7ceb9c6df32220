/* SPDX-License-Identifier: MIT */
/* Misuse ends in one line that names it, and abort; in the plain-store form of unlock and in the fenced form. */
#include "test/support/child.h"
#include "test/support/forms.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static fsy_mutex_t mutex;

static int
unlock_free(void *arg)
{
	(void)arg;
	fsy_mutex_unlock(&mutex);
	return 1;
}

static int
unlock_twice(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&mutex);
	fsy_mutex_unlock(&mutex);
	fsy_mutex_unlock(&mutex);
	return 1;
}

/* Those who tried in vain in the meantime have not made the unlocked lock look locked. */
static int
unlock_after_failures(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&mutex);
	CHILD_CHECK(!fsy_mutex_trylock(&mutex));
	CHILD_CHECK(fsy_mutex_lock_until(&mutex, 0) == FSY_ETIMEDOUT);
	CHILD_CHECK(fsy_mutex_lock_until(&mutex, fsy_after_ms(2)) == FSY_ETIMEDOUT);
	fsy_mutex_unlock(&mutex);
	fsy_mutex_unlock(&mutex);
	return 1;
}

static int
unlock_after_waiting(void *arg)
{
	pthread_t thread;

	(void)arg;
	fsy_mutex_lock(&mutex);
	thread = worker_start(lock_and_unlock, &mutex);
	wait_until_parked(&mutex, 1);
	fsy_mutex_unlock_fair(&mutex);
	worker_join(thread);
	fsy_mutex_unlock(&mutex);
	return 1;
}

static int
unlock_fair_free(void *arg)
{
	(void)arg;
	fsy_mutex_unlock_fair(&mutex);
	return 1;
}

static int
destroy_locked(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&mutex);
	fsy_mutex_destroy(&mutex);
	return 1;
}

static void *
wait_for_it(void *arg)
{
	fsy_mutex_lock(arg);
	return NULL;
}

static int
destroy_locked_and_wanted(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&mutex);
	worker_start(wait_for_it, &mutex);
	wait_until_parked(&mutex, 1);
	fsy_mutex_destroy(&mutex);
	return 1;
}

/* Between an unlock and the moment that the woken waiter has the lock, the mutex is free and waited for. That moment is
 * too short to be met, so the word is made what it then is, for each of the bits that say so. */
static int
destroy_wanted(void *arg)
{
	fsy_atomic_u32_store(&mutex.word_, 1u << atoi(arg));
	fsy_mutex_destroy(&mutex);
	return 1;
}

static int destroy_queued(void *arg) { (void)arg; return destroy_wanted("16"); }
static int destroy_searched(void *arg) { (void)arg; return destroy_wanted("17"); }

static void
jump_out(const char *message)
{
	_exit(strncmp(message, "fastsync: unlock of unlocked mutex", 34) == 0 && strchr(message, '\n') == NULL ? 42 : 43);
}

static int
reporter_leaves(void *arg)
{
	(void)arg;
	fsy_set_fatal(jump_out);
	CHILD_CHECK(fsy_set_fatal(jump_out) == jump_out);
	fsy_mutex_unlock(&mutex);
	return 1;
}

static void
say_and_return(const char *message)
{
	fprintf(stderr, "mine: %s\n", message);
}

static int
reporter_returns(void *arg)
{
	(void)arg;
	fsy_set_fatal(say_and_return);
	fsy_mutex_unlock(&mutex);
	return 1;
}

static const struct child_body bodies[] = {
	{ "unlock free", unlock_free },
	{ "unlock twice", unlock_twice },
	{ "unlock after failures", unlock_after_failures },
	{ "unlock after waiting", unlock_after_waiting },
	{ "unlock_fair free", unlock_fair_free },
	{ "destroy locked", destroy_locked },
	{ "destroy locked and wanted", destroy_locked_and_wanted },
	{ "destroy queued", destroy_queued },
	{ "destroy searched", destroy_searched },
	{ "reporter leaves", reporter_leaves },
	{ "reporter returns", reporter_returns },
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
	assert_dies("unlock free", "fastsync: unlock of unlocked mutex");
	assert_dies("unlock twice", "fastsync: unlock of unlocked mutex");
	assert_dies("unlock after failures", "fastsync: unlock of unlocked mutex");
	assert_dies("unlock after waiting", "fastsync: unlock of unlocked mutex");
	assert_dies("unlock_fair free", "fastsync: unlock of unlocked mutex");
}

static void
test_destroy_in_use(void **state)
{
	(void)state;
	assert_dies("destroy locked", "fastsync: destroy of locked mutex");
	assert_dies("destroy locked and wanted", "fastsync: destroy of locked mutex");
	assert_dies("destroy queued", "fastsync: destroy of mutex with waiters");
	assert_dies("destroy searched", "fastsync: destroy of mutex with waiters");
}

static void
test_replaced_reporter(void **state)
{
	struct child child = child_exec("reporter leaves", forms_plain, NULL);

	(void)state;
	assert_true(child.exited);
	assert_int_equal(child.status, 42);
	assert_dies("reporter returns", "mine: fastsync: unlock of unlocked mutex");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlock_of_unlocked),
		cmocka_unit_test(test_destroy_in_use),
		cmocka_unit_test(test_replaced_reporter),
		cmocka_unit_test(test_forms_differ),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("mutex misuse", 200);
	return cmocka_run_group_tests_name("mutex misuse", tests, NULL, NULL);
}
