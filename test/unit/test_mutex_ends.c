/* SPDX-License-Identifier: MIT */
/*
 * The mutex at the ends of a process and of a thread: contended before the library's constructor and after main, in a
 * thread's last destructors, and by threads for which there is no record at all.
 */
#include "lib/sys/thread.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { THREADS = 4 };
static fsy_mutex_t mutex;
static uint64_t sum;
static fsy_atomic_u64 expected;

static void *
contend(void *arg)
{
	uint64_t mine = 0;
	int rounds = *(int *)arg;

	for (int i = 0; i < rounds; i++) {
		if (i % 8 == 0 && fsy_mutex_lock_until(&mutex, fsy_after_ns(i)) != 0)
			continue;
		if (i % 8 != 0)
			fsy_mutex_lock(&mutex);
		sum++;
		mine++;
		if (i % 16 == 1)
			fsy_mutex_unlock_fair(&mutex);
		else
			fsy_mutex_unlock(&mutex);
	}
	fsy_atomic_u64_add(&expected, mine);
	return NULL;
}

/* Several threads fight for the lock; true if it excluded them, and nothing is left over. */
static bool
fight(int rounds)
{
	pthread_t threads[THREADS];

	sum = 0;
	fsy_atomic_u64_store(&expected, 0);
	for (int i = 0; i < THREADS; i++)
		threads[i] = worker_start(contend, &rounds);
	for (int i = 0; i < THREADS; i++)
		worker_join(threads[i]);
	return sum == fsy_atomic_u64_load(&expected) && sum > 0 && at_rest(&mutex);
}

/* One waits asleep, and gets it. */
static void *
lock_and_leave_it(void *arg)
{
	(void)arg;
	fsy_mutex_lock(&mutex);
	return NULL;
}

static bool
waiting_works(void)
{
	pthread_t thread;

	fsy_mutex_lock(&mutex);
	thread = worker_start(lock_and_leave_it, NULL);
	wait_until_parked(&mutex, 1);
	fsy_mutex_unlock(&mutex);
	worker_join(thread);
	fsy_mutex_unlock(&mutex);
	return at_rest(&mutex);
}

/* Before the library's constructor, as that of another library may run. */
static bool early_worked;

__attribute__((constructor(101))) static void
early(void)
{
	const char *given = getenv("TEST_EARLY");
	pthread_key_t key;

	if (given == NULL)
		return;
	if (strcmp(given, "fight") == 0)
		early_worked = fsy_attention_ == NULL && waiting_works() && fight(2000);
	while (strcmp(given, "no keys") == 0 && pthread_key_create(&key, NULL) == 0)
		;
}

/* Threads that were there before the constructor go on after it: unlock changes its form while locks are in use. */
static fsy_mutex_t across;
static pthread_t across_thread;

static void *
wait_across(void *arg)
{
	fsy_mutex_lock(&across);
	fsy_mutex_unlock(&across);
	return arg;
}

__attribute__((constructor(102))) static void
early_across(void)
{
	if (getenv("TEST_EARLY") == NULL || strcmp(getenv("TEST_EARLY"), "across") != 0)
		return;
	fsy_mutex_lock(&across);
	across_thread = worker_start(wait_across, NULL);
	wait_until_parked(&across, 1);
}

static int
early_was_fine(void *arg)
{
	(void)arg;
	CHILD_CHECK(early_worked);
	CHILD_CHECK(waiting_works() && fight(2000));
	return 0;
}

static int
across_was_fine(void *arg)
{
	(void)arg;
	CHILD_CHECK(!fsy_mutex_trylock(&across));
	CHILD_CHECK(parked_on(&across) == 1);
	fsy_mutex_unlock(&across);
	worker_join(across_thread);
	CHILD_CHECK(at_rest(&across));
	return 0;
}

static void
test_before_the_constructor(void **state)
{
	static const char *const fighting[] = { "TEST_EARLY=fight", NULL };
	static const char *const sleeping[] = { "TEST_EARLY=across", NULL };
	struct child child = child_exec("early", fighting, NULL);

	(void)state;
	child_assert_clean(&child);
	child = child_exec("across", sleeping, NULL);
	child_assert_clean(&child);
}

/* After main, after every atexit handler, in the destructor that runs last. */
static bool fight_late;

__attribute__((destructor(101))) static void
late(void)
{
	if (!fight_late)
		return;
	CHILD_CHECK(waiting_works() && fight(2000));
	_exit(42);
}

static int
be_late(void *arg)
{
	(void)arg;
	fight_late = true;
	return 0;
}

static void
test_after_main(void **state)
{
	struct child child = child_exec("late", NULL, NULL);

	(void)state;
	assert_true(child.exited);
	assert_string_equal(child.err, "");
	assert_int_equal(child.status, 42);
}

/* Nobody has a record: no key can be had. */
static int
recordless(void *arg)
{
	int64_t before = fsy_now();

	(void)arg;
	CHILD_CHECK(fsyi_thread_self() == NULL);
	CHILD_CHECK(fight(400));
	CHILD_CHECK(fsyi_thread_self() == NULL);
	fsy_mutex_lock(&mutex);
	CHILD_CHECK(fsy_mutex_lock_until(&mutex, fsy_after_ms(20)) == FSY_ETIMEDOUT);
	CHILD_CHECK(fsy_now() - before >= 20000000);
	CHILD_CHECK(fsy_mutex_lock_until(&mutex, 0) == FSY_ETIMEDOUT);
	fsy_mutex_unlock(&mutex);
	CHILD_CHECK(at_rest(&mutex));
	return 0;
}

static void
test_without_records(void **state)
{
	static const char *const shipped[] = { "TEST_EARLY=no keys", NULL };
	static const char *const fenced[] = { "TEST_EARLY=no keys", "FASTSYNC_MEMBARRIER=off", NULL };
	struct child child = child_exec("no keys", shipped, NULL);

	(void)state;
	child_assert_clean(&child);
	child = child_exec("no keys", fenced, NULL);
	child_assert_clean(&child);
}

/* A thread's destructors come in rounds; in the last it has no record any more, and fights a thread that never ends. */
static pthread_key_t last_words;
static __thread int rounds_left;
static fsy_atomic_u32 without_record, stop;

static void
lock_again(void *value)
{
	int rounds = 100;

	if (fsyi_thread_self() == NULL)
		fsy_atomic_u32_add(&without_record, 1);
	contend(&rounds);
	if (--rounds_left > 0)
		pthread_setspecific(last_words, value);
}

static void *
leave_slowly(void *arg)
{
	rounds_left = PTHREAD_DESTRUCTOR_ITERATIONS;
	pthread_setspecific(last_words, arg);
	W_CHECK(fsyi_thread_self() != NULL);
	return NULL;
}

static void *
never_end(void *arg)
{
	int rounds = 100;

	while (!fsy_atomic_u32_load(&stop))
		contend(&rounds);
	return arg;
}

static void
test_in_a_threads_last_destructors(void **state)
{
	pthread_t threads[THREADS], other;

	(void)state;
	if (THREAD_SANITIZED)
		skip();                                  /* it has taken its own leave of the thread by then */
	assert_int_equal(pthread_key_create(&last_words, lock_again), 0);
	sum = 0;
	fsy_atomic_u64_store(&expected, 0);
	other = worker_start(never_end, NULL);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < THREADS; i++)
			threads[i] = worker_start(leave_slowly, &sum);
		for (int i = 0; i < THREADS; i++)
			worker_join(threads[i]);
	}
	fsy_atomic_u32_store(&stop, 1);
	worker_join(other);
	workers_assert();
	assert_int_equal(sum, fsy_atomic_u64_load(&expected));
	assert_int_equal(fsy_atomic_u32_load(&without_record), 20 * THREADS);
	assert_at_rest(&mutex);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = {
		{ "early", early_was_fine }, { "across", across_was_fine }, { "late", be_late }, { "no keys", recordless }, { NULL, NULL }
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_the_constructor),
		cmocka_unit_test(test_after_main),
		cmocka_unit_test(test_without_records),
		cmocka_unit_test(test_in_a_threads_last_destructors),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("mutex at the ends", 200);
	return cmocka_run_group_tests_name("mutex at the ends", tests, NULL, NULL);
}
