/* SPDX-License-Identifier: MIT */
/* The library works where a filter refuses what it would like to use, with EPERM as containers do or with ENOSYS as old kernels. */
#include "lib/park/lot.h"
#include "lib/sys/cpu.h"
#include "lib/sys/fork.h"
#include "lib/sys/futex.h"
#include "lib/sys/mem.h"
#include "lib/sys/membarrier.h"
#include "lib/sys/thread.h"
#include "lib/sys/topology.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/refuse.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/error.h>
#include <fastsync/mutex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* madvise stands for MADV_WIPEONFORK, rseq for glibc's registration (which must not begin to fail later on: it
 * stands last); 454 and 455 are futex2. */
static const int optional_calls[] = {
	SYS_membarrier, 454, 455, SYS_mbind, SYS_get_mempolicy, SYS_set_mempolicy, SYS_getcpu, SYS_madvise, SYS_rseq,
};

enum { CALLS = sizeof(optional_calls) / sizeof(optional_calls[0]), THREADS = 4, TURNS = 20000 };

static struct gate together = GATE("threads under a filter");
static fsy_mutex_t lock = FSY_MUTEX_INIT;
static long counter;

static void *
count_up(void *arg)
{
	gate_meet(arg, THREADS);
	for (int i = 0; i < TURNS; i++) {
		fsy_mutex_lock(&lock);
		counter++;
		fsy_mutex_unlock(&lock);
	}
	return NULL;
}

static void
contend(void)
{
	pthread_t threads[THREADS];

	counter = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = worker_start(count_up, &together);
	for (int i = 0; i < THREADS; i++)
		worker_join(threads[i]);
	CHILD_CHECK(counter == (long)THREADS * TURNS);
	fsy_mutex_lock(&lock);
	CHILD_CHECK(fsy_mutex_lock_until(&lock, fsy_after_ms(5)) == FSY_ETIMEDOUT);
	fsy_mutex_unlock(&lock);
	CHILD_CHECK(fsyi_lot_is_idle(&fsyi_lot));
}

/* Under the filter from its first instruction on. */
static int
work(void *arg)
{
	int status;
	pid_t pid;

	(void)arg;
	CHILD_CHECK(!fsyi_futex2_used() && !fsyi_cpu_rseq_used() && fsy_attention_ == NULL);
	CHILD_CHECK(!fsyi_membarrier_init());
	CHILD_CHECK(fsyi_cpu_count() >= 1 && fsyi_cpu() >= 0);
	CHILD_CHECK(fsyi_node() >= 0 && fsyi_node() < fsyi_topology()->nodes);
	CHILD_CHECK(fsyi_mem_alloc(100, 0) != NULL && fsyi_mem_alloc(1 << 20, 0) != NULL);
	CHILD_CHECK(fsyi_thread_self() != NULL);
	contend();
	pid = fork();
	if (pid == 0) {
		fsyi_fork_check();
		CHILD_CHECK(fsyi_fork_generation() == 1);
		contend();
		_exit(0);
	}
	CHILD_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

static void
refuse_with_eperm(void)
{
	CHILD_CHECK(refuse_calls(optional_calls, CALLS, EPERM));
}

static void
refuse_with_enosys(void)
{
	CHILD_CHECK(refuse_calls(optional_calls, CALLS, ENOSYS));
}

static void
test_under_a_filter(void **state)
{
	struct child child;

	(void)state;
	if (THREAD_SANITIZED)
		skip();                                  /* ThreadSanitizer does not start without madvise */
	child = child_exec("work", NULL, refuse_with_eperm);
	child_assert_clean(&child);
	child = child_exec("work", NULL, refuse_with_enosys);
	child_assert_clean(&child);
}

/* Everything was granted at first; then the process locks itself in, as sandboxes do. */
static int
enter_sandbox(void *arg)
{
	(void)arg;
	contend();
	CHILD_CHECK(refuse_calls(optional_calls, CALLS - 1, EPERM));
	contend();
	CHILD_CHECK(!fsyi_membarrier());
	return 0;
}

static void
test_sandbox_entered_late(void **state)
{
	struct child child = child_exec("sandbox", NULL, NULL);

	(void)state;
	child_assert_clean(&child);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "work", work }, { "sandbox", enter_sandbox }, { NULL, NULL } };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_under_a_filter),
		cmocka_unit_test(test_sandbox_entered_late),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
