/* SPDX-License-Identifier: MIT */
/* The serials by which owners of poison mutexes are known: no two living threads have one, places come round, a full table is no disaster. */
#include "lib/sync/owner.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static fsy_poison_mutex_t mutex;

/* Serials are given in order, and one that still lives keeps its place when the numbers come round. */
enum { THREADS = 40, PLACES = 1 << 15 };
static struct gate enrolled = GATE("all have a serial"), leave = GATE("and may leave");
static uint32_t serials[THREADS];

static void *
enrol(void *arg)
{
	fsyi_owner_enrol();
	*(uint32_t *)arg = FSY_SELF_->serial_;
	gate_meet(&enrolled, THREADS + 1);
	gate_meet(&leave, THREADS + 1);
	return NULL;
}

static void
test_no_two_have_one_serial(void **state)
{
	pthread_t threads[THREADS];
	uint32_t mine;

	(void)state;
	fsyi_owner_enrol();
	mine = FSY_SELF_->serial_;
	for (int i = 0; i < THREADS; i++)
		threads[i] = worker_start(enrol, &serials[i]);
	gate_meet(&enrolled, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		assert_int_not_equal(serials[i] % PLACES, mine % PLACES);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(serials[i] % PLACES, serials[j] % PLACES);
	}
	gate_meet(&leave, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		worker_join(threads[i]);
	for (int i = 0; i < THREADS; i++) {
		fsy_atomic_u32 owner = { serials[i] };

		assert_true(fsyi_owner_is_dead(&owner));
	}
}

/* More births than there are places; the eldest threads live through all of it. */
static int
many_lives(void *arg)
{
	uint32_t mine;

	(void)arg;
	CHILD_CHECK(fsy_poison_mutex_lock(&mutex) == 0);
	mine = FSY_SELF_->serial_;
	for (int i = 0; i < PLACES + 100; i++) {
		fsyi_owner_leaves(true);                 /* holds one: is declared dead */
		FSY_SELF_->former_ = 0;
		fsyi_owner_enrol();
		CHILD_CHECK(FSY_SELF_->serial_ != mine && !(FSY_SELF_->serial_ & OWNER_UNWATCHED));
	}
	CHILD_CHECK(fsyi_owner_is_dead(&mutex.owner_));  /* though another has its place */
	CHILD_CHECK(fsy_poison_mutex_lock(&mutex) == FSY_EPOISONED);
	return 0;
}

static void
test_places_are_reused(void **state)
{
	struct child child = child_exec("many lives", NULL, NULL);

	(void)state;
	child_assert_clean(&child);
}

/* Where all places are taken nobody is watched, and no serials are spent on it; the first place that is free again is found. */
static int
full_house(void *arg)
{
	uint32_t last = 0;

	(void)arg;
	for (int i = 0; i < PLACES; i++) {
		FSY_SELF_->serial_ = 0;                  /* as if it were another thread's */
		fsyi_owner_enrol();
		CHILD_CHECK(!(FSY_SELF_->serial_ & OWNER_UNWATCHED));
		last = FSY_SELF_->serial_;
	}
	for (int i = 0; i < 100; i++) {
		FSY_SELF_->serial_ = 0;
		fsyi_owner_enrol();
		CHILD_CHECK((FSY_SELF_->serial_ & OWNER_UNWATCHED) != 0);
	}
	for (int i = 0; i < 3; i++) {
		FSY_SELF_->serial_ = last;
		CHILD_CHECK(fsyi_owner_leaves(true));
		fsyi_owner_enrol();
		CHILD_CHECK(FSY_SELF_->serial_ == last + PLACES);
		last += PLACES;
	}
	return 0;
}

static void
test_a_full_house_spends_no_serials(void **state)
{
	struct child child = child_exec("full house", NULL, NULL);

	(void)state;
	child_assert_clean(&child);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "many lives", many_lives }, { "full house", full_house }, { NULL, NULL } };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_two_have_one_serial),
		cmocka_unit_test(test_places_are_reused),
		cmocka_unit_test(test_a_full_house_spends_no_serials),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("serials of owners", 200);
	return cmocka_run_group_tests_name("serials of owners", tests, NULL, NULL);
}
