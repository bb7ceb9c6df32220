/* SPDX-License-Identifier: MIT */
/* locks.c - see locks.h. */
#include "locks.h"
#include "child.h"
#include "lib/sys/tune.h"
#include "worker.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct count {
	const void *key;
	unsigned int threads;
};

static void
count_one(const struct fsyi_thread *thread, void *arg)
{
	struct count *count = arg;

	count->threads += fsy_atomic_ptr_load_rlx(&thread->key) == count->key;
}

unsigned int
parked_in(struct fsyi_lot *lot, const void *key)
{
	struct count count = { key, 0 };

	fsyi_park_each(lot, count_one, &count);
	return count.threads;
}

unsigned int
parked_on(const void *key)
{
	return parked_in(&fsyi_lot, key);
}

static void
count_sleeper(const struct fsyi_thread *thread, void *arg)
{
	if (fsyi_is_asleep(thread))
		count_one(thread, arg);
}

static unsigned int
asleep_on(const void *key)
{
	struct count count = { key, 0 };

	fsyi_park_each(&fsyi_lot, count_sleeper, &count);
	return count.threads;
}

static void
wait_until(unsigned int (*how_many)(const void *key), const char *what, const void *key, unsigned int count)
{
	fsy_deadline_t limit = fsy_after_ms(TEST_PATIENCE_MS);

	while (how_many(key) != count) {
		if (fsy_now() > limit) {
			fprintf(stderr, "%u threads %s, and not %u\n", how_many(key), what, count);
			abort();
		}
		sched_yield();
	}
}

void
wait_until_parked(const void *key, unsigned int count)
{
	wait_until(parked_on, "are parked", key, count);
}

void
wait_until_sleeping(const void *key, unsigned int count)
{
	wait_until(asleep_on, "sleep", key, count);
}

bool
at_rest(const fsy_mutex_t *mutex)
{
	static const unsigned char zero[sizeof(mutex->word_)];

	return memcmp(&mutex->word_, zero, sizeof(zero)) == 0 && fsyi_lot_is_idle(&fsyi_lot);
}

void
assert_at_rest(const fsy_mutex_t *mutex)
{
	uint32_t word = fsy_atomic_u32_load_rlx(&mutex->word_);

	if (!at_rest(mutex))
		fail_msg("at rest the word is %08x, and the lot is %s", word, fsyi_lot_is_idle(&fsyi_lot) ? "idle" : "in use");
}

int64_t
set_spin(int64_t ns)
{
	int64_t old = fsyi_tune.spin_ns;

	fsyi_tune.spin_ns = ns;
	return old;
}

void *
lock_and_unlock(void *mutex)
{
	fsy_mutex_lock(mutex);
	fsy_mutex_unlock(mutex);
	return NULL;
}

fsy_deadline_t
stress_until(int standard_ms, int share)
{
	const char *given = getenv("FASTSYNC_STRESS_MS");

	return fsy_after_ns((int64_t)(given != NULL ? atoi(given) : standard_ms) * 1000000 / share);
}

int
stress_count(int count)
{
	return SANITIZED && count > 4 ? count / 4 : count;
}

struct lives {
	void *(*life)(void *random);
	uint64_t random;
	fsy_deadline_t end;
};

static void *
live_again_and_again(void *arg)
{
	struct lives *lives = arg;

	do
		worker_join(worker_start(lives->life, (void *)(uintptr_t)test_random(&lives->random)));
	while (fsy_now() < lives->end);
	return NULL;
}

void
stress_lives(void *(*life)(void *random), int count, uint64_t *seed, fsy_deadline_t end)
{
	struct lives lives[STRESS_LIVES];
	pthread_t threads[STRESS_LIVES];

	for (int i = 0; i < count; i++) {
		lives[i] = (struct lives){ life, test_random(seed), end };
		threads[i] = worker_start(live_again_and_again, &lives[i]);
	}
	for (int i = 0; i < count; i++)
		worker_join(threads[i]);
	workers_assert();
}

static const char *watched;

static void
bark(int number)
{
	static const char text[] = ": still running, something hangs\n";

	(void)number;
	if (write(STDERR_FILENO, watched, strlen(watched)) > 0 && write(STDERR_FILENO, text, sizeof(text) - 1) > 0)
		abort();
	_exit(98);
}

void
watchdog(const char *what, unsigned int seconds)
{
	watched = what;
	signal(SIGALRM, bark);
	alarm(seconds);
}
