/* SPDX-License-Identifier: MIT */
/* A forked child recovers at its first slow path, however it was made and whatever other threads were doing. */
#include "lib/park/lot.h"
#include "lib/sys/fork.h"
#include "lib/sys/membarrier.h"
#include "lib/sys/thread.h"
#include "lib/sys/topology.h"
#include "lib/sys/tune.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/mutex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Fork by other ways than fork: no handlers run. */
static pid_t
raw_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* Runs body in a child made by way; its exit status. */
static int
status_of(pid_t (*way)(void), int (*body)(void))
{
	int status;
	pid_t pid = way();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		_exit(body());
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static struct fsyi_thread *forker;               /* the record of the thread that forks */
static uint32_t generation;                      /* before it forks */
static fsy_mutex_t contested;
static int records;                              /* how many there were then */

struct census {
	int records, waiting, untidy;
};

static void
look_at(struct fsyi_thread *thread, void *arg)
{
	struct census *census = arg;

	census->records++;
	census->waiting += fsy_atomic_u32_load(&thread->park) != 0;
}

/* Only where nobody else runs: the queues belong to the bucket locks. */
static void
inspect(struct fsyi_thread *thread, void *arg)
{
	struct census *census = arg;

	census->untidy += thread->queue != NULL || thread->spare == NULL || thread->token != 0;
}

static struct census
census_by(void (*look)(struct fsyi_thread *thread, void *arg))
{
	struct census census = { 0, 0, 0 };

	fsyi_thread_each(look, &census);
	return census;
}

static void *
take_record(void *arg)
{
	gate_pass(arg);
	CHILD_CHECK(fsyi_thread_self() != NULL && fsyi_thread_self() != forker);
	return NULL;
}

static int
recovered(void)
{
	struct gate gate = GATE("threads of the child");
	pthread_t threads[3];

	fsyi_fork_check();
	CHILD_CHECK(fsyi_fork_generation() == generation + 1);
	CHILD_CHECK(fsyi_thread_self() == forker);
	CHILD_CHECK(fsyi_lot_is_idle(&fsyi_lot));
	CHILD_CHECK(census_by(look_at).records == records && census_by(look_at).waiting == 0);
	CHILD_CHECK(census_by(inspect).untidy == 0);
	if (fsy_attention_ != NULL)
		CHILD_CHECK(fsyi_membarrier());
	/* What was held stays held, and can be given back; what waited is gone. */
	CHILD_CHECK(!fsy_mutex_trylock(&contested));
	fsy_mutex_unlock(&contested);
	fsy_mutex_lock(&contested);
	fsy_mutex_unlock(&contested);
	/* The records left behind serve the child's threads. */
	for (int i = 0; i < 3; i++)
		threads[i] = worker_start(take_record, &gate);
	gate_open(&gate);
	for (int i = 0; i < 3; i++)
		worker_join(threads[i]);
	if (records > 3 && fsyi_topology()->nodes == 1)
		CHILD_CHECK(census_by(look_at).records == records);
	return 0;
}

enum { WAITERS = 4 };
static fsy_atomic_u32 waiter_tid[WAITERS];

static void *
wait_for_contested(void *arg)
{
	fsy_atomic_u32 *tid = arg;

	fsy_atomic_u32_store(tid, (uint32_t)worker_tid());
	fsy_mutex_lock(&contested);
	fsy_mutex_unlock(&contested);
	return NULL;
}

static void
fork_among_waiters(pid_t (*way)(void))
{
	pthread_t threads[WAITERS];

	memset(&contested, 0, sizeof(contested));
	forker = fsyi_thread_self();
	generation = fsyi_fork_generation();
	fsy_mutex_lock(&contested);
	for (int i = 0; i < WAITERS; i++) {
		fsy_atomic_u32_store(&waiter_tid[i], 0);
		threads[i] = worker_start(wait_for_contested, &waiter_tid[i]);
	}
	while (census_by(look_at).waiting < WAITERS)
		sched_yield();
	for (int i = 0; i < WAITERS; i++)
		wait_until_asleep((pid_t)fsy_atomic_u32_load(&waiter_tid[i]));
	records = census_by(look_at).records;
	assert_int_equal(status_of(way, recovered), 0);
	fsy_mutex_unlock(&contested);                    /* the parent is as it was */
	for (int i = 0; i < WAITERS; i++)
		worker_join(threads[i]);
	assert_int_equal(fsyi_fork_generation(), generation);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
	workers_assert();
}

static void
test_fork(void **state)
{
	(void)state;
	fork_among_waiters(fork);
}

static void
test_fork_without_handlers(void **state)
{
	(void)state;
	if (!fsyi_switch_on("FASTSYNC_WIPEONFORK"))
		skip();                                  /* nothing tells, then */
	fork_among_waiters(_Fork);
	fork_among_waiters(raw_clone);
}

static int
child_and_grandchild(void)
{
	if (recovered() != 0)
		return 1;
	generation = fsyi_fork_generation();
	records = census_by(look_at).records;
	fsy_mutex_lock(&contested);
	return status_of(fsyi_switch_on("FASTSYNC_WIPEONFORK") ? raw_clone : fork, recovered);
}

static void
test_fork_of_a_fork(void **state)
{
	(void)state;
	forker = fsyi_thread_self();
	generation = fsyi_fork_generation();
	records = census_by(look_at).records;
	fsy_mutex_lock(&contested);
	assert_int_equal(status_of(fork, child_and_grandchild), 0);
	fsy_mutex_unlock(&contested);
}

/* Nobody recovers until several threads of the child come to it at once, none of them the one that was forked. */
enum { FIRST = 8 };
static struct gate first = GATE("first slow paths of the child");
static fsy_atomic_ptr found[FIRST];

static void *
come_first(void *arg)
{
	gate_meet(&first, FIRST + 1);
	fsyi_fork_check();
	if (fsyi_fork_generation() == generation + 1)
		fsy_atomic_ptr_store((fsy_atomic_ptr *)arg, fsyi_thread_self());
	gate_meet(&first, FIRST + 1);                    /* all hold their record at the same time */
	gate_meet(&first, FIRST + 1);
	return NULL;
}

static int
many_come_first(void)
{
	pthread_t threads[FIRST];
	struct fsyi_thread *mine;

	for (int i = 0; i < FIRST; i++)
		threads[i] = worker_start(come_first, &found[i]);
	gate_meet(&first, FIRST + 1);
	gate_meet(&first, FIRST + 1);
	CHILD_CHECK(fsyi_fork_generation() == generation + 1);
	mine = fsyi_thread_self();
	CHILD_CHECK(mine != NULL);
	for (int i = 0; i < FIRST; i++) {
		CHILD_CHECK(fsy_atomic_ptr_load(&found[i]) != NULL);
		CHILD_CHECK(fsy_atomic_ptr_load(&found[i]) != mine);
		for (int j = 0; j < i; j++)
			CHILD_CHECK(fsy_atomic_ptr_load(&found[i]) != fsy_atomic_ptr_load(&found[j]));
	}
	gate_meet(&first, FIRST + 1);
	for (int i = 0; i < FIRST; i++)
		worker_join(threads[i]);
	return 0;
}

static void
test_threads_before_recovery(void **state)
{
	(void)state;
	fsyi_thread_self();
	generation = fsyi_fork_generation();
	assert_int_equal(status_of(fork, many_come_first), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_fork),           cmocka_unit_test(test_fork_without_handlers),
	cmocka_unit_test(test_fork_of_a_fork), cmocka_unit_test(test_threads_before_recovery),
};

static int
all_again(void *arg)
{
	(void)arg;
	return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}

static void
test_all_with_each_fallback(void **state)
{
	static const char *const handlers[] = { "FASTSYNC_WIPEONFORK=off", NULL };
	static const char *const fenced[] = { "FASTSYNC_MEMBARRIER=off", NULL };
	struct child child = child_exec("all", handlers, NULL);
	(void)state;
	child_assert_clean(&child);
	child = child_exec("all", fenced, NULL);
	child_assert_clean(&child);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "all", all_again }, { NULL, NULL } };
	static const struct CMUnitTest outer[] = { cmocka_unit_test(test_all_with_each_fallback) };

	if (THREAD_SANITIZED) {
		puts("skip fork: ThreadSanitizer takes the threads that a fork left behind for living ones");
		return 0;
	}
	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("fork", tests, NULL, NULL) + cmocka_run_group_tests_name("fork again", outer, NULL, NULL);
}
