/* SPDX-License-Identifier: MIT */
/* Late visits: an unlock that is about to look after sleepers finds another lock at its address, or anything else, or nothing. */
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static size_t page_size;
static fsy_atomic_u32 stop;

/* The same place is a lock, then something else, then a lock again, and unlocks of the past still come by. */
enum { USERS = 4 };
static fsy_mutex_t place;
static uint64_t place_sum;
static fsy_atomic_u64 place_expected;

static void *
use_place(void *arg)
{
	uint64_t random = *(uint64_t *)arg, mine = 0;

	while (!fsy_atomic_u32_load_rlx(&stop)) {
		uint64_t now = test_random(&random);

		fsy_mutex_lock(&place);
		place_sum++;
		mine++;
		if (now % 64 == 0)
			sched_yield();
		if (now % 8 == 0)
			fsy_mutex_unlock_fair(&place);
		else
			fsy_mutex_unlock(&place);
	}
	fsy_atomic_u64_add(&place_expected, mine);
	return NULL;
}

/* The unlocker of a lock that stood here before: it was about to visit the lot, and does so now, at any time. */
static void
visit_late(fsy_mutex_t *mutex)
{
	fsy_mutex_unlock_slow_(mutex, FSY_RELEASED_WAKE_);
}

static void *
come_late(void *arg)
{
	while (!fsy_atomic_u32_load_rlx(&stop)) {
		visit_late(&place);
		sched_yield();
	}
	return arg;
}

static void
test_late_visits_to_a_lock(void **state)
{
	uint64_t seed = test_seed(), seeds[USERS];
	fsy_deadline_t end = stress_until(1000, 1);
	pthread_t threads[USERS + 2];

	(void)state;
	fsy_atomic_u32_store(&stop, 0);
	for (int i = 0; i < USERS; i++) {
		seeds[i] = test_random(&seed);
		threads[i] = worker_start(use_place, &seeds[i]);
	}
	for (int i = 0; i < 2; i++)
		threads[USERS + i] = worker_start(come_late, NULL);
	while (fsy_now() < end)
		sched_yield();
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < USERS + 2; i++)
		worker_join(threads[i]);
	assert_int_equal(place_sum, fsy_atomic_u64_load(&place_expected));
	assert_at_rest(&place);
}

/* Late visits to what is no lock any more. */
static bool
always(struct fsyi_scene *scene, void *arg)
{
	(void)scene;
	(void)arg;
	return true;
}

static void *
wait_there_for_something_else(void *arg)
{
	static const struct fsyi_park_op op = { .validate = always };

	W_CHECK(fsyi_park(&fsyi_lot, arg, 77, &op, NULL, FSY_FOREVER) == FSYI_UNPARKED_NORMAL);
	return NULL;
}

static void
test_late_visits_to_other_things(void **state)
{
	char *page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fsy_mutex_t *mutex = (fsy_mutex_t *)(void *)page;
	pthread_t thread;

	(void)state;
	assert_true(page != MAP_FAILED);
	thread = worker_start(wait_there_for_something_else, mutex);
	wait_until_parked(mutex, 1);
	for (int pattern = 0; pattern < 256; pattern++) {
		memset(page, pattern, page_size);
		visit_late(mutex);
		for (size_t i = 0; i < sizeof(*mutex) + 8; i++)
			assert_int_equal((unsigned char)page[i], pattern);
	}
	assert_int_equal(parked_on(mutex), 1);           /* not woken by what was not meant for it */
	assert_int_equal(mprotect(page, page_size, PROT_NONE), 0);
	visit_late(mutex);
	assert_true(fsyi_unpark_one(&fsyi_lot, mutex, FSYI_TOKEN_NORMAL));
	worker_join(thread);
	assert_int_equal(munmap(page, page_size), 0);
	visit_late(mutex);
	workers_assert();
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_late_visits_to_a_lock),
	cmocka_unit_test(test_late_visits_to_other_things),
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "late visits", tests, sizeof(tests) / sizeof(tests[0]), settings_fenced, 400 };

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	return settings_main(argc, argv, &group);
}
