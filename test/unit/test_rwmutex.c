/* SPDX-License-Identifier: MIT */
/* The rwmutex's contract, one promise at a time: in each of its modes, through the inline functions and through their twins. */
#include "test/support/locks.h"
#include "test/support/rwlocks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* The exported functions by their symbols: in this program the names themselves are the inline functions. */
extern void twin_rlock(fsy_rwmutex_t *rw) __asm__("fsy_rwmutex_rlock");
extern bool twin_tryrlock(fsy_rwmutex_t *rw) __asm__("fsy_rwmutex_tryrlock");
extern int twin_rlock_until(fsy_rwmutex_t *rw, fsy_deadline_t deadline) __asm__("fsy_rwmutex_rlock_until");
extern void twin_runlock(fsy_rwmutex_t *rw) __asm__("fsy_rwmutex_runlock");

struct way {
	void (*rlock)(fsy_rwmutex_t *rw);
	bool (*tryrlock)(fsy_rwmutex_t *rw);
	int (*rlock_until)(fsy_rwmutex_t *rw, fsy_deadline_t deadline);
	void (*runlock)(fsy_rwmutex_t *rw);
};

static void inline_rlock(fsy_rwmutex_t *rw) { fsy_rwmutex_rlock(rw); }
static bool inline_tryrlock(fsy_rwmutex_t *rw) { return fsy_rwmutex_tryrlock(rw); }
static int inline_rlock_until(fsy_rwmutex_t *rw, fsy_deadline_t deadline) { return fsy_rwmutex_rlock_until(rw, deadline); }
static void inline_runlock(fsy_rwmutex_t *rw) { fsy_rwmutex_runlock(rw); }

static const struct way inline_way = { inline_rlock, inline_tryrlock, inline_rlock_until, inline_runlock };
static const struct way twin_way = { twin_rlock, twin_tryrlock, twin_rlock_until, twin_runlock };
static const struct way *way;
static enum readers_mode wanted;
static fsy_rwmutex_t shared;

static int
choose(const struct way *which, enum readers_mode mode)
{
	way = which;
	wanted = mode;
	rw_begin(&shared, mode);
	fsy_rwmutex_rlock(&shared);                      /* this thread has its line from here on */
	fsy_rwmutex_runlock(&shared);
	rw_begin(&shared, mode);
	return 0;
}

static int choose_counted(void **state) { (void)state; return choose(&inline_way, READERS_COUNTED); }
static int choose_fenced(void **state) { (void)state; return choose(&inline_way, READERS_FENCED); }
static int choose_plain(void **state) { (void)state; return choose(&inline_way, READERS_PLAINLY); }
static int choose_joined(void **state) { (void)state; return choose(&inline_way, READERS_JOINED); }
static int choose_twins(void **state) { (void)state; return choose(&twin_way, READERS_PLAINLY); }

static void
test_zero_is_unlocked(void **state)
{
	fsy_rwmutex_t initialised = FSY_RWMUTEX_INIT, *zeroed = calloc(1, sizeof(*zeroed));
	fsy_rwmutex_t *all[] = { &initialised, zeroed, &shared };

	(void)state;
	assert_non_null(zeroed);
	for (int i = 0; i < 3; i++) {
		assert_rw_at_rest(all[i]);
		assert_true(fsy_rwmutex_trylock(all[i]));
		assert_false(fsy_rwmutex_trylock(all[i]));
		assert_false(way->tryrlock(all[i]));
		fsy_rwmutex_unlock(all[i]);
		way->rlock(all[i]);
		assert_false(fsy_rwmutex_trylock(all[i]));
		way->runlock(all[i]);
		assert_true(way->tryrlock(all[i]));
		way->runlock(all[i]);
		assert_int_equal(way->rlock_until(all[i], FSY_FOREVER), 0);
		way->runlock(all[i]);
		assert_int_equal(fsy_rwmutex_lock_until(all[i], FSY_FOREVER), 0);
		fsy_rwmutex_unlock(all[i]);
		assert_rw_at_rest(all[i]);
		fsy_rwmutex_destroy(all[i]);
		assert_true(fsy_rwmutex_trylock(all[i]));        /* destroyed is unlocked, too */
		fsy_rwmutex_unlock(all[i]);
	}
	free(zeroed);
}

/* More locks than a line has slots, all read at once by one thread; each is another lock. */
static void
test_neighbours(void **state)
{
	fsy_rwmutex_t many[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		rw_begin(&many[i], wanted);
	for (int i = 0; i < 64; i += 2)
		way->rlock(&many[i]);
	for (int i = 0; i < 64; i++)
		assert_int_equal(fsy_rwmutex_trylock(&many[i]), i % 2);
	for (int i = 0; i < 64; i++) {
		if (i % 2)
			fsy_rwmutex_unlock(&many[i]);
		else
			way->runlock(&many[i]);
		assert_rw_at_rest(&many[i]);
	}
}

static bool
enter(void *lock, int how)
{
	if (how > 0)
		return how == 1 ? way->tryrlock(lock) : way->rlock_until(lock, fsy_after_ms(60000)) == 0;
	way->rlock(lock);
	return true;
}

static void leave(void *lock) { way->runlock(lock); }

static void
test_readers_do_not_wait_for_readers(void **state)
{
	static const struct readers_lock lock = { &shared, enter, leave };

	(void)state;
	readers_meet(&lock);
	assert_rw_at_rest(&shared);
}

static void *
unlock_for_another(void *arg)
{
	fsy_rwmutex_unlock(arg);
	return NULL;
}

static void *
runlock_for_another(void *arg)
{
	way->runlock(arg);
	return NULL;
}

static void *
rlock_and_end(void *arg)
{
	way->rlock(arg);
	return NULL;
}

static void
test_g4_any_thread_may_unlock(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		fsy_rwmutex_lock(&shared);
		worker_join(worker_start(unlock_for_another, &shared));
		assert_rw_at_rest(&shared);
		way->rlock(&shared);
		worker_join(worker_start(runlock_for_another, &shared));
		assert_rw_at_rest(&shared);
	}
	rw_begin(&shared, wanted);
	way->rlock(&shared);                             /* this thread's slot is its own again, and its runlocks are quick */
	way->runlock(&shared);
	assert_true(rw_line_is_calm());
}

/* One of the two holds is given back by a stranger: whichever it takes, both are gone after the owners' next runlocks. */
static void
test_foreign_runlock_takes_one_hold(void **state)
{
	(void)state;
	rw_begin(&shared, wanted);
	way->rlock(&shared);
	worker_join(worker_start(rlock_and_end, &shared));
	assert_int_equal(rw_slots(&shared) + (int)rw_counted(&shared), 2);
	worker_join(worker_start(runlock_for_another, &shared));
	assert_int_equal(rw_slots(&shared) + (int)rw_counted(&shared), 1);
	assert_false(fsy_rwmutex_trylock(&shared));
	way->runlock(&shared);
	assert_true(fsy_rwmutex_trylock(&shared));
	fsy_rwmutex_unlock(&shared);
}

static void
test_thread_ends_with_holds(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		worker_join(worker_start(rlock_and_end, &shared));
	assert_int_equal(rw_slots(&shared), 0);
	assert_int_equal(rw_counted(&shared), 3);
	for (int i = 0; i < 3; i++) {
		assert_false(fsy_rwmutex_trylock(&shared));
		way->runlock(&shared);
	}
	assert_rw_at_rest(&shared);
	assert_true(fsy_rwmutex_trylock(&shared));
	fsy_rwmutex_unlock(&shared);
}

/* A lock that is promised to a writer is not for trylock; readers do not mind. */
static void
test_g2_barred_lock(void **state)
{
	int64_t spin;

	(void)state;
	fsy_atomic_u32_or(&shared.word_, FSY_LW_BARRED_ | FSY_LW_SEARCHER_);
	assert_false(fsy_rwmutex_trylock(&shared));
	assert_true(way->tryrlock(&shared));
	way->runlock(&shared);
	spin = set_spin(TEST_PATIENCE_NS);               /* nobody would wake this thread: it has to see the lock free twice before it sleeps */
	fsy_rwmutex_lock(&shared);                       /* its searcher does not turn up: taken all the same */
	set_spin(spin);
	assert_false(way->tryrlock(&shared));
	fsy_rwmutex_unlock(&shared);
	assert_true(fsy_rwmutex_trylock(&shared));
	fsy_rwmutex_unlock(&shared);
}

static void
test_g7_trylock_while_one_reads(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		worker_join(worker_start(rlock_and_end, &shared));
		way->rlock(&shared);
		assert_false(fsy_rwmutex_trylock(&shared));
		assert_true(way->tryrlock(&shared));     /* no trace */
		way->runlock(&shared);
		way->runlock(&shared);
		assert_false(fsy_rwmutex_trylock(&shared));
		way->runlock(&shared);
		assert_true(fsy_rwmutex_trylock(&shared));
		fsy_rwmutex_unlock(&shared);
		assert_rw_at_rest(&shared);
	}
}

#define EACH(test) \
	{ #test " (counted)", test, choose_counted, NULL, NULL }, { #test " (fenced)", test, choose_fenced, NULL, NULL }, \
	{ #test " (plain)", test, choose_plain, NULL, NULL }, { #test " (joined)", test, choose_joined, NULL, NULL }, \
	{ #test " (twins)", test, choose_twins, NULL, NULL }

static const struct CMUnitTest tests[] = {
	EACH(test_zero_is_unlocked),
	EACH(test_neighbours),
	EACH(test_readers_do_not_wait_for_readers),
	EACH(test_g4_any_thread_may_unlock),
	EACH(test_foreign_runlock_takes_one_hold),
	EACH(test_thread_ends_with_holds),
	EACH(test_g2_barred_lock),
	EACH(test_g7_trylock_while_one_reads),
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "rwmutex", tests, sizeof(tests) / sizeof(tests[0]), readers_settings, 0 };

	return settings_main(argc, argv, &group);
}
