/* SPDX-License-Identifier: MIT */
/*
 * Fork while other threads lock, wait, time out and hand over: in the child what the forking thread held can be unlocked,
 * what is free can be locked, and its new threads can fight for either; the parent does not notice.
 */
#include "lib/sync/lockword.h"
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <errno.h>
#include <fastsync/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { LOCKS = 6, BUSY_THREADS = 4, OWN = 0, IDLE = 1 };

/* locks[OWN] is held by the forking thread and waited for; nobody uses locks[IDLE]; the rest are in full use. */
static fsy_mutex_t locks[LOCKS];
static uint64_t sums[LOCKS];
static fsy_atomic_u64 expected[LOCKS];
static fsy_atomic_u32 stop, busy_now;

static void
use(int which, uint64_t random)
{
	fsy_mutex_t *lock = &locks[which];

	if (random % 4 == 0) {
		if (fsy_mutex_lock_until(lock, fsy_after_ns((int64_t)(random % 50000))) != 0)
			return;
	} else {
		fsy_mutex_lock(lock);
	}
	sums[which]++;
	fsy_atomic_u64_add(&expected[which], 1);
	if (random % 7 == 0)
		sched_yield();                           /* so that others come to sleep */
	if (random % 5 == 0)
		fsy_mutex_unlock_fair(lock);
	else
		fsy_mutex_unlock(lock);
}

static void *
keep_busy(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg;

	fsy_atomic_u32_add(&busy_now, 1);
	while (!fsy_atomic_u32_load(&stop)) {
		uint64_t now = test_random(&random);

		use(IDLE + 1 + (int)(now % (LOCKS - IDLE - 1)), now >> 8);
	}
	return NULL;
}

static void *
wait_for_own(void *arg)
{
	fsy_mutex_lock(&locks[OWN]);
	sums[OWN]++;
	fsy_mutex_unlock(&locks[OWN]);
	return arg;
}

/* In the child, where these are all the threads there are. */
enum { CHILD_THREADS = 3, CHILD_ROUNDS = 60 };
static fsy_mutex_t *target;
static int child_sum;

static void *
use_in_child(void *arg)
{
	for (int i = 0; i < CHILD_ROUNDS; i++) {
		if (i % 10 != 9)
			fsy_mutex_lock(target);
		else if (fsy_mutex_lock_until(target, fsy_after_ns(i * 1000)) != 0)
			continue;
		child_sum++;
		if (i % 4 == 0)
			sched_yield();
		fsy_mutex_unlock(target);
	}
	return arg;
}

/* The lock is free, whatever the threads that are gone have left in its other bits. */
static bool by_trylock;

static int
lockable(fsy_mutex_t *lock)
{
	pthread_t threads[CHILD_THREADS];

	if (by_trylock)                                  /* not promised to anybody who is still there */
		CHILD_CHECK(fsy_mutex_trylock(lock));
	else
		fsy_mutex_lock(lock);
	CHILD_CHECK(!fsy_mutex_trylock(lock));
	target = lock;
	child_sum = 0;
	for (int i = 0; i < CHILD_THREADS; i++)
		threads[i] = worker_start(use_in_child, NULL);
	fsy_mutex_unlock(lock);
	for (int i = 0; i < CHILD_THREADS; i++)
		worker_join(threads[i]);
	CHILD_CHECK(child_sum >= CHILD_THREADS * CHILD_ROUNDS * 9 / 10);
	CHILD_CHECK(fsyi_lot_is_idle(&fsyi_lot));
	return 0;
}

static bool
is_locked(const fsy_mutex_t *lock)
{
	return (fsy_atomic_u32_load(&lock->word_) & FSY_LW_LOCKED_) != 0;
}

static int
in_child(void)
{
	CHILD_CHECK(is_locked(&locks[OWN]) && !fsy_mutex_trylock(&locks[OWN]));
	fsy_mutex_unlock(&locks[OWN]);
	CHILD_CHECK(fsy_mutex_trylock(&locks[IDLE]));
	fsy_mutex_unlock(&locks[IDLE]);
	for (int i = 0; i < LOCKS; i++)
		if (!is_locked(&locks[i]))
			lockable(&locks[i]);
		else
			CHILD_CHECK(i > IDLE && fsy_mutex_lock_until(&locks[i], fsy_after_ns(1000)) == FSY_ETIMEDOUT);
	return 0;
}

static pid_t
raw_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void
assert_child_is_fine(pid_t (*way)(void))
{
	int status;
	pid_t pid = way();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		alarm(CHILD_SECONDS);                    /* a lost wake-up in the child */
		_exit(in_child());
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("child ended with wait status %#x", (unsigned)status);
}

/* All threads have started and every lock is in use. A thread that starts allocates, and AddressSanitizer's allocator takes locks
 * that nobody gives back in a child: a fork in that moment is not ours to survive. */
static void
wait_until_busy(void)
{
	wait_until_parked(&locks[OWN], 2);
	for (int i = IDLE + 1; i < LOCKS; i++)
		while (fsy_atomic_u32_load(&busy_now) < BUSY_THREADS || fsy_atomic_u64_load(&expected[i]) == 0)
			sched_yield();                   /* until the watchdog barks */
}

static void
fork_in_full_use(pid_t (*way)(void), int count)
{
	pthread_t threads[2 + BUSY_THREADS];
	uint64_t seed = test_seed();

	memset(locks, 0, sizeof(locks));
	memset(sums, 0, sizeof(sums));
	memset(expected, 0, sizeof(expected));
	fsy_atomic_u32_store(&stop, 0);
	fsy_atomic_u32_store(&busy_now, 0);
	fsy_mutex_lock(&locks[OWN]);
	for (int i = 0; i < 2 + BUSY_THREADS; i++)
		threads[i] = worker_start(i < 2 ? wait_for_own : keep_busy, (void *)(uintptr_t)test_random(&seed));
	wait_until_busy();
	for (int i = 0; i < count; i++) {
		by_trylock = i % 2 != 0;
		assert_child_is_fine(way);
	}
	assert_int_equal(parked_on(&locks[OWN]), 2);
	fsy_mutex_unlock(&locks[OWN]);
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < 2 + BUSY_THREADS; i++)
		worker_join(threads[i]);
	assert_int_equal(sums[OWN], 2);
	for (int i = 0; i < LOCKS; i++) {
		assert_at_rest(&locks[i]);
		if (i > IDLE)
			assert_true(sums[i] > 0 && sums[i] == fsy_atomic_u64_load(&expected[i]));
	}
}

static void
test_fork_in_full_use(void **state)
{
	(void)state;
	fork_in_full_use(fork, stress_count(24));
}

static void
test_clone_in_full_use(void **state)
{
	const char *wiped = getenv("FASTSYNC_WIPEONFORK");

	(void)state;
	if (wiped != NULL && strcmp(wiped, "off") == 0)
		skip();                                  /* nothing tells, then */
	fork_in_full_use(_Fork, stress_count(16));
	fork_in_full_use(raw_clone, stress_count(24));
}

/* Every combination of bits that threads which are gone can have left in a free lock; some are too short-lived to be met
 * above. Without a searcher there is no bar and no second. */
static int
leftovers_in_child(void *arg)
{
	static const uint32_t bits[] = { LW_BARRED, LW_SECOND, LW_QUEUED, LW_TURN };

	(void)arg;
	for (uint32_t set = 0; set < 1u << 4; set++) {
		uint32_t word = LW_SEARCHER;

		for (int i = 0; i < 4; i++)
			word |= set & 1u << i ? bits[i] : 0;
		for (int way = 0; way < 2; way++) {
			by_trylock = way != 0;
			fsy_atomic_u32_store(&locks[IDLE].word_, word);
			lockable(&locks[IDLE]);
		}
	}
	return 0;
}

static void
test_leftovers_of_vanished_threads(void **state)
{
	struct child child = child_fork(leftovers_in_child, NULL);

	(void)state;
	child_assert_clean(&child);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_leftovers_of_vanished_threads),
	cmocka_unit_test(test_fork_in_full_use),
	cmocka_unit_test(test_clone_in_full_use),
};

int
main(int argc, char **argv)
{
	static const char *const fallbacks[] = { "FASTSYNC_MEMBARRIER=off", "FASTSYNC_WIPEONFORK=off", NULL };
	static const char *const *const settings[] = { fallbacks, NULL };
	static const struct settings_group group = { "mutex and fork", tests, sizeof(tests) / sizeof(tests[0]), settings, 0 };

	if (THREAD_SANITIZED) {
		puts("skip mutex_fork: ThreadSanitizer takes the threads that a fork left behind for living ones");
		return 0;
	}
	return settings_main(argc, argv, &group);
}
