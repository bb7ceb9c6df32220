/* SPDX-License-Identifier: MIT */
/* Once's contract, one promise at a time: four policies, and what a failed run leaves. */
#include "test/support/onces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The exported functions by their symbols: in this program the names themselves are the inline functions. */
extern bool twin_done(const fsy_once_t *o) __asm__("fsy_once_done");
extern void twin_do(fsy_once_t *o, void (*fn)(void *), void *arg) __asm__("fsy_once_do");
extern int twin_try(fsy_once_t *o, int (*fn)(void *), void *arg) __asm__("fsy_once_try");
extern int twin_try_until(fsy_once_t *o, int (*fn)(void *), void *arg, fsy_deadline_t d) __asm__("fsy_once_try_until");
extern int twin_call(fsy_once_t *o, int (*fn)(void *), void *arg) __asm__("fsy_once_call");
extern int twin_force(fsy_once_t *o, int (*fn)(fsy_once_state_t, void *), void *arg) __asm__("fsy_once_force");
extern int twin_wait(fsy_once_t *o) __asm__("fsy_once_wait");
extern int twin_wait_until(fsy_once_t *o, fsy_deadline_t deadline) __asm__("fsy_once_wait_until");
extern int twin_wait_force_until(fsy_once_t *o, fsy_deadline_t deadline) __asm__("fsy_once_wait_force_until");

static void
test_do_runs_once(void **state)
{
	(void)state;
	assert_new(&once);
	for (int i = 0; i < 3; i++)
		fsy_once_do(&once, plain, NULL);
	assert_int_equal(runs, 1);
	assert_done(&once);
	assert_int_equal(fsy_once_try(&once, fallible, NULL), 0);
	assert_int_equal(fsy_once_call(&once, fallible, NULL), 0);
	assert_int_equal(fsy_once_force(&once, forced, NULL), 0);
	assert_int_equal(fsy_once_wait(&once), 0);
	assert_int_equal(runs, 1);
}

static void
test_twins(void **state)
{
	fsy_once_t second = FSY_ONCE_INIT;

	(void)state;
	assert_false(twin_done(&once));
	assert_int_equal(twin_wait_until(&once, 0), FSY_ETIMEDOUT);
	answer = 7;
	assert_int_equal(twin_try(&once, fallible, NULL), 7);
	assert_int_equal(twin_try_until(&once, fallible, NULL, 0), 7);
	assert_int_equal(twin_call(&once, fallible, NULL), 7);
	assert_int_equal(twin_wait(&once), FSY_EPOISONED);
	assert_int_equal(twin_wait_force_until(&once, 0), FSY_ETIMEDOUT);
	answer = 0;
	assert_int_equal(twin_force(&once, forced, NULL), 0);
	assert_true(twin_done(&once));
	twin_do(&second, plain, NULL);
	assert_int_equal(runs, 5);
	assert_done(&second);
}

/* G8, the flavours that can be shown without aborting: what a failed run leaves, and who may try again. */
static void
test_g8_try_is_retried(void **state)
{
	(void)state;
	for (answer = 3; answer > 0; answer--) {
		assert_int_equal(fsy_once_try(&once, fallible, NULL), answer);
		assert_new(&once);
	}
	assert_int_equal(fsy_once_try(&once, fallible, NULL), 0);
	assert_int_equal(runs, 4);
	assert_done(&once);
}

static void
test_g8_call_poisons_and_force_recovers(void **state)
{
	(void)state;
	answer = 5;
	assert_int_equal(fsy_once_call(&once, fallible, NULL), 5);
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_POISONED);
	answer = 0;
	assert_int_equal(fsy_once_call(&once, fallible, NULL), FSY_EPOISONED);
	assert_int_equal(fsy_once_try(&once, fallible, NULL), FSY_EPOISONED);
	assert_int_equal(runs, 1);
	answer = 6;
	assert_int_equal(fsy_once_force(&once, forced, NULL), 6);
	assert_int_equal(told, FSY_ONCE_POISONED);
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_POISONED);
	answer = 0;
	assert_int_equal(fsy_once_force(&once, forced, NULL), 0);
	assert_int_equal(runs, 3);
	assert_done(&once);
}

static void
test_force_of_a_new_once(void **state)
{
	(void)state;
	assert_int_equal(fsy_once_force(&once, forced, NULL), 0);
	assert_int_equal(told, FSY_ONCE_NEW);
	assert_done(&once);
}

static int
use_itself(void *arg)
{
	(void)arg;
	runs++;
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_RUNNING);
	assert_int_equal(fsy_once_try(&once, fallible, NULL), FSY_EDEADLK);
	assert_int_equal(fsy_once_call(&once, fallible, NULL), FSY_EDEADLK);
	assert_int_equal(fsy_once_force(&once, forced, NULL), FSY_EDEADLK);
	assert_int_equal(fsy_once_wait(&once), FSY_EDEADLK);
	assert_int_equal(fsy_once_wait_until(&once, 0), FSY_EDEADLK);
	return 0;
}

static void
test_recursion(void **state)
{
	(void)state;
	answer = 1;                                      /* having run it before is not running it */
	assert_int_equal(fsy_once_try(&once, fallible, NULL), 1);
	assert_int_equal(fsy_once_try(&once, use_itself, NULL), 0);
	assert_int_equal(runs, 2);
	assert_done(&once);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, once_fresh)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(do_runs_once), TEST(twins), TEST(g8_try_is_retried), TEST(g8_call_poisons_and_force_recovers),
		TEST(force_of_a_new_once), TEST(recursion),
	};

	return cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
