/* SPDX-License-Identifier: MIT */
/* The starvation experiment: its hooks and verdicts by hand, a lock that starves on purpose and one that does not, and what is read off them. */
#include "lib/bench/harness.h"
#include "lib/bench/peers/loop.h"
#include "lib/bench/results.h"
#include "lib/bench/starve.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <fastsync/time.h>
#include <cmocka.h>

static void
test_fates(void **state)
{
	(void)state;
	assert_int_equal(fsyb_fate(0, 100), FSYB_SERVED);
	assert_int_equal(fsyb_fate(10, 100), FSYB_SERVED);
	assert_int_equal(fsyb_fate(10.1, 100), FSYB_DELAYED);
	assert_int_equal(fsyb_fate(49.9, 100), FSYB_DELAYED);
	assert_int_equal(fsyb_fate(50, 100), FSYB_STARVED);
	assert_int_equal(fsyb_fate(120, 100), FSYB_STARVED); /* it began before the window */
	assert_int_equal(fsyb_fate(NAN, 100), FSYB_UNKNOWN);
	assert_int_equal(fsyb_fate(1, NAN), FSYB_UNKNOWN);
	assert_int_equal(fsyb_fate(1, 0), FSYB_UNKNOWN);
}

static void
test_verdicts(void **state)
{
	(void)state;
	assert_string_equal(fsyb_verdict_starves(FSYB_STARVED), "holds");
	assert_string_equal(fsyb_verdict_starves(FSYB_DELAYED), "partly: long waits");
	assert_string_equal(fsyb_verdict_starves(FSYB_SERVED), "does not hold");
	assert_string_equal(fsyb_verdict_starves(FSYB_UNKNOWN), "not measured");
	assert_string_equal(fsyb_verdict_spared(FSYB_STARVED), "does not hold");
	assert_string_equal(fsyb_verdict_spared(FSYB_DELAYED), "partly: long waits");
	assert_string_equal(fsyb_verdict_spared(FSYB_SERVED), "holds");
	assert_string_equal(fsyb_verdict_fair(FSYB_SERVED, FSYB_SERVED), "holds");
	assert_string_equal(fsyb_verdict_fair(FSYB_SERVED, FSYB_DELAYED), "partly: long waits");
	assert_string_equal(fsyb_verdict_fair(FSYB_SERVED, FSYB_STARVED), "partly: readers starve");
	assert_string_equal(fsyb_verdict_fair(FSYB_STARVED, FSYB_DELAYED), "partly: writers starve");
	assert_string_equal(fsyb_verdict_fair(FSYB_STARVED, FSYB_STARVED), "does not hold: both starve");
	assert_string_equal(fsyb_verdict_fair(FSYB_UNKNOWN, FSYB_STARVED), "not measured");
	assert_string_equal(fsyb_verdict_better(FSYB_SERVED, FSYB_STARVED), "holds");
	assert_string_equal(fsyb_verdict_better(FSYB_DELAYED, FSYB_DELAYED), "does not hold: no difference");
	assert_string_equal(fsyb_verdict_better(FSYB_STARVED, FSYB_DELAYED), "does not hold: reverse");
	assert_string_equal(fsyb_verdict_better(FSYB_UNKNOWN, FSYB_STARVED), "not measured");
}

/* The hooks as the loops call them, in one thread: worker 0 waits, two others read, then one writes. */
static void
test_counts(void **state)
{
	uint32_t stop = 1; /* so that nobody sleeps */
	struct fsyb_starve *all = fsyb_starve_new(3, 1000000, &stop, 1);
	struct fsyb_hold *tried = &all->triers[0].hold, *other = &all->triers[1].hold;
	struct fsyb_ordeal ordeal;
	int64_t start = fsy_now();

	(void)state;
	assert_int_equal(fsyb_starve_look(all, start).longest_ns, 0);
	other->ask(other);
	other->held(other, 0);
	other->left(other);
	tried->ask(tried);
	other->held(other, 0); /* a section, and the phase that it was */
	other->held(other, 1);
	ordeal = fsyb_starve_look(all, fsy_now() + INT64_C(3600000000000));
	assert_true(ordeal.pending && ordeal.longest_ns >= INT64_C(3600000000000));
	assert_true(ordeal.most.sections == 2 && ordeal.most.phases == 2);
	tried->held(tried, 1);
	tried->left(tried);
	ordeal = fsyb_starve_look(all, fsy_now());
	assert_true(!ordeal.pending && ordeal.longest_ns > 0 && ordeal.longest_ns <= fsy_now() - start);
	assert_true(ordeal.most.sections == 2 && ordeal.most.phases == 2);
	fsyb_starve_begin(all);
	assert_int_equal(fsyb_starve_look(all, fsy_now()).longest_ns, 0);
	fsyb_starve_free(all);
}

/* Two locks made to measure: with one the tried side gets in as soon as nobody is inside; with the other only when all others have gone home. */
struct lock {
	pthread_mutex_t mutex;
	uint64_t words[2];
	uint32_t torn;
	const volatile uint32_t *stop;
};

static void *
create(unsigned threads)
{
	struct lock *lock = calloc(1, sizeof *lock);

	(void)threads;
	pthread_mutex_init(&lock->mutex, NULL);
	return lock;
}

static uint64_t
datum(void *object)
{
	return ((struct lock *)object)->torn ? UINT64_MAX : ((struct lock *)object)->words[1];
}

static void
take(struct lock *lock, const struct fsyb_worker *worker, bool starves)
{
	while (starves && worker->index == 0 && fsyb_load32(worker->stop) == 0)
		fsyb_sleep(100000);
	pthread_mutex_lock(&lock->mutex);
}

FSYB_HOLD_LOOP(run_shared, struct lock, take(self, worker, false), pthread_mutex_unlock(&self->mutex), take(self, worker, false),
               pthread_mutex_unlock(&self->mutex))
FSYB_HOLD_LOOP(run_starving, struct lock, take(self, worker, true), pthread_mutex_unlock(&self->mutex), take(self, worker, true),
               pthread_mutex_unlock(&self->mutex))

static struct fsyb_sample
window(void (*run)(void *, struct fsyb_worker *), unsigned threads, uint32_t write_permille, int64_t window_ns)
{
	struct fsyb_impl impl = { .kind = FSYB_HOLD, .name = "made to measure", .create = create, .destroy = free, .run = run, .datum = datum };
	struct fsyb_candidate candidate = { .kind = FSYB_HOLD, .impl = &impl };
	struct fsyb_load load = { .threads = threads, .window_ns = window_ns, .warm_ns = 1000000, .hold_ns = 100000,
		                  .write_permille = write_permille, .seed = 7 };
	struct fsyb_sample sample = { .valid = false };

	fsyb_window(&candidate, &load, &sample);
	assert_string_equal(sample.error, "");
	return sample;
}

#define LONGEST_WINDOW INT64_C(20000000000)

/* In a brief window a worker may have had no CPU; in a long one the tried side waits for most of it, and never gets the lock. */
static void
test_starved(void **state)
{
	struct fsyb_sample sample = { .valid = false };

	(void)state;
	for (int64_t ns = 30000000; ns < LONGEST_WINDOW; ns *= 2) {
		sample = window(run_starving, 2, 1000, ns);
		assert_true(sample.tried < 0.5);
		if (sample.valid && fsyb_fate(sample.longest_ns, sample.elapsed_ns) == FSYB_STARVED && sample.passed > 0.5)
			break;
	}
	assert_int_equal(fsyb_fate(sample.longest_ns, sample.elapsed_ns), FSYB_STARVED);
	assert_true(sample.valid && sample.pending > 0.5 && sample.others > 0.5 && sample.passed > 0.5);
}

/* Alone nobody is in its way: its waits are what an uncontended lock takes, and what the machine does to it. */
static void
test_served(void **state)
{
	(void)state;
	for (uint32_t permille = 0; permille <= 1000; permille += 1000) {
		struct fsyb_sample sample = { .valid = false };

		for (int64_t ns = 30000000; ns < LONGEST_WINDOW && !sample.valid; ns *= 2)
			sample = window(run_shared, 1, permille, ns);
		assert_true(sample.valid && sample.tried > 0.5 && sample.longest_ns > 0);
		assert_true(sample.others < 0.5 && sample.passed < 0.5 && sample.phases < 0.5);
	}
}

static int
measure_machine(void **state)
{
	(void)state;
	fsyb_machine_measure();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fates),   cmocka_unit_test(test_verdicts), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_starved), cmocka_unit_test(test_served),
	};

	return cmocka_run_group_tests(tests, measure_machine, NULL);
}
