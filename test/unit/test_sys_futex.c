/* SPDX-License-Identifier: MIT */
/* Futex waits end for the right reasons and at the right time, with either kind of system call. */
#include "lib/sys/clock.h"
#include "lib/sys/futex.h"
#include "test/support/child.h"
#include "test/support/refuse.h"
#include "test/support/worker.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#define MS 1000000

struct sleeper {
	fsy_atomic_u32 *word;
	fsy_atomic_u32 tid;
	fsy_atomic_u32 returned;
};

static void *
sleep_on(void *arg)
{
	struct sleeper *sleeper = arg;

	fsy_atomic_u32_store(&sleeper->tid, (uint32_t)worker_tid());
	W_CHECK(fsyi_futex_wait(sleeper->word, 1, FSY_FOREVER) == FSYI_WOKEN);
	fsy_atomic_u32_store(&sleeper->returned, 1);
	return NULL;
}

static void
wait_until_parked(struct sleeper *sleeper)
{
	while (fsy_atomic_u32_load(&sleeper->tid) == 0)
		sched_yield();
	wait_until_asleep((pid_t)fsy_atomic_u32_load(&sleeper->tid));
}

static void
test_other_value_returns_at_once(void **state)
{
	fsy_atomic_u32 word = { 7 };

	(void)state;
	errno = 77;
	assert_int_equal(fsyi_futex_wait(&word, 1, FSY_FOREVER), FSYI_WOKEN);
	assert_int_equal(errno, 77);
}

static void
test_deadline(void **state)
{
	static const int64_t spans[] = { 0, 1, 1000, 1 * MS, 20 * MS };
	fsy_atomic_u32 word = { 1 };

	(void)state;
	errno = 77;
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		fsy_deadline_t deadline = fsyi_now() + spans[i];

		assert_int_equal(fsyi_futex_wait(&word, 1, deadline), FSYI_TIMEDOUT);
		assert_true(fsyi_now() >= deadline);
	}
	assert_int_equal(fsyi_futex_wait(&word, 1, 0), FSYI_TIMEDOUT);
	assert_int_equal(fsyi_futex_wait(&word, 1, -1), FSYI_TIMEDOUT);
	assert_int_equal(fsyi_futex_wait(&word, 1, INT64_MIN), FSYI_TIMEDOUT);
	assert_int_equal(errno, 77);
}

static unsigned int
count_returned(struct sleeper *sleepers, int count)
{
	unsigned int returned = 0;

	for (int i = 0; i < count; i++)
		returned += fsy_atomic_u32_load(&sleepers[i].returned);
	return returned;
}

static void
test_wake_reaches_so_many(void **state)
{
	enum { SLEEPERS = 5 };
	fsy_atomic_u32 word = { 1 };
	struct sleeper sleepers[SLEEPERS];
	pthread_t threads[SLEEPERS];

	(void)state;
	for (int i = 0; i < SLEEPERS; i++) {
		memset(&sleepers[i], 0, sizeof(sleepers[i]));
		sleepers[i].word = &word;
		threads[i] = worker_start(sleep_on, &sleepers[i]);
		wait_until_parked(&sleepers[i]);
	}
	fsyi_futex_wake(&word, 2);                       /* the word stays: whom something stops and continues sleeps on */
	while (count_returned(sleepers, SLEEPERS) < 2)
		sched_yield();
	for (int i = 0; i < SLEEPERS; i++)
		if (!fsy_atomic_u32_load(&sleepers[i].returned))
			wait_until_asleep((pid_t)fsy_atomic_u32_load(&sleepers[i].tid));
	assert_int_equal(count_returned(sleepers, SLEEPERS), 2);
	fsy_atomic_u32_store(&word, 0);
	fsyi_futex_wake(&word, INT_MAX);
	for (int i = 0; i < SLEEPERS; i++)
		worker_join(threads[i]);
	workers_assert();
}

static void
on_alarm(int signal)
{
	(void)signal;
}

/* Without SA_RESTART each tick interrupts the system call. */
static void
test_signals_do_not_shorten_a_wait(void **state)
{
	struct sigaction storm = { .sa_handler = on_alarm };
	struct itimerval tick = { { 0, 200 }, { 0, 200 } }, none = { { 0, 0 }, { 0, 0 } };
	fsy_atomic_u32 word = { 1 };
	fsy_deadline_t deadline;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &storm, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &tick, NULL), 0);
	deadline = fsyi_now() + 50 * MS;
	assert_int_equal(fsyi_futex_wait(&word, 1, deadline), FSYI_TIMEDOUT);
	assert_true(fsyi_now() >= deadline);
	assert_int_equal(setitimer(ITIMER_REAL, &none, NULL), 0);
}

static void
test_late_wake_is_harmless(void **state)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(munmap(page, 4096), 0);
	errno = 77;
	fsyi_futex_wake(page, 1);
	assert_int_equal(errno, 77);
}

/* Asked of the kernel here, by another way than the library's. */
static bool
kernel_has_futex2(void)
{
	uint32_t word = 1;

	return syscall(454, &word, ~0u, 1, 2 | 128) == 0;
}

static void
test_kind_of_call(void **state)
{
	const char *given = getenv("FASTSYNC_FUTEX2");

	(void)state;
	assert_int_equal(fsyi_futex2_used(), kernel_has_futex2() && (given == NULL || strcmp(given, "off") != 0));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kind_of_call),
	cmocka_unit_test(test_other_value_returns_at_once),
	cmocka_unit_test(test_deadline),
	cmocka_unit_test(test_wake_reaches_so_many),
	cmocka_unit_test(test_signals_do_not_shorten_a_wait),
	cmocka_unit_test(test_late_wake_is_harmless),
};

static int
all_again(void *arg)
{
	(void)arg;
	return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}

static void
test_all_with_the_classic_call(void **state)
{
	static const char *const environment[] = { "FASTSYNC_FUTEX2=off", NULL };
	struct child child = child_exec("all", environment, NULL);

	(void)state;
	child_assert_clean(&child);
}

/* The first that is refused is a wait, or a wake. */
static int
lose_futex2(void *arg)
{
	static const int futex2[] = { 454, 455 };
	fsy_atomic_u32 word = { 1 };

	if (!fsyi_futex2_used())
		return 0;
	CHILD_CHECK(refuse_calls(futex2, 2, EPERM));
	if (arg != NULL)
		CHILD_CHECK(fsyi_futex_wait(&word, 7, FSY_FOREVER) == FSYI_WOKEN);
	else
		fsyi_futex_wake(&word, 1);
	CHILD_CHECK(!fsyi_futex2_used());
	CHILD_CHECK(fsyi_futex_wait(&word, 1, fsyi_now() + MS) == FSYI_TIMEDOUT);
	return 0;
}

static void
test_sandbox_entered_late(void **state)
{
	static int wait;
	struct child by_wake = child_fork(lose_futex2, NULL), by_wait = child_fork(lose_futex2, &wait);

	(void)state;
	child_assert_clean(&by_wake);
	child_assert_clean(&by_wait);
}

/* A wait with a deadline is a classic call, whose timer may be late by the thread's slack. What futex2 answers here is no refusal: a wait by it
 * would be fatal. */
static int
break_futex2_wait(void *arg)
{
	static const int futex2_wait[] = { 455 };
	fsy_atomic_u32 word = { 1 };

	(void)arg;
	CHILD_CHECK(refuse_calls(futex2_wait, 1, EINVAL));
	CHILD_CHECK(fsyi_futex_wait(&word, 1, fsyi_now() + MS) == FSYI_TIMEDOUT);
	CHILD_CHECK(fsyi_futex_wait_once(&word, 1, fsyi_now() + MS) == ETIMEDOUT);
	return 0;
}

static void
test_deadlines_take_the_classic_call(void **state)
{
	struct child child = child_fork(break_futex2_wait, NULL);

	(void)state;
	child_assert_clean(&child);
}

static int
lose_every_futex(void *arg)
{
	static const int futexes[] = { SYS_futex, 454, 455 };
	fsy_atomic_u32 word = { 1 };

	(void)arg;
	CHILD_CHECK(refuse_calls(futexes, 3, EPERM));
	fsyi_futex_wait(&word, 1, fsyi_now() + MS);
	return 0;
}

static void
test_no_futex_is_fatal(void **state)
{
	struct child child = child_fork(lose_every_futex, NULL);

	(void)state;
	child_assert_aborted(&child, "fastsync: the futex call failed in a wait: error 1\n");
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "all", all_again }, { NULL, NULL } };
	static const struct CMUnitTest outer[] = {
		cmocka_unit_test(test_all_with_the_classic_call),
		cmocka_unit_test(test_sandbox_entered_late),
		cmocka_unit_test(test_deadlines_take_the_classic_call),
		cmocka_unit_test(test_no_futex_is_fatal),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("futex", tests, NULL, NULL) + cmocka_run_group_tests_name("futex children", outer, NULL, NULL);
}
