/* SPDX-License-Identifier: MIT */
/* The asymmetric fences forbid what store buffers would allow; the switch takes the library to its fenced form. */
#include "lib/sys/membarrier.h"
#include "lib/sys/clock.h"
#include "lib/sys/futex.h"
#include "test/support/child.h"
#include "test/support/refuse.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/lockword.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

enum { ROUNDS = 20000, NO_MORE = ROUNDS + 1 };
#define BUDGET_NS INT64_C(3000000000)             /* on a busy machine each round may cost two time slices */

/* Store buffering: light: x = 1, read y; heavy: y = 1, read x. Both reading 0 is what must not happen. */
static struct {
	fsy_atomic_u32 x __attribute__((aligned(FSY_CACHELINE)));
	fsy_atomic_u32 y __attribute__((aligned(FSY_CACHELINE)));
	fsy_atomic_u32 round __attribute__((aligned(FSY_CACHELINE)));
	fsy_atomic_u32 done __attribute__((aligned(FSY_CACHELINE)));
	fsy_atomic_u32 light_read;
} litmus;

/* The next round, or the last word. */
static uint32_t
await(fsy_atomic_u32 *word, uint32_t round)
{
	uint32_t seen;

	for (int look = 1; (seen = fsy_atomic_u32_load_acq(word)) != round && seen != NO_MORE; look++) {
		fsyi_relax();
		if (look % 1000 == 0)
			sched_yield();
	}
	return seen;
}

static void *
light_side(void *arg)
{
	(void)arg;
	for (uint32_t round = 1; await(&litmus.round, round) != NO_MORE; round++) {
		uint32_t seen;

		fsy_atomic_u32_store_rlx(&litmus.x, 1);
		FSY_LIGHT_BARRIER_();
		seen = fsy_atomic_u32_load_rlx(&litmus.y);
		fsy_atomic_u32_store_rlx(&litmus.light_read, seen);
		fsy_atomic_u32_store_rel(&litmus.done, round);
	}
	return NULL;
}

static void
test_store_buffering(void **state)
{
	uint32_t forbidden = 0, heavy_first = 0, light_first = 0, round;
	int64_t start = fsyi_now();
	pthread_t light;

	(void)state;
	if (!fsyi_membarrier_init())
		skip();
	light = worker_start(light_side, NULL);
	for (round = 1; round <= ROUNDS && fsyi_now() - start < BUDGET_NS; round++) {
		uint32_t heavy_read;

		fsy_atomic_u32_store_rlx(&litmus.x, 0);
		fsy_atomic_u32_store_rlx(&litmus.y, 0);
		fsy_atomic_u32_store_rel(&litmus.round, round);
		for (uint32_t i = 0; i < round % 1024; i++) /* the two sides meet at varying distances */
			FSY_LIGHT_BARRIER_();
		fsy_atomic_u32_store_rlx(&litmus.y, 1);
		if (!fsyi_membarrier())
			forbidden++;
		heavy_read = fsy_atomic_u32_load_rlx(&litmus.x);
		await(&litmus.done, round);
		if (heavy_read == 0 && fsy_atomic_u32_load_rlx(&litmus.light_read) == 0)
			forbidden++;
		heavy_first += heavy_read == 0;
		light_first += fsy_atomic_u32_load_rlx(&litmus.light_read) == 0;
	}
	fsy_atomic_u32_store_rel(&litmus.round, NO_MORE);
	worker_join(light);
	printf("light first %u, heavy first %u, both %u of %u\n", light_first, heavy_first, forbidden, round - 1);
	assert_int_equal(forbidden, 0);
}

static bool
kernel_grants_it(void)
{
	return syscall(SYS_membarrier, 16, 0, 0) == 0 && syscall(SYS_membarrier, 8, 0, 0) == 0;
}

/* The attention table is published only where membarrier works and the library was built to use it. */
static int
published(void *arg)
{
	const char *given = getenv("FASTSYNC_MEMBARRIER");
	bool off = given != NULL && strcmp(given, "off") == 0;

	(void)arg;
	CHILD_CHECK(fsyi_membarrier_init() == (!off && kernel_grants_it()));
	CHILD_CHECK((fsy_attention_ != NULL) == (FSY_ASYMMETRIC_ && !off && kernel_grants_it()));
	return 0;
}

static void
test_switch(void **state)
{
	static const char *const on[] = { "FASTSYNC_MEMBARRIER=on", NULL };
	static const char *const off[] = { "FASTSYNC_MEMBARRIER=off", NULL };
	struct child child = child_exec("published", on, NULL);

	(void)state;
	child_assert_clean(&child);
	child = child_exec("published", off, NULL);
	child_assert_clean(&child);
}

static int
lose_it(void *arg)
{
	static const int membarrier[] = { SYS_membarrier };

	(void)arg;
	CHILD_CHECK(fsyi_membarrier() && !fsyi_membarrier_lost());
	CHILD_CHECK(refuse_calls(membarrier, 1, EPERM));
	errno = 77;
	CHILD_CHECK(!fsyi_membarrier() && fsyi_membarrier_lost());
	CHILD_CHECK(errno == 77);
	return 0;
}

static void
test_sandbox_entered_late_is_reported(void **state)
{
	struct child child;

	(void)state;
	if (!fsyi_membarrier_init())
		skip();
	child = child_fork(lose_it, NULL);
	child_assert_clean(&child);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "published", published }, { NULL, NULL } };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_buffering),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_sandbox_entered_late_is_reported),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("membarrier", tests, NULL, NULL);
}
