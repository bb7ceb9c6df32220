/* SPDX-License-Identifier: MIT */
/*
 * Runs that do not return: their thread is cancelled, or leaves by pthread_exit. Each policy settles what it has promised, and those
 * who wait go on. C++ exceptions: test_once_cxx.cc. And misuse, which ends in one line and abort.
 */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/lazy.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static fsy_once_t once;
static fsy_once_node_t once_node;
static fsy_lazy_t cell;
static struct gate started;
static int runs, ran_for;                        /* ran_for: the node */

/* How a run ends. */
static void
be_cancelled(void)
{
	gate_open(&started);
	for (;;) {
		pthread_testcancel();                    /* the only cancellation point that sanitizers do not wrap */
		sched_yield();
	}
}

static void
leave(void)
{
	gate_open(&started);
	wait_until_parked(&once, 1);
	pthread_exit(&once);
}

static void (*end)(void);

static void plain(void *arg) { (void)arg; runs++; end(); }
static int fallible(void *arg) { plain(arg); return 0; }
static int forced(fsy_once_state_t before, void *arg) { (void)before; plain(arg); return 0; }
static int node_fallible(int node, void *arg) { ran_for = node; plain(arg); return 0; }
static void node_plain(int node, void *arg) { ran_for = node; plain(arg); }
static int init(void **value, void *arg) { *value = arg; plain(arg); return 0; }

static void *use_do(void *arg) { fsy_once_do(&once, plain, arg); return arg; }
static void *use_try(void *arg) { W_CHECK(fsy_once_try(&once, fallible, arg) == 0); return arg; }
static void *use_call(void *arg) { W_CHECK(fsy_once_call(&once, fallible, arg) == 0); return arg; }
static void *use_force(void *arg) { W_CHECK(fsy_once_force(&once, forced, arg) == 0); return arg; }
static void *use_node_do(void *arg) { fsy_once_node_do(&once_node, node_plain, arg); return arg; }
static void *use_node_try(void *arg) { W_CHECK(fsy_once_node_try(&once_node, node_fallible, arg) == 0); return arg; }
static void *use_cell(void *arg) { void *value; W_CHECK(fsy_lazy_get_or_init(&cell, init, arg, &value) == 0); return arg; }

/* The other, who waits meanwhile. */
static int second_runs, second_error;

static int
second_run(void *arg)
{
	(void)arg;
	second_runs++;
	return 0;
}

static void *
second(void *arg)
{
	second_error = fsy_once_try(&once, second_run, NULL);
	return arg;
}

/* body's run is aborted while another thread waits for it. */
static void
abort_in(void *(*body)(void *), bool cancel)
{
	pthread_t thread, other;
	void *result;

	once = (fsy_once_t)FSY_ONCE_INIT;
	runs = second_runs = 0;
	second_error = -1;
	started = (struct gate)GATE("run starts");
	end = cancel ? be_cancelled : leave;
	thread = worker_start(body, NULL);
	gate_pass(&started);
	other = worker_start(second, NULL);
	if (cancel) {
		wait_until_parked(&once, 1);
		assert_int_equal(pthread_cancel(thread), 0);
	}
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, cancel ? PTHREAD_CANCELED : &once);
	worker_join(other);
	workers_assert();
	assert_int_equal(runs, 1);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

static void
test_g8_abort_in_do(void **state)
{
	(void)state;
	for (int cancel = 0; cancel < 2; cancel++) {
		abort_in(use_do, cancel);
		assert_true(second_error == 0 && second_runs == 0);
		assert_int_equal(fsy_atomic_u64_load(&once.word_), FSY_ONCE_DONE_);
	}
}

static void
test_g8_abort_in_try(void **state)
{
	(void)state;
	for (int cancel = 0; cancel < 2; cancel++) {
		abort_in(use_try, cancel);
		assert_true(second_error == 0 && second_runs == 1);
		assert_int_equal(fsy_atomic_u64_load(&once.word_), FSY_ONCE_DONE_);
	}
}

static void
test_g8_abort_in_call_and_force(void **state)
{
	(void)state;
	for (int cancel = 0; cancel < 4; cancel++) {
		abort_in(cancel / 2 ? use_force : use_call, cancel % 2);
		assert_true(second_error == FSY_EPOISONED && second_runs == 0);
		assert_int_equal(fsy_once_state(&once), FSY_ONCE_POISONED);
	}
}

/* Nobody waits: the other way through the end of a run. */
static void
cancelled_alone(void *(*body)(void *))
{
	pthread_t thread;

	started = (struct gate)GATE("run starts");
	end = be_cancelled;
	thread = worker_start(body, NULL);
	gate_pass(&started);
	assert_int_equal(pthread_cancel(thread), 0);
	worker_join(thread);
}

static void
test_abort_alone(void **state)
{
	(void)state;
	once = (fsy_once_t)FSY_ONCE_INIT;
	cancelled_alone(use_try);
	assert_int_equal(fsy_atomic_u64_load(&once.word_), 0);
	cancelled_alone(use_call);
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_POISONED);
	cancelled_alone(use_force);
	assert_int_equal(fsy_once_state(&once), FSY_ONCE_POISONED);
	once = (fsy_once_t)FSY_ONCE_INIT;
	cancelled_alone(use_do);
	assert_true(fsy_once_done(&once));
}

static void
test_abort_in_node_and_lazy(void **state)
{
	(void)state;
	cancelled_alone(use_node_try);
	assert_int_equal(fsy_atomic_u64_load(&once_node.word_), 0);
	cancelled_alone(use_node_do);
	assert_true(fsy_once_node_done(&once_node, ran_for));
	assert_true(fsy_atomic_u64_load(&once_node.word_) == UINT64_C(1) << ran_for % FSY_ONCE_NODES);  /* and for no other */
	cancelled_alone(use_cell);
	assert_false(fsy_lazy_is_set(&cell));
	assert_int_equal(fsy_lazy_set(&cell, &runs), 0);
}

static fsy_lazy_fn_t stored = FSY_LAZY_FN_INIT(init, NULL);

static void *
use_stored(void *arg)
{
	void *value;

	W_CHECK(fsy_lazy_fn_get(&stored, &value) == 0);
	return arg;
}

/* G9 for a failure that has no code. */
static void
test_g9_aborted_init_is_final(void **state)
{
	void *value;

	(void)state;
	runs = 0;
	cancelled_alone(use_stored);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fsy_lazy_fn_get(&stored, &value), FSY_EPOISONED);
	assert_int_equal(runs, 1);
	workers_assert();
}

/* Waiting is no cancellation point: a waiter that is to be cancelled still sees the end of its wait. */
static void *
wait_and_mark(void *arg)
{
	W_CHECK(fsy_once_wait(&once) == 0);
	*(int *)arg = 1;
	return NULL;
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
test_waits_are_no_cancellation_points(void **state)
{
	pthread_t thread;
	int marked = 0;

	(void)state;
	once = (fsy_once_t)FSY_ONCE_INIT;
	thread = worker_start(wait_and_mark, &marked);
	wait_until_parked(&once, 1);
	assert_int_equal(pthread_cancel(thread), 0);
	fsy_once_do(&once, nothing, NULL);
	worker_join(thread);
	workers_assert();
	assert_int_equal(marked, 1);
}

static void again(void *arg) { fsy_once_do(&once, again, arg); }
static void again_node(int node, void *arg) { (void)node; fsy_once_node_do(&once_node, again_node, arg); }
static int fail_it(void *arg) { (void)arg; return 1; }

static int
recursive(void *arg)
{
	once = (fsy_once_t)FSY_ONCE_INIT;
	fsy_once_do(&once, again, arg);
	return 1;
}

static int
recursive_node(void *arg)
{
	once_node = (fsy_once_node_t)FSY_ONCE_NODE_INIT;
	fsy_once_node_do(&once_node, again_node, arg);
	return 1;
}

static int
poisoned(void *arg)
{
	once = (fsy_once_t)FSY_ONCE_INIT;
	if (fsy_once_call(&once, fail_it, arg) != 1)
		return 1;
	fsy_once_do(&once, nothing, arg);
	return 1;
}

static void
test_misuse(void **state)
{
	struct child child = child_fork(recursive, NULL);

	(void)state;
	child_assert_aborted(&child, "fastsync: recursive use of once");
	child = child_fork(recursive_node, NULL);
	child_assert_aborted(&child, "fastsync: recursive use of once");
	child = child_fork(poisoned, NULL);
	child_assert_aborted(&child, "fastsync: use of poisoned once");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misuse), cmocka_unit_test(test_g8_abort_in_do), cmocka_unit_test(test_g8_abort_in_try),
		cmocka_unit_test(test_g8_abort_in_call_and_force), cmocka_unit_test(test_abort_alone),
		cmocka_unit_test(test_abort_in_node_and_lazy), cmocka_unit_test(test_g9_aborted_init_is_final),
		cmocka_unit_test(test_waits_are_no_cancellation_points),
	};

	watchdog("aborted runs", 200);
	return cmocka_run_group_tests_name("aborted runs", tests, NULL, NULL);
}
