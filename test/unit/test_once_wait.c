/* SPDX-License-Identifier: MIT */
/* Waiting for somebody else's run: who is served by its end, and in which order. */
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/onces.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* A run that others wait for: it starts, and ends when the test says so, with the answer that the test gives. */
static struct gate started, finish;

static int
held(void *arg)
{
	(void)arg;
	runs++;
	gate_open(&started);
	gate_pass(&finish);
	return answer;
}

static int
held_forced(fsy_once_state_t before, void *arg)
{
	told = before;
	return held(arg);
}

static struct user {
	pthread_t thread;
	int (*use)(struct user *user);
	int error;
	int order;                               /* of its own run among all; 0 = did not run */
	int own_answer;
} users[6];
static fsy_atomic_u32 served;

static int
own(void *arg)
{
	struct user *user = arg;

	user->order = (int)fsy_atomic_u32_add(&served, 1) + 1;
	return user->own_answer;
}

static int
own_forced(fsy_once_state_t before, void *arg)
{
	told = before;
	return own(arg);
}

static void own_plain(void *arg) { own(arg); }
static int hold_try(struct user *user) { return fsy_once_try(&once, held, user); }
static int hold_call(struct user *user) { return fsy_once_call(&once, held, user); }
static int hold_force(struct user *user) { return fsy_once_force(&once, held_forced, user); }
static int use_do(struct user *user) { fsy_once_do(&once, own_plain, user); return 0; }
static int use_try(struct user *user) { return fsy_once_try(&once, own, user); }
static int use_call(struct user *user) { return fsy_once_call(&once, own, user); }
static int use_force(struct user *user) { return fsy_once_force(&once, own_forced, user); }
static int use_wait(struct user *user) { (void)user; return fsy_once_wait(&once); }
static int use_wait_force(struct user *user) { (void)user; return fsy_once_wait_force_until(&once, FSY_FOREVER); }

static void *
run_user(void *arg)
{
	struct user *user = arg;

	user->error = user->use(user);
	return NULL;
}

/* users[0] holds the run; the others come one after the other and wait for it. */
static void
gather(int (*const uses[])(struct user *), int count)
{
	started = (struct gate)GATE("run starts");
	finish = (struct gate)GATE("run ends");
	fsy_atomic_u32_store(&served, 0);
	memset(users, 0, sizeof(users));
	for (int i = 0; i < count; i++) {
		users[i].use = uses[i];
		users[i].thread = worker_start(run_user, &users[i]);
		if (i == 0)
			gate_pass(&started);
		else
			wait_until_parked(&once, (unsigned int)i);
	}
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_RUNNING);
}

static void
join(int count)
{
	gate_open(&finish);
	for (int i = 0; i < count; i++)
		worker_join(users[i].thread);
}

static void
test_everybody_waits_for_the_run(void **state)
{
	static int (*const uses[])(struct user *) = { hold_try, use_do, use_try, use_force, use_wait, use_wait_force };

	(void)state;
	gather(uses, 6);
	join(6);
	for (int i = 0; i < 6; i++)
		assert_true(users[i].error == 0 && users[i].order == 0);
	assert_int_equal(runs, 1);
	assert_done(&once);
}

/* G8: exactly one, the eldest, runs after a failure; those who only watch wait on; the once is not seen new in between. */
static void
test_g8_failure_wakes_the_eldest_alone(void **state)
{
	static int (*const uses[])(struct user *) = { hold_try, use_wait, use_try, use_do, use_try, use_wait_force };

	(void)state;
	answer = 9;
	gather(uses, 6);
	users[2].own_answer = 4;
	join(6);
	assert_int_equal(users[0].error, 9);
	assert_int_equal(users[2].error, 4);
	assert_int_equal(users[2].order, 1);             /* the eldest who may run; it fails too */
	assert_int_equal(users[3].order, 2);             /* and passes the run on */
	assert_true(users[4].order == 0 && users[4].error == 0);
	assert_true(users[1].error == 0 && users[5].error == 0);
	assert_done(&once);
}

static void
test_failure_with_watchers_only(void **state)
{
	static int (*const uses[])(struct user *) = { hold_try, use_wait, use_wait_force };

	(void)state;
	answer = 9;
	gather(uses, 3);
	gate_open(&finish);
	worker_join(users[0].thread);
	assert_int_equal(users[0].error, 9);
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_NEW);
	assert_int_equal(parked_on(&once), 2);
	fsy_once_do(&once, plain, NULL);
	for (int i = 1; i < 3; i++) {
		worker_join(users[i].thread);
		assert_int_equal(users[i].error, 0);
	}
	assert_done(&once);
}

/* Poison reaches everybody but those who wait for force; R7: wait reports it, wait_force does not. */
static void
test_r7_poison_and_waiters(void **state)
{
	static int (*const uses[])(struct user *) = { hold_call, use_wait, use_try, use_wait_force, use_call };

	(void)state;
	answer = 2;
	gather(uses, 5);
	gate_open(&finish);
	for (int i = 0; i < 5; i++)
		if (i != 3)
			worker_join(users[i].thread);
	assert_int_equal(users[0].error, 2);
	assert_true(users[1].error == FSY_EPOISONED && users[2].error == FSY_EPOISONED && users[4].error == FSY_EPOISONED);
	assert_true(users[2].order == 0 && users[4].order == 0);
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_POISONED);
	assert_int_equal(parked_on(&once), 1);
	assert_int_equal(fsy_once_wait_until(&once, FSY_FOREVER), FSY_EPOISONED);
	assert_int_equal(fsy_once_wait_force_until(&once, fsy_after_ms(1)), FSY_ETIMEDOUT);
	answer = 0;
	assert_int_equal(fsy_once_force(&once, forced, NULL), 0);
	worker_join(users[3].thread);
	assert_int_equal(users[3].error, 0);
	assert_done(&once);
}

/* A forced run that fails passes to the next who forces, past those who came before but may not. */
static void
test_force_passes_to_force(void **state)
{
	static int (*const uses[])(struct user *) = { hold_force, use_try, use_wait, use_force, use_force };

	(void)state;
	answer = 2;
	gather(uses, 5);
	users[3].own_answer = 8;
	join(5);
	assert_int_equal(users[0].error, 2);
	assert_int_equal(users[3].error, 8);
	assert_true(users[3].order == 1 && users[4].order == 2 && users[1].order == 0);
	assert_int_equal(told, FSY_ONCE_POISONED);
	for (int i = 1; i < 5; i++)
		assert_true(i == 3 || users[i].error == 0);
	assert_done(&once);
}

static void
test_r7_wait_before_any_init(void **state)
{
	(void)state;
	memset(users, 0, sizeof(users));
	for (int i = 0; i < 3; i++) {
		users[i].use = i == 1 ? use_wait_force : use_wait;
		users[i].thread = worker_start(run_user, &users[i]);
	}
	wait_until_parked(&once, 3);
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_NEW);
	fsy_once_do(&once, plain, NULL);
	for (int i = 0; i < 3; i++) {
		worker_join(users[i].thread);
		assert_int_equal(users[i].error, 0);
	}
	assert_done(&once);
}

static void
test_deadlines(void **state)
{
	static int (*const uses[])(struct user *) = { hold_try };

	(void)state;
	assert_int_equal(fsy_once_wait_until(&once, 0), FSY_ETIMEDOUT);
	assert_int_equal(fsy_once_wait_until(&once, fsy_after_ms(2)), FSY_ETIMEDOUT);
	assert_new(&once);                               /* nothing of the waiter is left */
	gather(uses, 1);
	for (int ms = 0; ms < 4; ms += 2) {
		int64_t begin = fsy_now();

		assert_int_equal(fsy_once_try_until(&once, fallible, NULL, fsy_after_ms(ms)), FSY_ETIMEDOUT);
		assert_true(fsy_now() - begin >= ms * 1000000);
		assert_int_equal(fsy_once_wait_until(&once, fsy_after_ms(ms)), FSY_ETIMEDOUT);
	}
	join(1);
	assert_int_equal(fsy_once_try_until(&once, fallible, NULL, 0), 0);
	assert_int_equal(runs, 1);
	assert_done(&once);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, once_fresh)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(everybody_waits_for_the_run), TEST(g8_failure_wakes_the_eldest_alone), TEST(failure_with_watchers_only),
		TEST(r7_poison_and_waiters), TEST(force_passes_to_force), TEST(r7_wait_before_any_init), TEST(deadlines),
	};

	watchdog("waiting for once", 200);
	return cmocka_run_group_tests_name("waiting for once", tests, NULL, NULL);
}
