/* SPDX-License-Identifier: MIT */
/* Misuse of a fair rwlock ends in one line that names it, and abort; in every mode, and without membarrier. */
#include "test/support/child.h"
#include "test/support/fairlocks.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static fsy_fair_rwlock_t l;

/* The mode of the child is in its environment. */
static void
begin(void)
{
	fair_begin(&l, readers_mode_asked_for());
}

static void
lock(void)
{
	CHILD_CHECK(fsy_fair_rwlock_lock(&l) == 0);
}

static void
rlock(void)
{
	CHILD_CHECK(fsy_fair_rwlock_rlock(&l) == 0);
}

static int unlock_free(void *arg) { (void)arg; begin(); fsy_fair_rwlock_unlock(&l); return 1; }
static int unlock_twice(void *arg) { (void)arg; begin(); lock(); fsy_fair_rwlock_unlock(&l); fsy_fair_rwlock_unlock(&l); return 1; }
static int unlock_read(void *arg) { (void)arg; begin(); rlock(); fsy_fair_rwlock_unlock(&l); return 1; }
static int runlock_free(void *arg) { (void)arg; begin(); fsy_fair_rwlock_runlock(&l); return 1; }
static int runlock_twice(void *arg) { (void)arg; begin(); rlock(); fsy_fair_rwlock_runlock(&l); fsy_fair_rwlock_runlock(&l); return 1; }
static int runlock_written(void *arg) { (void)arg; begin(); lock(); fsy_fair_rwlock_runlock(&l); return 1; }
static int downgrade_free(void *arg) { (void)arg; begin(); fsy_fair_rwlock_downgrade(&l); return 1; }
static int downgrade_read(void *arg) { (void)arg; begin(); rlock(); fsy_fair_rwlock_downgrade(&l); return 1; }
static int relock(void *arg) { (void)arg; begin(); lock(); lock(); return 1; }
static int rlock_written(void *arg) { (void)arg; begin(); lock(); rlock(); return 1; }

static void *
unlock(void *arg)
{
	fsy_fair_rwlock_unlock(arg);
	return NULL;
}

static void *
downgrade(void *arg)
{
	fsy_fair_rwlock_downgrade(arg);
	return NULL;
}

static int
unlock_elsewhere(void *arg)
{
	(void)arg;
	begin();
	lock();
	worker_join(worker_start(unlock, &l));
	return 1;
}

static int
downgrade_elsewhere(void *arg)
{
	(void)arg;
	begin();
	lock();
	worker_join(worker_start(downgrade, &l));
	return 1;
}

static int
too_many(void *arg)
{
	(void)arg;
	fair_begin(&l, READERS_COUNTED);
	fsy_atomic_u32_store(&l.readers_, 0x7ffffffe);
	rlock();
	return 1;
}

static const struct child_body bodies[] = {
	{ "unlock free", unlock_free },
	{ "unlock twice", unlock_twice },
	{ "unlock read", unlock_read },
	{ "runlock free", runlock_free },
	{ "runlock twice", runlock_twice },
	{ "runlock written", runlock_written },
	{ "downgrade free", downgrade_free },
	{ "downgrade read", downgrade_read },
	{ "relock", relock },
	{ "rlock written", rlock_written },
	{ "unlock elsewhere", unlock_elsewhere },
	{ "downgrade elsewhere", downgrade_elsewhere },
	{ "too many", too_many },
	{ NULL, NULL }
};

static void
assert_dies(const char *body, const char *prefix)
{
	static const char *const strict[] = { "FASTSYNC_TENURE_NS=0", "FASTSYNC_MEMBARRIER=off", NULL };
	static const char *const *const without_tenures[] = { strict, NULL };

	child_assert_dies(body, readers_every_mode, prefix);
	child_assert_dies(body, without_tenures, prefix);
}

static void
test_unlock_of_unlocked(void **state)
{
	(void)state;
	assert_dies("unlock free", "fastsync: unlock of unlocked fair rwlock");
	assert_dies("unlock twice", "fastsync: unlock of unlocked fair rwlock");
	assert_dies("unlock read", "fastsync: unlock of unlocked fair rwlock");
}

static void
test_runlock_of_unlocked(void **state)
{
	(void)state;
	assert_dies("runlock free", "fastsync: runlock of unlocked fair rwlock");
	assert_dies("runlock twice", "fastsync: runlock of unlocked fair rwlock");
	assert_dies("runlock written", "fastsync: runlock of unlocked fair rwlock");
}

static void
test_g4_unlock_in_another_thread(void **state)
{
	(void)state;
	assert_dies("unlock elsewhere", "fastsync: unlock of fair rwlock by a thread that does not own it");
	assert_dies("downgrade free", "fastsync: downgrade of fair rwlock by a thread that does not own it");
	assert_dies("downgrade read", "fastsync: downgrade of fair rwlock by a thread that does not own it");
	assert_dies("downgrade elsewhere", "fastsync: downgrade of fair rwlock by a thread that does not own it");
}

static void
test_lock_by_its_writer(void **state)
{
	(void)state;
	assert_dies("relock", "fastsync: lock of fair rwlock by its writer");
	assert_dies("rlock written", "fastsync: rlock of fair rwlock by its writer");
}

static void
test_too_many_readers(void **state)
{
	(void)state;
	assert_dies("too many", "fastsync: too many readers of fair rwlock");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlock_of_unlocked),
		cmocka_unit_test(test_runlock_of_unlocked),
		cmocka_unit_test(test_g4_unlock_in_another_thread),
		cmocka_unit_test(test_lock_by_its_writer),
		cmocka_unit_test(test_too_many_readers),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("fair rwlock misuse", 200);
	return cmocka_run_group_tests_name("fair rwlock misuse", tests, NULL, NULL);
}
