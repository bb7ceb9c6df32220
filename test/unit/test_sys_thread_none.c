/* SPDX-License-Identifier: MIT */
/* Threads without a record, for want of memory or of a key; and records from before the library's constructor. */
#include "lib/sync/readers.h"
#include "lib/sys/mem.h"
#include "lib/sys/thread.h"
#include "lib/sys/topology.h"
#include "test/support/child.h"
#include "test/support/refuse.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/error.h>
#include <fastsync/mutex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
count_record(struct fsyi_thread *thread, void *arg)
{
	int *count = arg;

	(void)thread;
	(*count)++;
}

static int
records(void)
{
	int count = 0;

	fsyi_thread_each(count_record, &count);
	return count;
}

static void *
starve(void *arg)
{
	(void)arg;
	CHILD_CHECK(refuse_memory());
	errno = 77;
	CHILD_CHECK(fsyi_thread_self() == NULL);
	CHILD_CHECK(fsyi_thread_self() == NULL);
	CHILD_CHECK(errno == 77);
	return NULL;
}

static int
no_memory(void *arg)
{
	fsyi_thread_self();
	worker_join(worker_start(starve, arg));
	return 0;
}

static void
test_no_memory_no_record(void **state)
{
	struct child child;

	(void)state;
	if (SANITIZED)
		skip();                                  /* a sanitizer needs memory at the end of a thread */
	child = child_exec("no memory", NULL, NULL);
	child_assert_clean(&child);
}

/* Runs before the library's constructor, as that of another library may. */
static bool early_called, early_worked;
static fsy_mutex_t early_lock = FSY_MUTEX_INIT;

__attribute__((constructor(101))) static void
early(void)
{
	const char *given = getenv("TEST_EARLY");
	pthread_key_t key;

	if (given == NULL)
		return;
	early_called = true;
	if (strcmp(given, "no keys") == 0) {
		while (pthread_key_create(&key, NULL) == 0)
			;
		return;
	}
	fsy_mutex_lock(&early_lock);
	early_worked = fsyi_thread_self() != NULL && fsy_mutex_lock_until(&early_lock, fsy_after_ms(5)) == FSY_ETIMEDOUT &&
		       fsyi_topology()->nodes == 1 && fsyi_mem_alloc(100, 0) != NULL;
}

static int
early_was_fine(void *arg)
{
	(void)arg;
	CHILD_CHECK(early_called && early_worked);
	CHILD_CHECK(!fsy_mutex_trylock(&early_lock));
	fsy_mutex_unlock(&early_lock);
	CHILD_CHECK(fsy_mutex_trylock(&early_lock));
	fsy_mutex_unlock(&early_lock);
	CHILD_CHECK(records() == 1);
	return 0;
}

static void
test_before_the_constructor(void **state)
{
	static const char *const environment[] = { "TEST_EARLY=lock", NULL };
	struct child child = child_exec("early", environment, NULL);

	(void)state;
	child_assert_clean(&child);
}

static int
no_keys(void *arg)
{
	(void)arg;
	CHILD_CHECK(early_called);
	CHILD_CHECK(fsyi_thread_self() == NULL);
	CHILD_CHECK(records() == 0);
	return 0;
}

static void
test_no_key_no_record(void **state)
{
	static const char *const environment[] = { "TEST_EARLY=no keys", NULL };
	struct child child = child_exec("no keys", environment, NULL);

	(void)state;
	child_assert_clean(&child);
}

/* What a malloc that takes our locks would do, were it called for a thread's record: reads, and has no memory in the end. */
static __thread fsy_atomic_u32 *read_by_malloc;

int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);

int
__wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	fsy_atomic_u32 *count = read_by_malloc;
	fsy_atomic_ptr *slot;

	if (count == NULL)
		return __real_pthread_setspecific(key, value);
	read_by_malloc = NULL;
	slot = fsyi_reader_slot(count);
	W_CHECK(slot != NULL);
	if (slot != NULL)
		fsyi_reader_announce(slot, count);
	return ENOMEM;
}

static void *
read_without_record(void *arg)
{
	uint32_t lines = fsy_atomic_u32_load_rlx(&fsyi_reader_lines);
	fsy_atomic_u32 *count = arg;
	fsy_atomic_ptr *slot;

	read_by_malloc = count;
	W_CHECK(fsyi_thread_self() == NULL);
	W_CHECK(read_by_malloc == NULL);
	W_CHECK(fsy_atomic_u32_load_rlx(count) == READERS_ONE);
	W_CHECK(fsy_atomic_u32_load_rlx(&fsyi_reader_lines) == lines);
	slot = fsyi_reader_slot(count);                 /* with a record, at last: nothing is left of that hold in its line */
	W_CHECK(slot != NULL);
	W_CHECK(fsy_atomic_u32_load_rlx(&fsyi_reader_lines) == lines + 1);
	W_CHECK(fsyi_readers_count_out(count));
	return NULL;
}

/* Nobody would look after the hold in its line: it is counted, so that any thread may give it back. */
static void
test_a_read_without_a_record(void **state)
{
	fsy_atomic_u32 count = { 0 };

	(void)state;
	worker_join(worker_start(read_without_record, &count));
	workers_assert();
	assert_int_equal(fsy_atomic_u32_load_rlx(&count), 0);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = {
		{ "no memory", no_memory }, { "early", early_was_fine }, { "no keys", no_keys }, { NULL, NULL }
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory_no_record),
		cmocka_unit_test(test_before_the_constructor),
		cmocka_unit_test(test_no_key_no_record),
		cmocka_unit_test(test_a_read_without_a_record),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("no thread record", tests, NULL, NULL);
}
