/* SPDX-License-Identifier: MIT */
/* What a reader does that waits for somebody who does not run: rwmutex_wait.c, compiled under another name, and with time, yields and sleeps of the
 * test's own, so that no machine is too slow for it. */
#include "lib/sys/clock.h"
#include "lib/sys/cpu.h"
#include "lib/sys/futex.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int64_t clock_ns = 1000000000;

static int64_t own_now(void) { return clock_ns; }
static int64_t own_delay(int64_t ns) { return clock_ns += ns; }
static void own_yield(void);
static enum fsyi_wait own_futex_wait(fsy_atomic_u32 *word, uint32_t value, fsy_deadline_t deadline);
#define own_park(rw, deadline, again) (++park_count, (void)(rw), (void)(again), clock_ns = (deadline), false)

#define fsyi_now own_now
#define fsyi_delay own_delay
#define fsyi_yield own_yield
#define fsyi_futex_wait own_futex_wait
#define fsyi_rwmutex_wait own_wait
#include "lib/sync/rwmutex.h"
#define fsyi_rwmutex_park own_park

static int yield_count, nap_count, park_count, frees_after;
static int64_t yield_ns, first_nap_at;

#include "lib/sync/rwmutex_wait.c"

enum { WAIT_NS = 50000000 };

static fsy_rwmutex_t lock;

/* What is waited for happens during the yield that is to bring it. */
static void
own_yield(void)
{
	clock_ns += yield_ns;
	if (++yield_count != frees_after)
		return;
	fsy_atomic_u32_and_rlx(&lock.readers_, ~READERS_DRAINING);
	fsy_atomic_u32_and_rlx(&lock.word_, ~LW_LOCKED);
}

static enum fsyi_wait
own_futex_wait(fsy_atomic_u32 *word, uint32_t value, fsy_deadline_t deadline)
{
	assert_int_equal(fsy_atomic_u32_load_rlx(word), value);
	if (nap_count++ == 0)
		first_nap_at = clock_ns;
	clock_ns = deadline;
	return FSYI_TIMEDOUT;
}

/* A reader waits for a writer that has the lock, or sleeps over other readers. It is free after so many yields, of which each takes so long. */
static int
read_beside(bool drained, int yields_to_free, int64_t yield_takes)
{
	int error;

	lock = (fsy_rwmutex_t)FSY_RWMUTEX_INIT;
	fsy_atomic_u32_store_rlx(&lock.word_, LW_LOCKED);
	fsy_atomic_u32_store_rlx(&lock.readers_, drained ? READERS_DRAINING : 0);
	yield_count = nap_count = park_count = 0;
	frees_after = yields_to_free;
	yield_ns = yield_takes;
	error = own_wait(&lock, clock_ns + WAIT_NS);
	if (error == 0)
		fsy_rwmutex_runlock(&lock);
	return error;
}

/* A thread that has not met any that did not run sleeps. */
static void
test_sleeps_over_a_writer_that_runs(void **state)
{
	(void)state;
	assert_int_equal(read_beside(false, 1, 1000), FSY_ETIMEDOUT);
	assert_int_equal(yield_count, 0);
	assert_int_equal(nap_count, 0);
	assert_int_equal(park_count, 1);
}

static void
test_lets_others_run(void **state)
{
	(void)state;
	for (int n = 1; n <= 10; n++) {
		assert_int_equal(read_beside(true, n, 1000), 0);
		assert_int_equal(yield_count, n);
	}
	assert_int_equal(read_beside(false, 2, 1000), 0);       /* it has met such lately */
	assert_int_equal(yield_count, 2);
	assert_int_equal(nap_count + park_count, 0);
}

/* Others want this CPU for longer, or what those need that do not run is another: whoever went on would keep one busy for nothing. */
static void
test_naps_in_the_end(void **state)
{
	int64_t start;

	(void)state;
	for (int64_t takes = 1000; takes <= 20 * fsyi_tune.spin_ns; takes *= 10) {
		start = clock_ns;
		assert_int_equal(read_beside(true, 0, takes), FSY_ETIMEDOUT);
		assert_int_equal(yield_count, (10 * fsyi_tune.spin_ns + takes - 1) / takes);
		assert_int_equal(first_nap_at - start, yield_count * takes);
		assert_int_equal(nap_count, NAPS);
		assert_int_equal(park_count, 1);
	}
}

/* By that a writer's wait is told from a mutex's (test_lockword_arrive.c, test_lockword_pressed.c). */
static void
test_is_shared(void **state)
{
	(void)state;
	assert_true(fsyi_rwmutex_word(&lock).shared);
}

/* Somebody else had the CPU for long, and will have it again: it is not yielded to for as many naps as a wait has. */
static void
test_dear_yields_are_rare(void **state)
{
	int64_t enough = 10 * fsyi_tune.spin_ns;

	(void)state;
	assert_int_equal(read_beside(true, 1, enough), 0);
	assert_int_equal(read_beside(true, 1, enough + 1), 0);
	assert_int_equal(yield_count, 1);
	assert_int_equal(read_beside(true, 1, 1000), FSY_ETIMEDOUT);
	assert_int_equal(yield_count, 0);
	assert_int_equal(nap_count, NAPS);
	assert_int_equal(read_beside(true, 1, 1000), 0);
	assert_int_equal(yield_count, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleeps_over_a_writer_that_runs),
		cmocka_unit_test(test_lets_others_run),
		cmocka_unit_test(test_naps_in_the_end),
		cmocka_unit_test(test_dear_yields_are_rare),
		cmocka_unit_test(test_is_shared),
	};

	watchdog("yields of a rwmutex's readers", 60);
	return cmocka_run_group_tests_name("yields of a rwmutex's readers", tests, NULL, NULL);
}
