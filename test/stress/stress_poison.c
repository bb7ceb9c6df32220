/* SPDX-License-Identifier: MIT */
/*
 * Poison mutexes under stress: exclusion and the flag's truth while owners die; memory taken away the moment that the last user has
 * the lock back, while the owner who died with it may still be on its way round the lot.
 */
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

enum { MOST = STRESS_LIVES, LIVES = 40 };

/* Guarded by the mutex, with no atomics: two that get in together leave traces. Dirty: the last owner died. */
static struct {
	fsy_poison_mutex_t mutex;
	uint64_t sum, mirror;
	bool dirty;
} shared;

static fsy_atomic_u64 expected, deaths;

static int
get_in(uint64_t random)
{
	switch (random % 8) {
	case 0:
		return fsy_poison_mutex_trylock(&shared.mutex);
	case 1:
		return fsy_poison_mutex_lock_until(&shared.mutex, fsy_after_ns((int64_t)(random >> 8) % 100000));
	default:
		return fsy_poison_mutex_lock(&shared.mutex);
	}
}

/* One thread's life: it ends by itself, or with the lock. */
static void *
live(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg;

	for (int i = 0; i < LIVES; i++) {
		uint64_t draw = test_random(&random);
		int error = get_in(draw);

		if (error == FSY_EBUSY || error == FSY_ETIMEDOUT)
			continue;
		W_CHECK(error == (shared.dirty ? FSY_EPOISONED : 0));
		shared.dirty = false;
		fsy_poison_mutex_clear_poison(&shared.mutex);
		W_CHECK(shared.sum == shared.mirror);
		shared.sum++;
		if (draw >> 40 & 1)
			sched_yield();                   /* so that others come to sleep */
		shared.mirror++;
		fsy_atomic_u64_add(&expected, 1);
		if ((draw >> 41) % 16 == 0) {
			shared.dirty = true;
			fsy_atomic_u64_add(&deaths, 1);
			return NULL;
		}
		fsy_poison_mutex_unlock(&shared.mutex);
	}
	return NULL;
}

static void
test_owners_die(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (int count = 2; count <= MOST; count *= 4) {
		memset(&shared, 0, sizeof(shared));
		fsy_atomic_u64_store(&expected, 0);
		stress_lives(live, count, &seed, stress_until(1500, 3));
		assert_int_equal(fsy_poison_mutex_trylock(&shared.mutex), shared.dirty ? FSY_EPOISONED : 0);
		fsy_poison_mutex_clear_poison(&shared.mutex);
		fsy_poison_mutex_unlock(&shared.mutex);
		assert_int_equal(shared.sum, fsy_atomic_u64_load(&expected));
		assert_int_equal(shared.mirror, shared.sum);
		assert_int_equal(fsy_atomic_u32_load(&shared.mutex.word_), 0);
		assert_int_equal(fsy_atomic_u32_load(&shared.mutex.owner_), 0);
		assert_true(fsyi_lot_is_idle(&fsyi_lot));
	}
	printf("%llu deaths\n", (unsigned long long)fsy_atomic_u64_load(&deaths));
}

/* One dies with all of these; the others visit each, and the last visitor does away with it at once. */
enum { OBJECTS = 24, VISITORS = 3 };

struct object {
	fsy_poison_mutex_t mutex;
	int visitors;
	bool mapped;
};

static struct object *objects[OBJECTS];
static struct gate all_held = GATE("the one that dies holds all");

static struct object *
make(bool mapped)
{
	struct object *object = mapped ? mmap(NULL, sizeof(*object), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) :
					 calloc(1, sizeof(*object));

	if (object == NULL || object == MAP_FAILED)
		abort();
	object->mapped = mapped;
	return object;
}

static void
do_away_with(struct object *object)
{
	if (object->mapped) {
		W_CHECK(munmap(object, sizeof(*object)) == 0);
		return;
	}
	memset((void *)object, 0xA5, sizeof(*object));
	free(object);
}

static void *
die_with_all(void *arg)
{
	for (int i = 0; i < OBJECTS; i++)
		W_CHECK(fsy_poison_mutex_lock(&objects[i]->mutex) == 0);
	gate_meet(&all_held, VISITORS + 1);
	for (uintptr_t turns = (uintptr_t)arg % 8; turns > 0; turns--)
		sched_yield();
	return NULL;
}

static void *
visit_all(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg;
	unsigned int first = (unsigned)(random % OBJECTS);

	gate_meet(&all_held, VISITORS + 1);
	for (unsigned int i = 0; i < OBJECTS; i++) {
		struct object *object = objects[(first + i) % OBJECTS];
		bool last;

		W_CHECK(fsy_poison_mutex_lock(&object->mutex) == FSY_EPOISONED);
		last = ++object->visitors == VISITORS;
		fsy_poison_mutex_unlock(&object->mutex);
		if (last)
			do_away_with(object);
	}
	return NULL;
}

static void
test_taken_away_behind_the_dead(void **state)
{
	fsy_deadline_t end = stress_until(1500, 1);
	uint64_t seed = test_seed();
	int rounds = 0;

	(void)state;
	do {
		pthread_t threads[VISITORS + 1];

		for (int i = 0; i < OBJECTS; i++)
			objects[i] = make(i & 1);
		threads[VISITORS] = worker_start(die_with_all, (void *)(uintptr_t)test_random(&seed));
		for (int i = 0; i < VISITORS; i++)
			threads[i] = worker_start(visit_all, (void *)(uintptr_t)test_random(&seed));
		for (int i = 0; i <= VISITORS; i++)
			worker_join(threads[i]);
		rounds++;
	} while (fsy_now() < end);
	workers_assert();
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
	printf("%d rounds\n", rounds);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_owners_die),
	cmocka_unit_test(test_taken_away_behind_the_dead),
};

int
main(int argc, char **argv)
{
	static const char *const fenced[] = { "FASTSYNC_MEMBARRIER=off", NULL };
	static const char *const hasty[] = { "FASTSYNC_PATIENCE_NS=0", "FASTSYNC_SPIN_NS=0", "FASTSYNC_BRIEF_SPIN_NS=0", "FASTSYNC_FIRST_LOOK_NS=0",
					     "FASTSYNC_TURN_MIN_NS=1000", "FASTSYNC_TURN_MAX_NS=1000", NULL };
	static const char *const *const settings[] = { fenced, hasty, NULL };
	static const struct settings_group group = { "poison mutex under stress", tests, sizeof(tests) / sizeof(tests[0]), settings, 400 };

	return settings_main(argc, argv, &group);
}
