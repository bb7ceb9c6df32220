/* SPDX-License-Identifier: MIT */
/* Misuse, forks, and threads for which there is no record: the condition variable where nothing is as usual. */
#include "lib/sys/fork.h"
#include "lib/sys/thread.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/refuse.h"
#include "test/support/worker.h"

#include <fastsync/cond.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static fsy_mutex_t mutex, another_mutex;
static fsy_cond_t cond;
static int flag;                                 /* guarded by mutex */

static void *
wait_for_flag(void *arg)
{
	fsy_mutex_t *m = arg;

	fsy_mutex_lock(m);
	while (!flag)
		fsy_cond_wait(&cond, m);
	fsy_mutex_unlock(m);
	return NULL;
}

static int
wait_unlocked(void *arg)
{
	(void)arg;
	fsy_cond_wait(&cond, &mutex);
	return 1;
}

static int
wait_with_two(void *arg)
{
	(void)arg;
	worker_start(wait_for_flag, &mutex);
	wait_until_parked(&cond, 1);
	fsy_mutex_lock(&another_mutex);
	return fsy_cond_wait_until(&cond, &another_mutex, 0);
}

static int
destroy_waited_for(void *arg)
{
	(void)arg;
	worker_start(wait_for_flag, &mutex);
	wait_until_parked(&cond, 1);
	fsy_cond_destroy(&cond);
	return 1;
}

static void
test_misuse_is_named(void **state)
{
	static const struct { int (*body)(void *); const char *text; } cases[] = {
		{ wait_unlocked, "fastsync: wait with an unlocked mutex" },
		{ wait_with_two, "fastsync: cond is waited for with two mutexes" },
		{ destroy_waited_for, "fastsync: destroy of cond with waiters" },
	};

	(void)state;
	if (THREAD_SANITIZED) {
		printf("skip test_misuse_is_named: the sanitizer wants no threads in forked children\n");
		skip();
	}
	for (int i = 0; i < 3; i++) {
		struct child child = child_fork(cases[i].body, NULL);

		child_assert_aborted(&child, cases[i].text);
	}
}

/* In a child nobody waits, whatever the words say; and its own threads wait and are told, though no lock word there takes them in. */
static int
in_the_child(void *arg)
{
	pthread_t threads[3];

	(void)arg;
	fsy_mutex_unlock(&mutex);                        /* the forking thread holds it */
	fsy_cond_signal(&cond);
	fsy_cond_broadcast(&cond);
	CHILD_CHECK(fsyi_fork_generation() > 0);
	CHILD_CHECK(parked_on(&cond) == 0);
	for (unsigned int i = 0; i < 3; i++) {
		threads[i] = worker_start(wait_for_flag, &mutex);
		wait_until_parked(&cond, i + 1);
	}
	fsy_cond_signal(&cond);                          /* to no purpose: the flag is down */
	wait_until_parked(&cond, 3);
	fsy_mutex_lock(&mutex);
	flag = 1;
	fsy_cond_broadcast(&cond);
	fsy_mutex_unlock(&mutex);
	for (int i = 0; i < 3; i++)
		worker_join(threads[i]);
	CHILD_CHECK(fsy_atomic_u32_load(&cond.word_) == 0);
	fsy_cond_destroy(&cond);
	return 0;
}

static int
destroy_in_the_child(void *arg)
{
	(void)arg;
	CHILD_CHECK(fsy_atomic_u32_load(&cond.word_) != 0);      /* that waiter is no more */
	fsy_cond_destroy(&cond);
	CHILD_CHECK(fsy_atomic_u32_load(&cond.word_) == 0);
	return 0;
}

static void
i8_forked_child(void **state)
{
	pthread_t thread;
	struct child child;

	(void)state;
	if (THREAD_SANITIZED) {
		printf("skip i8_forked_child: the sanitizer wants no threads in forked children\n");
		skip();
	}
	flag = 0;
	thread = worker_start(wait_for_flag, &mutex);
	wait_until_parked(&cond, 1);
	fsy_mutex_lock(&mutex);
	child = child_fork(in_the_child, NULL);
	child_assert_clean(&child);
	child = child_fork(destroy_in_the_child, NULL);
	child_assert_clean(&child);
	flag = 1;
	fsy_cond_signal(&cond);                          /* here he still is */
	fsy_mutex_unlock(&mutex);
	worker_join(thread);
	assert_int_equal(fsy_atomic_u32_load(&cond.word_), 0);
	assert_at_rest(&mutex);
}

/* No memory for a record: its waits end by themselves, take no signal from anybody, and leave nothing behind. */
static bool
is_down(void *arg)
{
	(void)arg;
	return flag == 0;
}

static void *
wait_without_record(void *arg)
{
	CHILD_CHECK(refuse_memory());
	CHILD_CHECK(fsyi_thread_self() == NULL);
	fsy_mutex_lock(&mutex);
	fsy_cond_wait(&cond, &mutex);
	CHILD_CHECK(fsy_cond_wait_until(&cond, &mutex, 0) == FSY_ETIMEDOUT);
	CHILD_CHECK(fsy_cond_wait_while_until(&cond, &mutex, is_down, NULL, fsy_after_ms(5)) == FSY_ETIMEDOUT);
	fsy_atomic_u32_store((fsy_atomic_u32 *)arg, 1);
	fsy_cond_wait_while(&cond, &mutex, is_down, NULL);
	CHILD_CHECK(flag == 1);
	fsy_mutex_unlock(&mutex);
	return NULL;
}

static int
no_record(void *arg)
{
	fsy_atomic_u32 ready = { 0 };
	pthread_t with, without;

	(void)arg;
	with = worker_start(wait_for_flag, &mutex);
	wait_until_parked(&cond, 1);
	without = worker_start(wait_without_record, &ready);
	while (!fsy_atomic_u32_load(&ready))
		fsy_mutex_unlock((fsy_mutex_lock(&mutex), &mutex));
	CHILD_CHECK(parked_on(&cond) == 1);
	fsy_mutex_lock(&mutex);
	flag = 1;
	fsy_cond_signal(&cond);                          /* for the one that stands in the queue */
	fsy_mutex_unlock(&mutex);
	worker_join(with);
	worker_join(without);
	CHILD_CHECK(fsy_atomic_u32_load(&cond.word_) == 0 && at_rest(&mutex));
	return 0;
}

static void
i5_no_record(void **state)
{
	struct child child;

	(void)state;
	if (SANITIZED) {
		printf("skip i5_no_record: a sanitizer needs memory at the end of a thread\n");
		skip();
	}
	child = child_exec("no record", NULL, NULL);
	child_assert_clean(&child);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "no record", no_record }, { NULL, NULL } };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misuse_is_named),
		cmocka_unit_test(i8_forked_child),
		cmocka_unit_test(i5_no_record),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("cond's ends", 200);
	return cmocka_run_group_tests_name("cond's ends", tests, NULL, NULL);
}
