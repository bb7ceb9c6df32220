/* SPDX-License-Identifier: MIT */
/* The window: it counts what was done, and it notices a lock that loses operations. */
#include "lib/bench/harness.h"
#include "lib/bench/peers/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct object {
	uint64_t datum;
};

static void *
create(unsigned threads)
{
	(void)threads;
	return calloc(1, sizeof(struct object));
}

static uint64_t
datum(void *object)
{
	return ((struct object *)object)->datum;
}

static uint64_t
datum_short_of_one(void *object)
{
	return ((struct object *)object)->datum - 1;
}

FSYB_LOOP_(run_counted, struct object, (void)0, FSYB_ACQUIRED_; __atomic_fetch_add(&self->datum, 1, __ATOMIC_SEQ_CST), (void)0)

static void
run_nothing(void *object, struct fsyb_worker *worker)
{
	(void)object;
	while (fsyb_load32(worker->stop) == 0)
		;
}

static const struct fsyb_impl sound = { .kind = FSYB_MUTEX, .name = "sound", .create = create, .destroy = free,
	                                .run = run_counted, .datum = datum, .foreign = 1 };
static const struct fsyb_impl lossy = { .kind = FSYB_MUTEX, .name = "lossy", .create = create, .destroy = free,
	                                .run = run_counted, .datum = datum_short_of_one, .foreign = 1 };
static const struct fsyb_impl stuck = { .kind = FSYB_MUTEX, .name = "stuck", .create = create, .destroy = free,
	                                .run = run_nothing, .foreign = 1 };

static struct fsyb_sample
window(const struct fsyb_impl *impl, const struct fsyb_load *load, uint64_t *histogram)
{
	struct fsyb_candidate candidate = { .kind = FSYB_MUTEX, .impl = impl };
	struct fsyb_sample sample = { .histogram = histogram };

	fsyb_window(&candidate, load, &sample);
	return sample;
}

static void
test_fixed_work(void **state)
{
	struct fsyb_load load = { .threads = 3, .ops = 5000, .warm_ns = 1000000, .seed = 1 };
	struct fsyb_sample sample = window(&sound, &load, NULL);

	(void)state;
	assert_true(sample.valid);
	assert_true(sample.ops == 15000 && sample.share_min == 5000 && sample.share_max == 5000);
	assert_true(sample.jain > 0.999999 && sample.ns > 0 && sample.elapsed_ns > 0);
}

static void
test_fixed_time(void **state)
{
	struct fsyb_load load = { .threads = 2, .warm_ns = 1000000, .window_ns = 20000000, .seed = 1 };
	struct fsyb_sample sample = window(&sound, &load, NULL);

	(void)state;
	/* None of the workers had a CPU in so brief a window: that is no error, and no figure. */
	while (!sample.valid && sample.error[0] == '\0' && load.window_ns < INT64_C(20000000000)) {
		load.window_ns *= 10;
		sample = window(&sound, &load, NULL);
	}
	assert_true(sample.valid);
	assert_true(sample.elapsed_ns >= (double)load.window_ns);
	assert_true(sample.share_min + sample.share_max == sample.ops);
}

static void
test_alone(void **state)
{
	struct fsyb_load load = { .threads = 1, .ops = 5000, .alone = true, .seed = 1 };
	struct fsyb_sample sample = window(&sound, &load, NULL);

	(void)state;
	assert_true(sample.valid && sample.ops == 5000);
}

static void
test_latency(void **state)
{
	struct fsyb_load load = { .threads = 1, .ops = 5000, .warm_ns = 1000000, .latency = true, .seed = 1 };
	uint64_t histogram[FSYB_HISTOGRAM] = { 0 }, total = 0;
	struct fsyb_sample sample = window(&sound, &load, histogram);

	(void)state;
	for (unsigned i = 0; i < FSYB_HISTOGRAM; i++)
		total += histogram[i];
	assert_true(sample.valid && sample.longest_ns > 0);
	assert_int_equal(total, 5000); /* the warm-up's are not in it */
}

static void
test_lost_operation(void **state)
{
	struct fsyb_load load = { .threads = 2, .ops = 100, .warm_ns = 1000000, .seed = 1 };
	struct fsyb_sample sample = window(&lossy, &load, NULL);

	(void)state;
	assert_false(sample.valid);
	assert_int_equal(strncmp(sample.error, "BROKEN", 6), 0);
}

static void
test_no_operation(void **state)
{
	struct fsyb_load load = { .threads = 1, .warm_ns = 1000000, .window_ns = 1000000, .seed = 1 };
	struct fsyb_sample sample = window(&stuck, &load, NULL);

	(void)state;
	assert_false(sample.valid);
	assert_string_equal(sample.error, "");
}

static int
measure_machine(void **state)
{
	(void)state;
	fsyb_machine_measure();
	return fsyb_machine.cpu_count >= 1 && fsyb_machine.multiplication_ns > 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed_work),   cmocka_unit_test(test_fixed_time),     cmocka_unit_test(test_alone),
		cmocka_unit_test(test_latency),      cmocka_unit_test(test_lost_operation), cmocka_unit_test(test_no_operation),
	};

	return cmocka_run_group_tests(tests, measure_machine, NULL);
}
