/* SPDX-License-Identifier: MIT */
/* Thread records: one per thread, reused after its exit, never unmapped. */
#include "lib/sys/thread.h"
#include "lib/sys/topology.h"
#include "test/support/gate.h"
#include "test/support/worker.h"

#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

static void
check_fresh(const struct fsyi_thread *self)
{
	W_CHECK(self != NULL && self == fsyi_thread_self() && self == fsyi_thread_current);
	W_CHECK((uintptr_t)self % FSY_CACHELINE == 0);
	W_CHECK(fsy_atomic_u32_load(&self->park) == 0);
	W_CHECK(self->queue == NULL && self->spare != NULL);
	W_CHECK(self->virtual_node == -1);
}

static void *
note_record(void *arg)
{
	struct fsyi_thread **record = arg;

	*record = fsyi_thread_self();
	check_fresh(*record);
	(*record)->virtual_node = 0;                     /* the next owner must not inherit it */
	return NULL;
}

static void
test_record_is_reused_after_exit(void **state)
{
	struct fsyi_thread *first, *next, *mine = fsyi_thread_self();
	int before;

	(void)state;
	worker_join(worker_start(note_record, &first));
	before = records();
	for (int i = 0; i < 200; i++) {
		worker_join(worker_start(note_record, &next));
		assert_ptr_equal(next, first);
		assert_ptr_not_equal(next, mine);
	}
	assert_int_equal(records(), before);
	assert_true(fsy_atomic_u32_load(&first->park) == 0);   /* its owner is gone; the memory is not */
	workers_assert();
}

enum { CROWD = 64 };

static struct gate crowd = GATE("all hold a record");
static fsy_atomic_ptr held[CROWD];

static void *
hold_record(void *arg)
{
	fsy_atomic_ptr *place = arg;

	fsy_atomic_ptr_store(place, fsyi_thread_self());
	check_fresh(fsyi_thread_self());
	gate_meet(&crowd, CROWD);
	for (int i = 0; i < CROWD; i++)
		W_CHECK(&held[i] == place || fsy_atomic_ptr_load(&held[i]) != fsy_atomic_ptr_load(place));
	gate_meet(&crowd, CROWD);
	return NULL;
}

static void
test_no_two_threads_share_one(void **state)
{
	pthread_t threads[CROWD];
	int after_first = 0;

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < CROWD; i++)
			threads[i] = worker_start(hold_record, &held[i]);
		for (int i = 0; i < CROWD; i++)
			worker_join(threads[i]);
		if (round == 0)
			after_first = records();
	}
	/* Freed by all at once, taken by all at once: not a single new one was needed. */
	assert_int_equal(records(), after_first);
	workers_assert();
}

static void *
churn(void *arg)
{
	(void)arg;
	check_fresh(fsyi_thread_self());
	return NULL;
}

static void *
churn_threads(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++)
		worker_join(worker_start(churn, NULL));
	return NULL;
}

static void
test_records_do_not_grow_with_exits(void **state)
{
	pthread_t threads[4];
	int before = records();

	(void)state;
	for (int i = 0; i < 4; i++)
		threads[i] = worker_start(churn_threads, NULL);
	for (int i = 0; i < 4; i++)
		worker_join(threads[i]);
	assert_in_range(records(), before, before + 8);
	workers_assert();
}

/* A key made after the library's is destroyed after it in each round, and waits for a lock then. */
static pthread_key_t late_key;
static int late_rounds;
static struct fsyi_thread *late_record;

static void
late_destructor(void *value)
{
	late_record = fsyi_thread_self();
	W_CHECK(late_record != NULL);
	if (++late_rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1)
		pthread_setspecific(late_key, value);
}

static void *
exit_late(void *arg)
{
	pthread_setspecific(late_key, arg);
	W_CHECK(fsyi_thread_self() != NULL);
	return NULL;
}

static void
test_destructors_that_lock(void **state)
{
	struct fsyi_thread *next;
	int before;

	(void)state;
	assert_int_equal(pthread_key_create(&late_key, late_destructor), 0);
	worker_join(worker_start(note_record, &next));
	before = records();
	for (int i = 0; i < 20; i++) {
		late_rounds = 0;
		worker_join(worker_start(exit_late, &late_key));
		assert_int_equal(late_rounds, PTHREAD_DESTRUCTOR_ITERATIONS - 1);
		worker_join(worker_start(note_record, &next));
		assert_ptr_equal(next, late_record);     /* it was given back each time */
	}
	assert_int_equal(records(), before);
	workers_assert();
	pthread_key_delete(late_key);
}

/* Records are reused by threads of the same node: then all threads must come from one. */
static void
stay_on_one_node(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	if (fsyi_topology()->nodes > 1)
		sched_setaffinity(0, sizeof(one), &one);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_is_reused_after_exit),
		cmocka_unit_test(test_no_two_threads_share_one),
		cmocka_unit_test(test_records_do_not_grow_with_exits),
		cmocka_unit_test(test_destructors_that_lock),
	};

	stay_on_one_node();
	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
