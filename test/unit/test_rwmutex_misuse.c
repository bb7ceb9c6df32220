/* SPDX-License-Identifier: MIT */
/* G3: misuse of a rwmutex ends in one line that names it, and abort; in every mode, and without membarrier. */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/rwlocks.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static fsy_rwmutex_t rw;

/* The mode of the child is in its environment. */
static void
begin(void)
{
	rw_begin(&rw, readers_mode_asked_for());
}

static int unlock_free(void *arg) { (void)arg; begin(); fsy_rwmutex_unlock(&rw); return 1; }
static int unlock_twice(void *arg) { (void)arg; begin(); fsy_rwmutex_lock(&rw); fsy_rwmutex_unlock(&rw); fsy_rwmutex_unlock(&rw); return 1; }
static int unlock_read(void *arg) { (void)arg; begin(); fsy_rwmutex_rlock(&rw); fsy_rwmutex_unlock(&rw); return 1; }
static int runlock_free(void *arg) { (void)arg; begin(); fsy_rwmutex_runlock(&rw); return 1; }

static int runlock_twice(void *arg) { (void)arg; begin(); fsy_rwmutex_rlock(&rw); fsy_rwmutex_runlock(&rw); fsy_rwmutex_runlock(&rw); return 1; }
static int runlock_written(void *arg) { (void)arg; begin(); fsy_rwmutex_lock(&rw); fsy_rwmutex_runlock(&rw); return 1; }

static void *
runlock(void *arg)
{
	fsy_rwmutex_runlock(arg);
	return NULL;
}

/* The owner comes second, and finds that its hold was given back. */
static int
runlock_after_another(void *arg)
{
	(void)arg;
	begin();
	fsy_rwmutex_rlock(&rw);
	worker_join(worker_start(runlock, &rw));
	fsy_rwmutex_runlock(&rw);
	return 1;
}

static int destroy_written(void *arg) { (void)arg; begin(); fsy_rwmutex_lock(&rw); fsy_rwmutex_destroy(&rw); return 1; }
static int destroy_read(void *arg) { (void)arg; begin(); fsy_rwmutex_rlock(&rw); fsy_rwmutex_destroy(&rw); return 1; }

/* A moment that is too short to be met: the word is made what it then is. */
static int
destroy_wanted(void *arg)
{
	(void)arg;
	begin();
	fsy_atomic_u32_or(&rw.word_, FSY_LW_SEARCHER_);
	fsy_rwmutex_destroy(&rw);
	return 1;
}

static int
too_many(void *arg)
{
	(void)arg;
	rw_begin(&rw, READERS_COUNTED);
	fsy_atomic_u32_store(&rw.readers_, 0x7ffffffe);
	fsy_rwmutex_rlock(&rw);
	return 1;
}

static const struct child_body bodies[] = {
	{ "unlock free", unlock_free },
	{ "unlock twice", unlock_twice },
	{ "unlock read", unlock_read },
	{ "runlock free", runlock_free },
	{ "runlock twice", runlock_twice },
	{ "runlock written", runlock_written },
	{ "runlock after another", runlock_after_another },
	{ "destroy written", destroy_written },
	{ "destroy read", destroy_read },
	{ "destroy wanted", destroy_wanted },
	{ "too many", too_many },
	{ NULL, NULL }
};

static void
assert_dies(const char *body, const char *prefix)
{
	child_assert_dies(body, readers_every_mode, prefix);
}

static void
test_g3_unlock_of_unlocked(void **state)
{
	(void)state;
	assert_dies("unlock free", "fastsync: unlock of unlocked rwmutex");
	assert_dies("unlock twice", "fastsync: unlock of unlocked rwmutex");
	assert_dies("unlock read", "fastsync: unlock of unlocked rwmutex");
}

static void
test_g3_runlock_of_unlocked(void **state)
{
	(void)state;
	assert_dies("runlock free", "fastsync: runlock of unlocked rwmutex");
	assert_dies("runlock twice", "fastsync: runlock of unlocked rwmutex");
	assert_dies("runlock written", "fastsync: runlock of unlocked rwmutex");
	assert_dies("runlock after another", "fastsync: runlock of unlocked rwmutex");
}

static void
test_destroy_in_use(void **state)
{
	(void)state;
	assert_dies("destroy written", "fastsync: destroy of locked rwmutex");
	assert_dies("destroy read", "fastsync: destroy of locked rwmutex");
	assert_dies("destroy wanted", "fastsync: destroy of rwmutex with waiters");
}

static void
test_too_many_readers(void **state)
{
	(void)state;
	assert_dies("too many", "fastsync: too many readers of rwmutex");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_g3_unlock_of_unlocked),
		cmocka_unit_test(test_g3_runlock_of_unlocked),
		cmocka_unit_test(test_destroy_in_use),
		cmocka_unit_test(test_too_many_readers),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("rwmutex misuse", 200);
	return cmocka_run_group_tests_name("rwmutex misuse", tests, NULL, NULL);
}
