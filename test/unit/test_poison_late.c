/* SPDX-License-Identifier: MIT */
/*
 * The poison mutex where ends are not noticed, or late, or not those of an ordinary thread: no key, a thread's late and very last
 * destructors, main's own end. Serials: test_poison_serial.c. The forked child: test_poison_fork.c.
 */
#include "lib/sync/owner.h"
#include "lib/sys/thread.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static fsy_poison_mutex_t mutex, second;

static void *
take_and_leave(void *arg)
{
	CHILD_CHECK(fsy_poison_mutex_lock(arg) == 0);
	return NULL;
}

/* Before the library's constructor: no key is left for it. Or: a lock is taken that main gives back. */
static int early_error = -1;

__attribute__((constructor(101))) static void
early(void)
{
	const char *given = getenv("TEST_EARLY");
	pthread_key_t key;

	while (given != NULL && strcmp(given, "no keys") == 0 && pthread_key_create(&key, NULL) == 0)
		;
	if (given != NULL && strcmp(given, "lock") == 0)
		early_error = fsy_poison_mutex_lock(&mutex);
}

/* As any mutex: what such a thread leaves locked stays locked. While it lives it is an owner like others. */
static int
unwatched(void *arg)
{
	(void)arg;
	CHILD_CHECK(fsyi_thread_self() == NULL);
	CHILD_CHECK(fsy_poison_mutex_lock(&second) == 0);
	worker_join(worker_start(take_and_leave, &mutex));
	CHILD_CHECK(fsy_poison_mutex_trylock(&mutex) == FSY_EBUSY);
	CHILD_CHECK(fsy_poison_mutex_lock_until(&mutex, fsy_after_ms(20)) == FSY_ETIMEDOUT);
	CHILD_CHECK(!fsy_poison_mutex_is_poisoned(&mutex));
	fsy_poison_mutex_unlock(&second);
	return 0;
}

static void
test_without_keys_no_end_is_noticed(void **state)
{
	static const char *const environment[] = { "TEST_EARLY=no keys", NULL };
	struct child child = child_exec("unwatched", environment, NULL);

	(void)state;
	child_assert_clean(&child);
}

/* Taken before attention was there to be read, given back when it is; both ways for every thread afterwards. */
static int
across_the_constructor(void *arg)
{
	uint32_t owner = fsy_atomic_u32_load(&mutex.owner_);

	(void)arg;
	CHILD_CHECK(early_error == 0 && (owner & OWNER_FENCED) != 0);
	CHILD_CHECK(fsy_poison_mutex_lock(&second) == 0);
	CHILD_CHECK(fsy_attention_ == NULL || !FSY_ASYMMETRIC_ || !(fsy_atomic_u32_load(&second.owner_) & OWNER_FENCED));
	fsy_poison_mutex_unlock(&mutex);
	fsy_poison_mutex_unlock(&second);
	CHILD_CHECK(fsy_poison_mutex_trylock(&mutex) == 0);
	fsy_poison_mutex_unlock(&mutex);
	return 0;
}

static void
test_across_the_constructor(void **state)
{
	static const char *const environment[] = { "TEST_EARLY=lock", NULL };
	struct child child = child_exec("across", environment, NULL);

	(void)state;
	child_assert_clean(&child);
}

/* A destructor of the last round, after the thread was declared dead: it unlocks what nobody has claimed, and what somebody
 * has claimed it leaves alone. A lock that it takes then is one whose end nobody notices. */
static void
test_after_the_last_round(void **state)
{
	fsy_poison_mutex_t claimed = FSY_POISON_MUTEX_INIT, left = FSY_POISON_MUTEX_INIT, late = FSY_POISON_MUTEX_INIT;
	uint32_t former, heir;

	(void)state;
	assert_int_equal(fsy_poison_mutex_lock(&claimed), 0);
	assert_int_equal(fsy_poison_mutex_lock(&left), 0);
	former = FSY_SELF_->serial_;
	assert_false(fsyi_owner_leaves(false));          /* it holds locks, which a later destructor may unlock */
	assert_true(fsyi_owner_leaves(true));
	heir = former + 1;                               /* as if another had inherited it */
	fsy_atomic_u32_store(&claimed.owner_, heir);
	fsy_poison_mutex_unlock(&left);
	assert_int_equal(fsy_atomic_u32_load(&left.word_), 0);
	assert_int_equal(fsy_atomic_u32_load(&left.owner_), 0);
	fsy_poison_mutex_unlock(&claimed);
	assert_int_equal(fsy_atomic_u32_load(&claimed.owner_), heir);
	assert_int_equal(fsy_atomic_u32_load(&claimed.word_), FSY_LW_LOCKED_);
	assert_int_equal(fsy_poison_mutex_lock(&late), 0);
	assert_int_not_equal(FSY_SELF_->serial_, former);
	fsy_poison_mutex_unlock(&late);
	assert_int_equal(fsy_atomic_u32_load(&late.word_), 0);
	FSY_SELF_->former_ = 0;                          /* this thread goes on */
}

/* Destructors that lock, in any round but the last, and leave it at that: the end is noticed, of threads that had used a lock before. */
static pthread_key_t late_key;
static int round_now, locks_in;

static void
lock_in_destructor(void *arg)
{
	if (++round_now < locks_in)
		CHILD_CHECK(pthread_setspecific(late_key, arg) == 0);
	else
		take_and_leave(arg);
}

static void *
lock_at_the_end(void *arg)
{
	CHILD_CHECK(fsy_poison_mutex_lock(&second) == 0);
	fsy_poison_mutex_unlock(&second);
	CHILD_CHECK(pthread_setspecific(late_key, arg) == 0);
	return NULL;
}

static void
test_locked_by_a_late_destructor(void **state)
{
	(void)state;
	assert_int_equal(pthread_key_create(&late_key, lock_in_destructor), 0);
	for (locks_in = 1; locks_in < PTHREAD_DESTRUCTOR_ITERATIONS - THREAD_SANITIZED; locks_in++) {
		fsy_poison_mutex_t left = FSY_POISON_MUTEX_INIT;

		round_now = 0;
		worker_join(worker_start(lock_at_the_end, &left));
		assert_int_equal(round_now, locks_in);
		assert_int_equal(fsy_poison_mutex_lock_until(&left, fsy_after_ms(TEST_PATIENCE_MS)), FSY_EPOISONED);
		fsy_poison_mutex_unlock(&left);
	}
	pthread_key_delete(late_key);
}

/* main ends by pthread_exit, holding the lock; another thread lives on and inherits it. */
static pthread_t main_thread;

static void *
outlive_main(void *arg)
{
	pthread_join(main_thread, NULL);
	CHILD_CHECK(fsy_poison_mutex_lock(arg) == FSY_EPOISONED);
	_exit(42);
}

static int
main_exits(void *arg)
{
	(void)arg;
	main_thread = pthread_self();
	take_and_leave(&mutex);
	worker_start(outlive_main, &mutex);
	pthread_exit(NULL);
}

static void
test_main_may_end_first(void **state)
{
	struct child child;

	(void)state;
	if (THREAD_SANITIZED)
		skip();                                  /* it takes main's end for the program's */
	child = child_exec("main exits", NULL, NULL);
	assert_string_equal(child.err, "");
	assert_true(child.exited);
	assert_int_equal(child.status, 42);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = {
		{ "unwatched", unwatched }, { "across", across_the_constructor }, { "main exits", main_exits },
		{ NULL, NULL }
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_keys_no_end_is_noticed),
		cmocka_unit_test(test_across_the_constructor),
		cmocka_unit_test(test_after_the_last_round),
		cmocka_unit_test(test_main_may_end_first),
		cmocka_unit_test(test_locked_by_a_late_destructor),
	};

	if (child_wanted(argc))
		return child_main(argv, bodies);
	watchdog("poison mutex, late", 200);
	return cmocka_run_group_tests_name("poison mutex, late", tests, NULL, NULL);
}
