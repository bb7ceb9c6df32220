/* SPDX-License-Identifier: MIT */
/*
 * The last moment before sleep: one thread gives up looking and goes to sleep just when the owner unlocks, and nobody else
 * comes by to make up for a wake-up that is lost. The length of the critical section is steered to where half of the
 * waits end asleep.
 */
#include "lib/sys/tune.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <fastsync/stats.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 2 };

static fsy_mutex_t mutex;
static uint64_t sum;
static fsy_atomic_u32 begun, arrived, ended, stop;
static int waiters;

static cpu_set_t given;

/* The main thread and the others on different CPUs, if there are two. */
static void
stay_apart(int side)
{
	cpu_set_t mine;

	CPU_ZERO(&mine);
	for (size_t cpu = 0, seen = 0; cpu < CPU_SETSIZE && CPU_COUNT(&mine) == 0; cpu++)
		if (CPU_ISSET(cpu, &given) && seen++ == (size_t)(side % CPU_COUNT(&given)))
			CPU_SET(cpu, &mine);
	sched_setaffinity(0, sizeof(mine), &mine);
}

static void *
wait_each_round(void *arg)
{
	uint32_t round = 0;

	stay_apart(1);
	for (;;) {
		while (fsy_atomic_u32_load(&begun) == round)
			if (fsy_atomic_u32_load(&stop))
				return arg;
			else
				sched_yield();
		round++;
		fsy_atomic_u32_add(&arrived, 1);
		fsy_mutex_lock(&mutex);
		sum++;
		fsy_mutex_unlock(&mutex);
		fsy_atomic_u32_add(&ended, 1);
	}
}

static uint64_t
parks(void)
{
	fsy_stats_t stats;

	assert_int_equal(fsy_stats_get(&mutex, &stats), 0);
	return stats.parks;
}

/* One round: the lock is held for so long after the waiters came. Whether all of them slept. */
static bool
hold_for(int64_t ns, uint32_t round, bool fair)
{
	uint64_t before = parks();
	int64_t until;

	fsy_mutex_lock(&mutex);
	fsy_atomic_u32_store(&begun, round);
	while (fsy_atomic_u32_load(&arrived) != round * (uint32_t)waiters)
		sched_yield();
	until = fsy_now() + ns;
	while (fsy_now() < until)
		;
	if (fair)
		fsy_mutex_unlock_fair(&mutex);
	else
		fsy_mutex_unlock(&mutex);
	while (fsy_atomic_u32_load(&ended) != round * (uint32_t)waiters)
		sched_yield();
	return parks() - before >= (uint64_t)waiters;
}

static void
sleep_at_the_last_moment(int count, bool fair, int share)
{
	fsy_deadline_t end = stress_until(3000, share), limit = fsy_after_ms(TEST_PATIENCE_MS / 2);
	pthread_t threads[MOST];
	uint32_t round = 0, asleep = 0;
	int64_t ns = fsyi_tune.spin_ns;
	bool apart = CPU_COUNT(&given) > 1;              /* on one CPU nobody looks: whoever finds the lock held sleeps at once */

	waiters = count;
	sum = 0;
	fsy_atomic_u32_store(&begun, 0);
	fsy_atomic_u32_store(&arrived, 0);
	fsy_atomic_u32_store(&ended, 0);
	fsy_atomic_u32_store(&stop, 0);
	for (int i = 0; i < count; i++)
		threads[i] = worker_start(wait_each_round, NULL);
	while (fsy_now() < end || ((asleep == 0 || (apart && asleep == round)) && fsy_now() < limit)) {
		bool slept = hold_for(ns, ++round, fair);

		asleep += slept;
		ns += slept ? -70 : 50;
		ns = ns > 0 ? ns : 0;
	}
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < count; i++)
		worker_join(threads[i]);
	printf("%u rounds, %u asleep, section of %ld ns\n", round, asleep, (long)ns);
	assert_true(asleep > 0 && (!apart || asleep < round));
	assert_int_equal(sum, (uint64_t)round * (uint64_t)count);
	assert_at_rest(&mutex);
}

static void
test_last_moment(void **state)
{
	(void)state;
	assert_int_equal(fsy_stats_watch(&mutex), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(given), &given), 0);
	stay_apart(0);
	fsyi_tune.spin_ns = 5000;                        /* more rounds */
	sleep_at_the_last_moment(1, false, 3);
	sleep_at_the_last_moment(2, false, 3);
	sleep_at_the_last_moment(1, true, 3);
	fsy_stats_unwatch(&mutex);
	sched_setaffinity(0, sizeof(given), &given);     /* or the child below has one CPU */
}

static const struct CMUnitTest tests[] = { cmocka_unit_test(test_last_moment) };

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "last moment before sleep", tests, sizeof(tests) / sizeof(tests[0]), settings_fenced, 1500 };

	return settings_main(argc, argv, &group);
}
