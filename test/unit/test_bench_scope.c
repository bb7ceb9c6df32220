/* SPDX-License-Identifier: MIT */
/* What a loop does between two operations it does without the lock, also where the lock is left by the end of a scope. */
#include "lib/bench/harness.h"
#include "test/support/child.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Some 0.4 s of work, in which another thread gets its one operation done; on a machine that is shared by too many, once in so many tries. */
enum { LONG = 500000000, TRIES = 5 };

struct job {
	const struct fsyb_impl *impl;
	void *object;
	struct fsyb_worker worker;
};

static void *
work(void *arg)
{
	struct job *job = arg;

	job->impl->run(job->object, &job->worker);
	return NULL;
}

static bool
is_free_meanwhile(const struct fsyb_impl *impl)
{
	static const volatile uint32_t never;
	struct job slow = { impl, impl->create(2), { .stop = &never, .limit = 1, .outside = LONG, .random = 1, .threads = 2 } }, quick = slow;
	pthread_t thread = worker_start(work, &slow);
	bool meanwhile;

	quick.worker.outside = 0;
	while (impl->datum(slow.object) == 0)
		sched_yield();
	work(&quick);
	meanwhile = slow.worker.ops == 0;
	worker_join(thread);
	impl->destroy(slow.object);
	return meanwhile;
}

static void
test_nobody_holds_the_lock_outside(void **state)
{
	int tries;

	(void)state;
	for (const struct fsyb_impl *impl = fsyb_ours(); impl->kind != NULL; impl++) {
		if (strcmp(impl->kind, FSYB_MUTEX) != 0)
			continue;
		for (tries = 0; tries < TRIES && !is_free_meanwhile(impl); tries++)
			;
		if (tries == TRIES)
			fail_msg("%s: the lock is held during the work outside", impl->name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nobody_holds_the_lock_outside) };

	if (THREAD_SANITIZED) {
		puts("skip scope: a loop's datum is looked at while it is written");
		return 0;
	}
	return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
