/* SPDX-License-Identifier: MIT */
/* Who waits for whom at a rwmutex, and who comes next: readers that find a writer, writers that find readers, deadlines. */
#include "lib/sync/readers.h"
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/role.h"
#include "test/support/rwlocks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static fsy_rwmutex_t shared;

static int
choose(enum readers_mode mode)
{
	rw_begin(&shared, mode);
	roles_clear();
	return 0;
}

static int choose_counted(void **state) { (void)state; return choose(READERS_COUNTED); }
static int choose_fenced(void **state) { (void)state; return choose(READERS_FENCED); }
static int choose_plain(void **state) { (void)state; return choose(READERS_PLAINLY); }
static int choose_joined(void **state) { (void)state; return choose(READERS_JOINED); }

enum { QUEUED_READERS = 4 };

static void *
read_once(void *arg)
{
	fsy_rwmutex_rlock(&shared);
	role_play(arg);
	fsy_rwmutex_runlock(&shared);
	return NULL;
}

static void *
write_once(void *arg)
{
	fsy_rwmutex_lock(&shared);
	role_play(arg);
	fsy_rwmutex_unlock(&shared);
	return NULL;
}

/* One reader holds, a writer waits for it; others queue; when the writer leaves with a second one behind it, all of them come first. */
static void
test_g5_queued_readers_come_before_the_next_writer(void **state)
{
	struct role first = ROLE("the first reader", 2), writer = ROLE("the writer", 2), second = ROLE("the second writer", 1);
	struct role others = ROLE("every queued reader", QUEUED_READERS + 1);
	pthread_t threads[QUEUED_READERS + 3];

	(void)state;
	threads[0] = worker_start(read_once, &first);
	gate_meet(&first.inside, 2);
	threads[1] = worker_start(write_once, &writer);
	wait_until_parked(rw_drain_key(&shared), 1);
	for (int i = 0; i < QUEUED_READERS; i++)
		threads[3 + i] = worker_start(read_once, &others);
	wait_until_parked(rw_readers_key(&shared), QUEUED_READERS);
	assert_int_equal(roles_came(), 1);        /* R2 blocks, while R1 reads */
	gate_open(&first.leave);
	gate_meet(&writer.inside, 2);                            /* W runs when R1 leaves */
	assert_int_equal(fsy_atomic_u32_load(&writer.came), 2);
	assert_int_equal(roles_came(), 2);
	threads[2] = worker_start(write_once, &second);
	wait_until_parked(&shared.word_, 1);
	gate_open(&second.leave);
	gate_open(&writer.leave);
	gate_meet(&others.inside, QUEUED_READERS + 1);           /* all of them at once */
	assert_int_equal(roles_came(), 2 + QUEUED_READERS);
	gate_open(&others.leave);
	for (int i = 0; i < QUEUED_READERS + 3; i++)
		worker_join(threads[i]);
	assert_int_equal(fsy_atomic_u32_load(&second.came), 3 + QUEUED_READERS);
	assert_rw_at_rest(&shared);
}

static void
test_g6_tryrlock_while_a_writer_waits(void **state)
{
	struct role first = ROLE("the first reader", 2), writer = ROLE("the writer", 1);
	pthread_t threads[2];

	(void)state;
	threads[0] = worker_start(read_once, &first);
	gate_meet(&first.inside, 2);
	gate_open(&writer.leave);
	assert_true(fsy_rwmutex_tryrlock(&shared));
	fsy_rwmutex_runlock(&shared);
	threads[1] = worker_start(write_once, &writer);
	wait_until_parked(rw_drain_key(&shared), 1);
	for (int i = 0; i < 3; i++) {
		assert_false(fsy_rwmutex_tryrlock(&shared));
		assert_false(fsy_rwmutex_trylock(&shared));
		assert_int_equal(fsy_rwmutex_rlock_until(&shared, 0), FSY_ETIMEDOUT);
		assert_int_equal(fsy_rwmutex_rlock_until(&shared, fsy_after_ns(100000)), FSY_ETIMEDOUT);
	}
	gate_open(&first.leave);
	worker_join(threads[0]);
	worker_join(threads[1]);
	assert_int_equal(fsy_atomic_u32_load(&writer.came), 2);
	assert_rw_at_rest(&shared);
	assert_true(fsy_rwmutex_tryrlock(&shared));
	fsy_rwmutex_runlock(&shared);
}

/* A stranger's runlock, or the end of the thread and then a stranger's runlock, reach a writer that sleeps. */
static void *
runlock_once(void *arg)
{
	fsy_rwmutex_runlock(arg);
	return NULL;
}

static void *
rlock_and_end(void *arg)
{
	fsy_rwmutex_rlock(&shared);
	role_play(arg);
	return NULL;
}

static void
test_sleeping_writer_hears_of_every_way_out(void **state)
{
	(void)state;
	for (int early = 0; early < 2; early++) {
		struct role reader = ROLE("the reader", 2), writer = ROLE("the writer", 1);
		pthread_t threads[2];

		threads[0] = worker_start(rlock_and_end, &reader);
		gate_meet(&reader.inside, 2);
		gate_open(&writer.leave);
		threads[1] = worker_start(write_once, &writer);
		wait_until_parked(rw_drain_key(&shared), 1);
		if (!early) {
			gate_open(&reader.leave);
			worker_join(threads[0]);
			assert_int_equal(rw_counted(&shared), 1);
			assert_false(fsy_rwmutex_tryrlock(&shared));
		}
		worker_join(worker_start(runlock_once, &shared));
		worker_join(threads[1]);
		gate_open(&reader.leave);
		if (early)
			worker_join(threads[0]);
		assert_rw_at_rest(&shared);
	}
}

/* The writer gives up; the readers that it kept out are let in beside the one that it waited for. */
static void *
give_up(void *arg)
{
	W_CHECK(fsy_rwmutex_lock_until(&shared, *(fsy_deadline_t *)arg) == FSY_ETIMEDOUT);
	return NULL;
}

static void
test_timed_out_writer_lets_readers_in(void **state)
{
	struct role first = ROLE("the first reader", 2), late = ROLE("the late reader", 2);
	fsy_deadline_t deadline;
	pthread_t threads[3];

	(void)state;
	threads[0] = worker_start(read_once, &first);
	gate_meet(&first.inside, 2);
	deadline = fsy_after_ms(300);
	threads[1] = worker_start(give_up, &deadline);
	threads[2] = worker_start(read_once, &late);
	gate_meet(&late.inside, 2);
	worker_join(threads[1]);
	gate_open(&first.leave);
	gate_open(&late.leave);
	worker_join(threads[0]);
	worker_join(threads[2]);
	workers_assert();
	assert_rw_at_rest(&shared);
}

/* Writers exclude each other and sleep as a mutex's threads do. */
static void
test_writers_queue(void **state)
{
	struct role first = ROLE("the first writer", 2), second = ROLE("the second writer", 1), reader = ROLE("the reader", 1);
	pthread_t threads[3];

	(void)state;
	threads[0] = worker_start(write_once, &first);
	gate_meet(&first.inside, 2);
	threads[1] = worker_start(write_once, &second);
	wait_until_parked(&shared.word_, 1);
	threads[2] = worker_start(read_once, &reader);
	wait_until_parked(rw_readers_key(&shared), 1);
	gate_open(&second.leave);
	gate_open(&reader.leave);
	gate_open(&first.leave);
	for (int i = 0; i < 3; i++)
		worker_join(threads[i]);
	assert_int_equal(roles_came(), 3);
	assert_int_equal(fsy_atomic_u32_load(&reader.came), 2);
	assert_rw_at_rest(&shared);
}

enum { GENERATION = 40 };               /* more than a chunk of lines has */
static struct gate everybody_reads = GATE("a generation of readers is inside");

static void *
read_with_others(void *arg)
{
	(void)arg;
	fsy_rwmutex_rlock(&shared);
	gate_meet(&everybody_reads, GENERATION + 1);
	gate_meet(&everybody_reads, GENERATION + 1);
	fsy_rwmutex_runlock(&shared);
	return NULL;
}

/* Of those who read when it was forked this thread alone is left, which has read nothing. */
static int
write_in_child(void *arg)
{
	(void)arg;
	if (fsyi_readers_enabled()) {           /* counted holds are anybody's */
		CHILD_CHECK(fsy_rwmutex_trylock(&shared));
		CHILD_CHECK(fsy_atomic_u32_load(&fsyi_reader_lines) <= 1);
		fsy_rwmutex_unlock(&shared);
	}
	fsy_rwmutex_rlock(&shared);
	fsy_rwmutex_runlock(&shared);
	CHILD_CHECK(fsy_atomic_u32_load(&fsyi_reader_lines) <= 1);
	return 0;
}

/* A writer looks at the lines of threads that live; those that ended leave theirs to the next, which it sees again. */
static void
test_ended_readers_cost_writers_nothing(void **state)
{
	uint32_t before = fsy_atomic_u32_load(&fsyi_reader_lines);
	pthread_t threads[GENERATION];

	(void)state;
	for (int generation = 0; generation < 2; generation++) {
		for (int i = 0; i < GENERATION; i++)
			threads[i] = worker_start(read_with_others, NULL);
		gate_meet(&everybody_reads, GENERATION + 1);
		assert_int_equal(fsy_atomic_u32_load(&fsyi_reader_lines), before + (fsyi_readers_enabled() ? GENERATION : 0));
		assert_false(fsy_rwmutex_trylock(&shared));
		if (!THREAD_SANITIZED) {                /* which does not follow a fork beside threads */
			struct child child = child_fork(write_in_child, NULL);

			child_assert_clean(&child);
		}
		gate_meet(&everybody_reads, GENERATION + 1);
		for (int i = 0; i < GENERATION; i++)
			worker_join(threads[i]);
		workers_assert();
		assert_int_equal(fsy_atomic_u32_load(&fsyi_reader_lines), before);
		assert_true(fsy_rwmutex_trylock(&shared));
		fsy_rwmutex_unlock(&shared);
	}
}

#define EACH(test) \
	{ #test " (counted)", test, choose_counted, NULL, NULL }, { #test " (fenced)", test, choose_fenced, NULL, NULL }, \
	{ #test " (plain)", test, choose_plain, NULL, NULL }, { #test " (joined)", test, choose_joined, NULL, NULL }

static const struct CMUnitTest tests[] = {
	EACH(test_g5_queued_readers_come_before_the_next_writer),
	EACH(test_g6_tryrlock_while_a_writer_waits),
	EACH(test_sleeping_writer_hears_of_every_way_out),
	EACH(test_timed_out_writer_lets_readers_in),
	EACH(test_writers_queue),
	{ "test_ended_readers_cost_writers_nothing", test_ended_readers_cost_writers_nothing, choose_fenced, NULL, NULL },
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "waits at a rwmutex", tests, sizeof(tests) / sizeof(tests[0]), readers_settings, 0 };

	return settings_main(argc, argv, &group);
}
