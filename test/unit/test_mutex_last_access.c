/* SPDX-License-Identifier: MIT */
/*
 * The last access of an unlock to its mutex is the store that releases it. Seen with the processor's single-step: after each
 * instruction of the unlock a handler looks whether the mutex has been released, and if so takes its page away. Whatever
 * of the unlock touches the mutex after that faults, and is recorded; no luck with timing is needed.
 */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/poison.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#if defined(__x86_64__) && !SANITIZED
#define CAN_STEP 1
#define STEP_ON()  __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::: "memory", "cc")
#define STEP_OFF() __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::: "memory", "cc")
#else
#define CAN_STEP 0
#define STEP_ON()  ((void)0)
#define STEP_OFF() ((void)0)
#endif

static fsy_mutex_t *mutex;                               /* alone on its page */
static size_t page_size;
static fsy_atomic_u32 *witness;                          /* a sleeper's park word: it is 0 when the lock is the sleeper's */
static pid_t stepping;
static volatile int steps, late;
static volatile bool taken_away;
static fsy_atomic_u32 over;

static bool
released(void)
{
	if (witness != NULL)
		return fsy_atomic_u32_load_rlx(witness) == 0;
	return (fsy_atomic_u32_load_rlx(&mutex->word_) & FSY_LW_LOCKED_) == 0;
}

static void
on_step(int number)
{
	(void)number;
	steps++;
	if (!taken_away && released()) {
		taken_away = true;
		mprotect(mutex, page_size, PROT_NONE);
	}
}

/* The woken sleeper may touch its mutex, and comes too early for this test. */
static void
on_fault(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!taken_away || (char *)info->si_addr < (char *)mutex || (char *)info->si_addr >= (char *)mutex + page_size) {
		signal(number, SIG_DFL);
		return;
	}
	if (worker_tid() == stepping) {
		late++;
		mprotect(mutex, page_size, PROT_READ | PROT_WRITE);
		return;
	}
	while (!fsy_atomic_u32_load(&over))
		sched_yield();
}

static void
step_through(void (*unlock)(fsy_mutex_t *m))
{
	struct sigaction on_trap = { .sa_handler = on_step }, on_segv = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGTRAP, &on_trap, NULL);
	sigaction(SIGSEGV, &on_segv, NULL);
	steps = late = 0;
	taken_away = false;
	fsy_atomic_u32_store(&over, 0);
	stepping = worker_tid();
	STEP_ON();
	unlock(mutex);
	STEP_OFF();
	mprotect(mutex, page_size, PROT_READ | PROT_WRITE);
	fsy_atomic_u32_store(&over, 1);
}

static void
finish_stepping(void)
{
	signal(SIGTRAP, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	if (late != 0)
		fail_msg("touched %d times after it was released", late);
	assert_true(steps > 3);
	assert_true(taken_away);
	assert_at_rest(mutex);
}

static void unlock(fsy_mutex_t *m) { fsy_mutex_unlock(m); }

/* The poison mutex has the same size and word. */
static fsy_poison_mutex_t *as_poison(fsy_mutex_t *m) { return (fsy_poison_mutex_t *)(void *)m; }
static void unlock_poison(fsy_mutex_t *m) { fsy_poison_mutex_unlock(as_poison(m)); }

static void
lock_for(void (*how)(fsy_mutex_t *m), fsy_mutex_t *m)
{
	if (how != unlock_poison)
		fsy_mutex_lock(m);
	else if (fsy_poison_mutex_lock(as_poison(m)) != 0)
		abort();
}

static void *
wait_for_poison(void *arg)
{
	lock_for(unlock_poison, arg);
	unlock_poison(arg);
	return NULL;
}

static void
uncontended(void (*how)(fsy_mutex_t *m))
{
	witness = NULL;
	lock_for(how, mutex);
	step_through(how);
	finish_stepping();
}

static void
test_uncontended(void **state)
{
	(void)state;
	uncontended(unlock);
	uncontended(fsy_mutex_unlock_fair);
	uncontended(unlock_poison);
}

/* A mutex whose attention byte is that of ours. */
static fsy_mutex_t *
namesake(void)
{
	static fsy_mutex_t many[1 << 18];

	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		if (fsy_attention_slot_(&many[i].word_) == fsy_attention_slot_(&mutex->word_))
			return &many[i];
	fail_msg("no such mutex");
	return NULL;
}

/* Another lock's sleeper sends the unlock to the lot, in vain. */
static void
test_attention_for_another(void **state)
{
	fsy_mutex_t *other = namesake();
	pthread_t thread;

	(void)state;
	for (int fair = 0; fair < 2; fair++) {
		fsy_mutex_lock(other);
		thread = worker_start(lock_and_unlock, other);
		wait_until_parked(other, 1);
		witness = NULL;
		fsy_mutex_lock(mutex);
		step_through(fair ? fsy_mutex_unlock_fair : unlock);
		fsy_mutex_unlock(other);
		worker_join(thread);
		finish_stepping();
		assert_at_rest(other);
	}
}

static void
find_sleeper(const struct fsyi_thread *thread, void *arg)
{
	if (fsy_atomic_ptr_load_rlx(&thread->key) == arg)
		witness = (fsy_atomic_u32 *)(uintptr_t)&thread->park;
}

/* From the moment that the sleeper is woken it may have had the lock, and done away with it. */
static void
contended(void (*how)(fsy_mutex_t *m))
{
	pthread_t thread;

	lock_for(how, mutex);
	thread = worker_start(how == unlock_poison ? wait_for_poison : lock_and_unlock, mutex);
	wait_until_parked(mutex, 1);
	witness = NULL;
	fsyi_park_each(&fsyi_lot, find_sleeper, mutex);
	assert_non_null(witness);
	step_through(how);
	worker_join(thread);
	finish_stepping();
}

static void
test_contended(void **state)
{
	(void)state;
	contended(unlock);
	contended(fsy_mutex_unlock_fair);
	contended(unlock_poison);
}

/* That stepping finds what it is to find: an unlock that looks for waiters in the mutex when it has released it. */
static void
unlock_and_look(fsy_mutex_t *m)
{
	fsy_mutex_unlock(m);
	(void)*(volatile uint32_t *)(void *)m;
}

static void
test_a_late_look_is_seen(void **state)
{
	(void)state;
	witness = NULL;
	fsy_mutex_lock(mutex);
	step_through(unlock_and_look);
	assert_int_equal(late, 1);
	late = 0;
	finish_stepping();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_uncontended),
	cmocka_unit_test(test_attention_for_another),
	cmocka_unit_test(test_contended),
	cmocka_unit_test(test_a_late_look_is_seen),
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "the last access to a mutex", tests, sizeof(tests) / sizeof(tests[0]), settings_fenced, 0 };

	if (!CAN_STEP) {
		puts("skip mutex_last_access: needs x86-64 and no sanitizer to single-step");
		return 0;
	}
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	mutex = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return settings_main(argc, argv, &group);
}
