/* SPDX-License-Identifier: MIT */
/* Waiting while a predicate holds; the exported twins; what may be gone, and what else goes on, while somebody waits. */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/cond.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The exported functions by their symbols: in this program the names themselves are the inline functions. */
extern void twin_wait_while(fsy_cond_t *, fsy_mutex_t *, bool (*)(void *), void *) __asm__("fsy_cond_wait_while");
extern int twin_wait_while_until(fsy_cond_t *, fsy_mutex_t *, bool (*)(void *), void *, fsy_deadline_t)
	__asm__("fsy_cond_wait_while_until");
extern void twin_signal(fsy_cond_t *) __asm__("fsy_cond_signal");
extern void twin_broadcast(fsy_cond_t *) __asm__("fsy_cond_broadcast");

static fsy_mutex_t mutex;
static fsy_cond_t cond, other_cond;
static int asked, level;                         /* guarded by mutex */

static bool
is_low(void *arg)
{
	asked++;
	W_CHECK(!fsy_mutex_trylock(&mutex));     /* it is asked with the mutex held */
	return level < *(int *)arg;
}

static int
afresh(void **state)
{
	(void)state;
	memset(&mutex, 0, sizeof(mutex));
	memset(&cond, 0, sizeof(cond));
	asked = level = 0;
	return 0;
}

static void
assert_all_at_rest(void)
{
	workers_assert();
	assert_int_equal(fsy_atomic_u32_load(&cond.word_), 0);
	assert_at_rest(&mutex);
}

/* R5: a predicate that is false already needs no wait, whatever the deadline, and that is no timeout. */
static void
r5_false_at_once(void **state)
{
	int enough = 0;

	(void)state;
	fsy_mutex_lock(&mutex);
	assert_int_equal(fsy_cond_wait_while_until(&cond, &mutex, is_low, &enough, 0), 0);
	assert_int_equal(fsy_cond_wait_while_until(&cond, &mutex, is_low, &enough, fsy_after_ms(60000)), 0);
	assert_int_equal(twin_wait_while_until(&cond, &mutex, is_low, &enough, INT64_MIN), 0);
	assert_int_equal(asked, 3);
	fsy_cond_wait_while(&cond, &mutex, is_low, &enough);
	twin_wait_while(&cond, &mutex, is_low, &enough);
	assert_int_equal(asked, 5);
	fsy_mutex_unlock(&mutex);
	assert_all_at_rest();
}

static void
test_still_true_is_a_timeout(void **state)
{
	int enough = 1;
	fsy_deadline_t deadline = fsy_after_ms(5);

	(void)state;
	fsy_mutex_lock(&mutex);
	assert_int_equal(fsy_cond_wait_while_until(&cond, &mutex, is_low, &enough, deadline), FSY_ETIMEDOUT);
	assert_true(fsy_now() >= deadline && asked >= 2);
	assert_int_equal(twin_wait_while_until(&cond, &mutex, is_low, &enough, 0), FSY_ETIMEDOUT);
	fsy_mutex_unlock(&mutex);
	assert_all_at_rest();
}

static void *
wait_for_three(void *arg)
{
	int enough = 3;

	fsy_mutex_lock(&mutex);
	if (arg != NULL)
		W_CHECK(fsy_cond_wait_while_until(&cond, &mutex, is_low, &enough, fsy_after_ms(60000)) == 0);
	else
		twin_wait_while(&cond, &mutex, is_low, &enough);
	W_CHECK(level == 3);
	fsy_mutex_unlock(&mutex);
	return NULL;
}

/* Signals before it is time change nothing: it goes on waiting. */
static void
test_waits_until_it_is_false(void **state)
{
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		threads[i] = worker_start(wait_for_three, i == 0 ? NULL : &level);
	for (int i = 1; i <= 3; i++) {
		wait_until_parked(&cond, 2);
		fsy_mutex_lock(&mutex);
		level = i;
		if (i == 2)
			twin_broadcast(&cond);
		else
			fsy_cond_broadcast(&cond);
		fsy_mutex_unlock(&mutex);
	}
	for (int i = 0; i < 2; i++)
		worker_join(threads[i]);
	assert_int_equal(asked, 8);
	assert_all_at_rest();
}

static void *
wait_for_other(void *arg)
{
	fsy_mutex_lock(&mutex);
	fsy_cond_wait(arg, &mutex);
	fsy_mutex_unlock(&mutex);
	return NULL;
}

/* The mutex is free while they wait; two condition variables on it are two. */
static void
test_two_conds_one_mutex(void **state)
{
	pthread_t one = worker_start(wait_for_other, &cond), two = worker_start(wait_for_other, &other_cond);

	(void)state;
	wait_until_parked(&cond, 1);
	wait_until_parked(&other_cond, 1);
	fsy_mutex_lock(&mutex);
	twin_signal(&other_cond);
	assert_int_equal(parked_on(&cond), 1);
	fsy_mutex_unlock(&mutex);
	worker_join(two);
	assert_int_equal(parked_on(&cond), 1);
	fsy_cond_signal(&cond);
	worker_join(one);
	assert_all_at_rest();
}

/* I1: whoever has signalled may do away with the condition variable; the mutex is needed by those who come back. */
struct pair {
	fsy_cond_t cond;
	int filler[60];
};

static void *
wait_there(void *arg)
{
	fsy_mutex_lock(&mutex);
	fsy_cond_wait(&((struct pair *)arg)->cond, &mutex);
	level++;
	fsy_mutex_unlock(&mutex);
	return NULL;
}

static void
i1_gone_when_signalled(void **state)
{
	enum { WAITERS = 4 };
	pthread_t threads[WAITERS];

	(void)state;
	for (int all = 0; all < 2; all++) {
		struct pair *pair = calloc(1, sizeof(*pair));

		for (unsigned int i = 0; i < WAITERS; i++) {
			threads[i] = worker_start(wait_there, pair);
			wait_until_parked(&pair->cond, i + 1);
		}
		fsy_mutex_lock(&mutex);
		for (int i = 0; i < WAITERS && !all; i++)
			fsy_cond_signal(&pair->cond);
		if (all)
			fsy_cond_broadcast(&pair->cond);
		fsy_cond_destroy(&pair->cond);
		memset(pair, 0xA5, sizeof(*pair));
		free(pair);
		fsy_mutex_unlock(&mutex);
		for (int i = 0; i < WAITERS; i++)
			worker_join(threads[i]);
	}
	assert_int_equal(level, 2 * WAITERS);
	assert_all_at_rest();
}

/* One mutex after another is fine. */
static void
test_another_mutex_later(void **state)
{
	fsy_mutex_t later = FSY_MUTEX_INIT;

	(void)state;
	fsy_mutex_lock(&mutex);
	assert_int_equal(fsy_cond_wait_until(&cond, &mutex, 0), FSY_ETIMEDOUT);
	fsy_mutex_lock(&later);
	assert_int_equal(fsy_cond_wait_until(&cond, &later, 0), FSY_ETIMEDOUT);
	fsy_mutex_unlock(&later);
	fsy_mutex_unlock(&mutex);
	assert_all_at_rest();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(r5_false_at_once, afresh),
		cmocka_unit_test_setup(test_still_true_is_a_timeout, afresh),
		cmocka_unit_test_setup(test_waits_until_it_is_false, afresh),
		cmocka_unit_test_setup(test_two_conds_one_mutex, afresh),
		cmocka_unit_test_setup(i1_gone_when_signalled, afresh),
		cmocka_unit_test_setup(test_another_mutex_later, afresh),
	};

	watchdog("cond while", 200);
	return cmocka_run_group_tests_name("cond while", tests, NULL, NULL);
}
