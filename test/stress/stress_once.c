/* SPDX-License-Identifier: MIT */
/*
 * Many onces, run by many threads in every way, with failures and deadlines at random: one run at a time, each success seen by all
 * with what it made, each failure told to one caller; afterwards every word is at rest. A once that is done is soon forgotten and begun anew.
 */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/once.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 24, ONCES = 16 };

/* inside, made and failures are plain: the once alone keeps them together, and ThreadSanitizer tells if it does not. */
static struct cell {
	fsy_once_t once;
	uint32_t inside, made, failures;
	fsy_atomic_u32 told;                     /* how many callers heard of a failure of their own */
} cells[ONCES];

static struct worker {
	pthread_t thread;
	uint64_t random;
} workers[MOST];

static struct gate together = GATE("stress_once");
static unsigned int parties;
static bool over;

struct job {
	struct cell *cell;
	uint64_t random;
	bool ran;
};

static int
run(void *arg)
{
	struct job *job = arg;
	struct cell *cell = job->cell;
	int fails = job->random % 4 != 0;

	W_CHECK(cell->inside++ == 0);
	W_CHECK(cell->made == 0);
	job->ran = true;
	for (uint64_t i = job->random >> 4 & 3; i > 0; i--)
		sched_yield();                           /* so that others come to sleep */
	W_CHECK(fsy_once_state(&cell->once) == FSY_ONCE_RUNNING);
	W_CHECK(--cell->inside == 0);
	if (fails)
		cell->failures++;
	else
		cell->made = 1;
	return fails;
}

static void run_plain(void *arg) { ((struct job *)arg)->random = 0; (void)run(arg); }
static int run_forced(fsy_once_state_t before, void *arg) { W_CHECK(before != FSY_ONCE_RUNNING && before != FSY_ONCE_DONE); return run(arg); }

static int
use(struct job *job, uint64_t way)
{
	fsy_once_t *once = &job->cell->once;
	fsy_deadline_t soon = fsy_after_ns((int64_t)(job->random >> 20 & 0xffff));

	switch (way % 8) {
	case 0: case 1: case 2:
		return fsy_once_try(once, run, job);
	case 3:
		return fsy_once_try_until(once, run, job, soon);
	case 4:
		return fsy_once_wait_until(once, soon);
	case 5:
		return fsy_once_wait_force_until(once, soon);
	case 6:
		return fsy_once_force(once, run_forced, job);
	default:
		return fsy_once_call(once, run, job);
	}
}

static void
visit(struct cell *cell, struct worker *self)
{
	struct job job = { cell, test_random(&self->random), false };
	int error = use(&job, test_random(&self->random));

	W_CHECK(error == 0 || error == 1 || error == FSY_ETIMEDOUT || error == FSY_EPOISONED);
	if (error == 0)
		W_CHECK(fsy_once_done(&cell->once) && cell->made == 1);
	if (error == 1) {
		W_CHECK(job.ran);
		fsy_atomic_u32_add_rlx(&cell->told, 1);
	}
}

/* Round by round, so that the onces can be begun anew in between. */
static void *
work(void *arg)
{
	struct worker *self = arg;

	for (;;) {
		gate_meet(&together, parties);
		if (over)
			return NULL;
		for (int i = 0; i < 4 * ONCES; i++)
			visit(&cells[test_random(&self->random) % ONCES], self);
		gate_meet(&together, parties);
	}
}

/* All are out: what was done is told truly, and no word shows that anybody ever waited. */
static void
look_back(uint64_t *seed)
{
	for (int i = 0; i < ONCES; i++) {
		struct cell *cell = &cells[i];
		fsy_once_state_t state = fsy_once_state(&cell->once);
		uint64_t word = fsy_atomic_u64_load(&cell->once.word_);

		assert_int_equal(cell->inside, 0);
		assert_int_equal(cell->failures, fsy_atomic_u32_load(&cell->told));
		assert_int_equal(cell->made, state == FSY_ONCE_DONE);
		assert_int_equal(word, state == FSY_ONCE_DONE ? FSY_ONCE_DONE_ : state == FSY_ONCE_POISONED ? 8 : 0);
		if (test_random(seed) % 2 == 0)
			memset(cell, 0, sizeof(*cell));
	}
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

static void
stress(unsigned int count, uint64_t *seed, fsy_deadline_t end)
{
	memset(cells, 0, sizeof(cells));
	over = false;
	parties = count + 1;
	for (unsigned int i = 0; i < count; i++) {
		workers[i].random = test_random(seed);
		workers[i].thread = worker_start(work, &workers[i]);
	}
	do {
		gate_meet(&together, parties);
		gate_meet(&together, parties);
		look_back(seed);
	} while (fsy_now() < end);
	over = true;
	gate_meet(&together, parties);
	for (unsigned int i = 0; i < count; i++)
		worker_join(workers[i].thread);
	workers_assert();
}

static void
test_every_way(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (unsigned int count = 2; count <= MOST; count *= 3)
		stress(count, &seed, stress_until(1500, 3));
}

/* Go's call, where there is no failure: each once is run exactly once, and everybody finds it made. */
static void *
do_all(void *arg)
{
	for (int i = 0; i < ONCES; i++) {
		struct job job = { &cells[i], 0, false };

		fsy_once_do(&cells[i].once, run_plain, &job);
		W_CHECK(cells[i].made == 1);
	}
	return arg;
}

static void
test_do(void **state)
{
	fsy_deadline_t end = stress_until(500, 1);

	(void)state;
	do {
		pthread_t threads[8];

		memset(cells, 0, sizeof(cells));
		for (int i = 0; i < 8; i++)
			threads[i] = worker_start(do_all, NULL);
		for (int i = 0; i < 8; i++)
			worker_join(threads[i]);
		workers_assert();
		for (int i = 0; i < ONCES; i++)
			assert_int_equal(fsy_atomic_u64_load(&cells[i].once.word_), FSY_ONCE_DONE_);
	} while (fsy_now() < end);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_way), cmocka_unit_test(test_do) };

	watchdog("once under stress", 200);
	return cmocka_run_group_tests_name("once under stress", tests, NULL, NULL);
}
