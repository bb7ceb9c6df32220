/* SPDX-License-Identifier: MIT */
/* The fair rwlock's contract, one promise at a time: in each of its modes, through the inline functions and through their twins. */
#include "test/support/fairlocks.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* The exported functions by their symbols: in this program the names themselves are the inline functions. */
extern int twin_rlock(fsy_fair_rwlock_t *l) __asm__("fsy_fair_rwlock_rlock");
extern int twin_tryrlock(fsy_fair_rwlock_t *l) __asm__("fsy_fair_rwlock_tryrlock");
extern int twin_rlock_until(fsy_fair_rwlock_t *l, fsy_deadline_t deadline) __asm__("fsy_fair_rwlock_rlock_until");
extern void twin_runlock(fsy_fair_rwlock_t *l) __asm__("fsy_fair_rwlock_runlock");

struct way {
	int (*rlock)(fsy_fair_rwlock_t *l);
	int (*tryrlock)(fsy_fair_rwlock_t *l);
	int (*rlock_until)(fsy_fair_rwlock_t *l, fsy_deadline_t deadline);
	void (*runlock)(fsy_fair_rwlock_t *l);
};

static int inline_rlock(fsy_fair_rwlock_t *l) { return fsy_fair_rwlock_rlock(l); }
static int inline_tryrlock(fsy_fair_rwlock_t *l) { return fsy_fair_rwlock_tryrlock(l); }
static int inline_rlock_until(fsy_fair_rwlock_t *l, fsy_deadline_t deadline) { return fsy_fair_rwlock_rlock_until(l, deadline); }
static void inline_runlock(fsy_fair_rwlock_t *l) { fsy_fair_rwlock_runlock(l); }

static const struct way inline_way = { inline_rlock, inline_tryrlock, inline_rlock_until, inline_runlock };
static const struct way twin_way = { twin_rlock, twin_tryrlock, twin_rlock_until, twin_runlock };
static const struct way *way;
static enum readers_mode wanted;
static fsy_fair_rwlock_t shared;

static int
choose(const struct way *which, enum readers_mode mode)
{
	way = which;
	wanted = mode;
	fair_begin(&shared, mode);
	if (fsy_fair_rwlock_rlock(&shared) != 0)        /* this thread has its line from here on */
		return 1;
	fsy_fair_rwlock_runlock(&shared);
	fair_begin(&shared, mode);
	return 0;
}

static int choose_counted(void **state) { (void)state; return choose(&inline_way, READERS_COUNTED); }
static int choose_fenced(void **state) { (void)state; return choose(&inline_way, READERS_FENCED); }
static int choose_plain(void **state) { (void)state; return choose(&inline_way, READERS_PLAINLY); }
static int choose_twins(void **state) { (void)state; return choose(&twin_way, READERS_PLAINLY); }

static void
test_zero_is_unlocked(void **state)
{
	fsy_fair_rwlock_t initialised = FSY_FAIR_RWLOCK_INIT, *zeroed = calloc(1, sizeof(*zeroed));
	fsy_fair_rwlock_t *all[] = { &initialised, zeroed, &shared };

	(void)state;
	assert_non_null(zeroed);
	for (int i = 0; i < 3; i++) {
		assert_fair_at_rest(all[i]);
		assert_false(fsy_fair_rwlock_is_poisoned(all[i]));
		assert_int_equal(fsy_fair_rwlock_trylock(all[i]), 0);
		assert_int_equal(fsy_fair_rwlock_trylock(all[i]), FSY_EBUSY);
		assert_int_equal(way->tryrlock(all[i]), FSY_EBUSY);
		assert_int_equal(fsy_fair_rwlock_lock_until(all[i], fsy_now() - 1), FSY_ETIMEDOUT);
		fsy_fair_rwlock_unlock(all[i]);
		assert_int_equal(way->rlock(all[i]), 0);
		assert_int_equal(fsy_fair_rwlock_trylock(all[i]), FSY_EBUSY);
		assert_int_equal(fsy_fair_rwlock_lock_until(all[i], fsy_after_ns(1000)), FSY_ETIMEDOUT);
		way->runlock(all[i]);
		assert_int_equal(way->tryrlock(all[i]), 0);
		way->runlock(all[i]);
		assert_int_equal(way->rlock_until(all[i], FSY_FOREVER), 0);
		way->runlock(all[i]);
		assert_int_equal(fsy_fair_rwlock_lock_until(all[i], FSY_FOREVER), 0);
		fsy_fair_rwlock_unlock(all[i]);
		assert_int_equal(fsy_fair_rwlock_lock(all[i]), 0);
		fsy_fair_rwlock_unlock(all[i]);
		assert_fair_at_rest(all[i]);
	}
	free(zeroed);
}

/* More locks than a line has slots, and than a thread's list of write holds has places; each is another lock. */
static void
test_neighbours(void **state)
{
	fsy_fair_rwlock_t many[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		fair_begin(&many[i], wanted);
	for (int i = 0; i < 64; i += 2)
		assert_int_equal(way->rlock(&many[i]), 0);
	for (int i = 0; i < 64; i++)
		assert_int_equal(fsy_fair_rwlock_trylock(&many[i]), i % 2 ? 0 : FSY_EBUSY);
	for (int i = 0; i < 64; i++) {
		if (i % 2)
			fsy_fair_rwlock_unlock(&many[i]);
		else
			way->runlock(&many[i]);
		assert_fair_at_rest(&many[i]);
	}
}

static bool
enter(void *lock, int how)
{
	return (how == 0 ? way->rlock(lock) : how == 1 ? way->tryrlock(lock) : way->rlock_until(lock, fsy_after_ms(60000))) == 0;
}

static void leave(void *lock) { way->runlock(lock); }

static void
test_readers_do_not_wait_for_readers(void **state)
{
	static const struct readers_lock lock = { &shared, enter, leave };

	(void)state;
	readers_meet(&lock);
	assert_fair_at_rest(&shared);
}

static void *
runlock_for_another(void *arg)
{
	way->runlock(arg);
	return NULL;
}

static void
test_g4_any_thread_may_runlock(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(way->rlock(&shared), 0);
		worker_join(worker_start(runlock_for_another, &shared));
		assert_fair_at_rest(&shared);
	}
}

static void
test_g7_trylock_while_one_reads(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(way->rlock(&shared), 0);
		assert_int_equal(fair_from_elsewhere(&shared, true), FSY_EBUSY);
		assert_int_equal(fair_from_elsewhere(&shared, false), 0);        /* no trace */
		way->runlock(&shared);
		assert_int_equal(fair_from_elsewhere(&shared, true), 0);
		assert_fair_at_rest(&shared);
	}
}

static void
test_downgrade(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fsy_fair_rwlock_lock(&shared), 0);
		assert_int_equal(fair_from_elsewhere(&shared, false), FSY_EBUSY);
		fsy_fair_rwlock_downgrade(&shared);
		assert_int_equal(fair_from_elsewhere(&shared, false), 0);
		assert_int_equal(fair_from_elsewhere(&shared, true), FSY_EBUSY);
		way->runlock(&shared);
		assert_fair_at_rest(&shared);
	}
}

static void
test_try_upgrade(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(way->rlock(&shared), 0);
		assert_true(fsy_fair_rwlock_try_upgrade(&shared));
		assert_int_equal(fair_from_elsewhere(&shared, false), FSY_EBUSY);
		fsy_fair_rwlock_downgrade(&shared);
		assert_true(fsy_fair_rwlock_try_upgrade(&shared));       /* a counted hold, in any mode */
		fsy_fair_rwlock_unlock(&shared);
		assert_int_equal(way->rlock(&shared), 0);
		assert_int_equal(way->rlock(&shared), 0);                /* nobody writes: this is allowed */
		assert_false(fsy_fair_rwlock_try_upgrade(&shared));
		assert_int_equal(fair_from_elsewhere(&shared, false), 0);
		way->runlock(&shared);
		assert_true(fsy_fair_rwlock_try_upgrade(&shared));
		fsy_fair_rwlock_unlock(&shared);
		assert_fair_at_rest(&shared);
	}
}

/* The flag goes with every way to lock, is no obstacle, and lasts until it is cleared. */
static void
test_poisoned_is_held_all_the_same(void **state)
{
	(void)state;
	fsy_fair_rwlock_poison(&shared);
	assert_true(fsy_fair_rwlock_is_poisoned(&shared));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(way->rlock(&shared), FSY_EPOISONED);
		assert_int_equal(way->tryrlock(&shared), FSY_EPOISONED);
		assert_int_equal(way->rlock_until(&shared, FSY_FOREVER), FSY_EPOISONED);
		assert_int_equal(fair_from_elsewhere(&shared, false), FSY_EPOISONED);
		assert_int_equal(fair_from_elsewhere(&shared, true), FSY_EBUSY);
		for (int k = 0; k < 3; k++)
			way->runlock(&shared);
		assert_int_equal(fsy_fair_rwlock_lock(&shared), FSY_EPOISONED);
		assert_int_equal(fair_from_elsewhere(&shared, false), FSY_EBUSY);
		fsy_fair_rwlock_unlock(&shared);
		assert_int_equal(fsy_fair_rwlock_lock_until(&shared, FSY_FOREVER), FSY_EPOISONED);
		fsy_fair_rwlock_unlock(&shared);
		assert_int_equal(fsy_fair_rwlock_trylock(&shared), FSY_EPOISONED);
		fsy_fair_rwlock_downgrade(&shared);
		assert_true(fsy_fair_rwlock_try_upgrade(&shared));
		if (i == 1)
			fsy_fair_rwlock_clear_poison(&shared);
		fsy_fair_rwlock_unlock(&shared);
	}
	assert_int_equal(way->rlock(&shared), 0);
	way->runlock(&shared);
	assert_fair_at_rest(&shared);
}

#define EACH(test) \
	{ #test " (counted)", test, choose_counted, NULL, NULL }, { #test " (fenced)", test, choose_fenced, NULL, NULL }, \
	{ #test " (plain)", test, choose_plain, NULL, NULL }, { #test " (twins)", test, choose_twins, NULL, NULL }

static const struct CMUnitTest tests[] = {
	EACH(test_zero_is_unlocked),
	EACH(test_neighbours),
	EACH(test_readers_do_not_wait_for_readers),
	EACH(test_g4_any_thread_may_runlock),
	EACH(test_g7_trylock_while_one_reads),
	EACH(test_downgrade),
	EACH(test_try_upgrade),
	EACH(test_poisoned_is_held_all_the_same),
};

static const char *const strict[] = { "FASTSYNC_TENURE_NS=0", NULL };
static const char *const counted[] = { "FASTSYNC_READERS=off", NULL };
static const char *const fenced[] = { "FASTSYNC_MEMBARRIER=off", NULL };
static const char *const nodes[] = { "FASTSYNC_TOPOLOGY=8", NULL };
static const char *const *const settings[] = { counted, fenced, nodes, strict, NULL };

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "fair rwlock", tests, sizeof(tests) / sizeof(tests[0]), settings, 0 };

	return settings_main(argc, argv, &group);
}
