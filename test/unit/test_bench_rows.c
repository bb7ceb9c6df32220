/* SPDX-License-Identifier: MIT */
/* Every candidate that the library brings along: its loop ends, loses nothing and breaks no promise, and a broken one is noticed. */
#include "lib/bench/harness.h"
#include "lib/bench/peers/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#if defined(__SANITIZE_THREAD__)
#define WATCHED true /* ThreadSanitizer shadows memory, and knows no C11 locks */
#else
#define WATCHED false
#endif

static struct fsyb_sample
window(const struct fsyb_impl *impl, const struct fsyb_load *load)
{
	struct fsyb_candidate candidate = { .kind = impl->kind, .impl = impl, .ours = impl->foreign == FSYB_OURS };
	struct fsyb_sample sample = { .valid = false };

	fsyb_window(&candidate, load, &sample);
	return sample;
}

/* Worth no more than itself where it has no loop; 4 threads and then 3, of whom one has nobody to take turns with. */
static void
check(const struct fsyb_impl *impl)
{
	struct fsyb_load load = { .threads = 4, .warm_ns = 1000000, .window_ns = 10000000, .write_permille = 300, .section = 3,
		                  .outside = 3, .seed = 1 };

	if (WATCHED && strcmp(impl->name, "C11 mtx") == 0)
		return;
	if (strcmp(impl->kind, FSYB_MILLION) == 0) {
		double each = WATCHED ? 0 : fsyb_resident_each(impl); /* the shadow of a million objects is all that would be seen */

		if (!(each < (double)impl->bytes * 1.5 + 1))
			fail_msg("%s: %f bytes each instead of %zu", impl->name, each, impl->bytes);
		return;
	}
	if (strcmp(impl->kind, FSYB_SLEEPERS) == 0)
		return; /* a thousand threads, and the mutex's loop */
	for (; load.threads >= 1; load.threads = load.threads > 3 ? 3 : 0) {
		struct fsyb_sample sample;

		if (load.threads == 3 && strcmp(impl->kind, FSYB_HANDED) == 0)
			break; /* a producer without a consumer waits for room until it is stopped */
		sample = window(impl, &load);
		if (sample.error[0])
			fail_msg("%s %s, %u threads: %s", impl->kind, impl->name, load.threads, sample.error);
	}
}

static void
check_list(const struct fsyb_impl *impl)
{
	for (; impl->kind; impl++)
		check(impl);
}

static void
test_ours(void **state)
{
	(void)state;
	check_list(fsyb_ours());
	check_list(fsyb_ours_rw());
	check_list(fsyb_ours_more());
	check_list(fsyb_ours_wait());
}

static void
test_glibc(void **state)
{
	(void)state;
	check_list(fsyb_glibc());
	check_list(fsyb_glibc_wait());
	check_list(fsyb_holds());
}

/* What each worker of a window with one writer was told. */
static struct seen {
	uint32_t write_permille, outside;
	bool stamped;
} seen[3];

static void
run_look(void *object, struct fsyb_worker *worker)
{
	(void)object;
	seen[worker->index] = (struct seen){ worker->write_permille, worker->outside, worker->histogram != NULL };
	while (fsyb_load32(worker->stop) == 0)
		;
}

static void *
create_nothing(unsigned threads)
{
	(void)threads;
	return malloc(1);
}

static void
test_one_writer(void **state)
{
	struct fsyb_impl impl = { .kind = FSYB_RW, .name = "look", .create = create_nothing, .destroy = free, .run = run_look };
	struct fsyb_load load = { .threads = 3, .warm_ns = 1000000, .window_ns = 1000000, .outside = 7, .latency = true, .writer = true };

	(void)state;
	window(&impl, &load);
	assert_true(seen[0].write_permille == 1000 && seen[0].outside == 7 && seen[0].stamped);
	for (int i = 1; i < 3; i++)
		assert_true(seen[i].write_permille == 0 && seen[i].outside == 0 && !seen[i].stamped);
}

FSYB_LOOP_(run_counted, char, (void)0, FSYB_ACQUIRED_, (void)0)

static uint64_t
broken_once(void *object)
{
	(void)object;
	return 1;
}

/* The datum of these kinds counts broken promises; as long as nothing was done there is nothing to judge. */
static void
test_broken_promise(void **state)
{
	static const char *const kinds[] = { FSYB_FANOUT, FSYB_BARRIER, FSYB_HANDED };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fsyb_impl impl = { .kind = kinds[i], .name = "broken", .create = create_nothing, .destroy = free, .run = run_counted,
			                  .datum = broken_once };
		struct fsyb_load load = { .threads = 2, .ops = 100, .warm_ns = 1000000 };
		struct fsyb_sample sample = window(&impl, &load);

		assert_int_equal(strncmp(sample.error, "BROKEN", 6), 0);
	}
}

static void
test_allocator(void **state)
{
	const char *name, *version;

	(void)state;
	fsyb_allocator(&name, &version);
	assert_string_equal(name, "glibc malloc");
	assert_true(*version);
}

static int
measure_machine(void **state)
{
	(void)state;
	fsyb_machine_measure();
	return fsyb_machine.cpu_count >= 1 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours),       cmocka_unit_test(test_glibc),          cmocka_unit_test(test_allocator),
		cmocka_unit_test(test_one_writer), cmocka_unit_test(test_broken_promise),
	};

	return cmocka_run_group_tests(tests, measure_machine, NULL);
}
