/* SPDX-License-Identifier: MIT */
/* Ten thousand threads and one mutex: all of them asleep on it at once, then each of them through it. */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MANY = 10000, TIMES = 3 };

static fsy_mutex_t mutex;
static int passed;
static pthread_t threads[MANY];

/* The later rounds meet the waking up of those whose first is to come. */
static void *
pass(void *arg)
{
	(void)arg;
	for (int i = 0; i < TIMES; i++) {
		fsy_mutex_lock(&mutex);
		passed++;
		fsy_mutex_unlock(&mutex);
	}
	return NULL;
}

/* ThreadSanitizer has room for some 8,000 threads, and less patience; AddressSanitizer takes more than 100 KB for each. */
static int
how_many(void)
{
	return THREAD_SANITIZED ? MANY / 20 : SANITIZED ? MANY / 5 : MANY;
}

static int
start_many(void)
{
	int wanted = how_many(), count = 0;
	pthread_attr_t attributes;
	size_t stack = SANITIZED ? 256 * 1024 : 32 * 1024;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, stack > (size_t)PTHREAD_STACK_MIN ? stack : (size_t)PTHREAD_STACK_MIN);
	while (count < wanted && pthread_create(&threads[count], &attributes, pass, NULL) == 0)
		count++;
	pthread_attr_destroy(&attributes);
	return count;
}

static void
test_ten_thousand_threads(void **state)
{
	int wanted = how_many(), count;

	(void)state;
	fsy_mutex_lock(&mutex);
	count = start_many();
	wait_until_parked(&mutex, (unsigned)count);
	assert_int_equal(passed, 0);
	fsy_mutex_unlock(&mutex);
	for (int i = 0; i < count; i++)
		worker_join(threads[i]);
	assert_int_equal(passed, count * TIMES);
	assert_at_rest(&mutex);
	if (count < wanted) {
		printf("skip ten_thousand_threads: this machine's limits allow %d (which passed)\n", count);
		skip();
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ten_thousand_threads),
	};

	watchdog("ten thousand threads", 200);
	return cmocka_run_group_tests_name("ten thousand threads", tests, NULL, NULL);
}
