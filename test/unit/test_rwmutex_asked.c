/* SPDX-License-Identifier: MIT */
/* Readers that writers ask instead of executing a membarrier: who answers, and what becomes of those who do not. */
#include "lib/sync/rwmutex.h"
#include "lib/sync/readers_line.h"
#include "lib/sys/tune.h"
#include "test/support/gate.h"
#include "test/support/joined.h"
#include "test/support/locks.h"
#include "test/support/rwlocks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/error.h>
#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { MANY = 64 };

static fsy_rwmutex_t shared, many[MANY], *other;         /* other has the same entry in each line */
static struct gate tried = GATE("the worker has tried");

static int
choose(void **state)
{
	(void)state;
	rw_begin(&shared, READERS_JOINED);
	for (other = many; fsy_reader_joined_(&other->readers_) != fsy_reader_joined_(&shared.readers_); other++)
		;
	rw_begin(other, READERS_JOINED);
	fsyi_tune.brief_spin_ns = TEST_PATIENCE_NS;      /* an answer, or nothing */
	fsyi_tune.spin_ns = TEST_PATIENCE_NS;
	if (!joined_begin(&shared))
		return 1;
	fsyi_reader_part(&other->readers_);
	return 0;
}

static int
how_many_joined(const fsy_rwmutex_t *rw)
{
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;
	int joined = 0;

	while ((line = walk_next(&walk)) != NULL)
		for (int i = 0; i < FSY_READER_JOINS_; i++)
			joined += fsy_atomic_ptr_load(&line->joined[i]) == &rw->readers_;
	return joined;
}

static void *
read_shared(void *arg)
{
	(void)arg;
	joined_here(&shared);
	fsy_rwmutex_rlock(&shared);
	fsy_rwmutex_runlock(&shared);
	return NULL;
}

static void *
write_shared(void *arg)
{
	(void)arg;
	joined_here(&shared);
	fsy_rwmutex_lock(&shared);
	fsy_rwmutex_unlock(&shared);
	return NULL;
}

static void *
try_shared(void *arg)
{
	(void)arg;
	joined_here(&shared);
	W_CHECK(!fsy_rwmutex_tryrlock(&shared));
	gate_meet(&tried, 2);
	return NULL;
}

static void *
ask_for_other(void *arg)
{
	(void)arg;
	joined_here(&shared);
	W_CHECK(fsyi_readers_ask(&other->readers_, FSY_FOREVER) == FSYI_ANSWERED);
	joined_stop();
	return NULL;
}

static void *
read_in_silence(void *arg)
{
	(void)arg;
	fsy_rwmutex_rlock(&shared);
	joined_tell();
	joined_wait_for_release();
	fsy_rwmutex_runlock(&shared);
	return NULL;
}

static uint64_t
membarriers(void)
{
	fsy_stats_t stats;

	fsy_stats_get(NULL, &stats);
	return stats.membarriers;
}

/* Its next runlock does it, of whatever lock. */
static void
test_reader_answers(void **state)
{
	uint64_t before = membarriers();
	pthread_t thread;

	(void)state;
	if (!fsyi_readers_enabled())
		skip();
	thread = joined_start(joined_busy, &shared);
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_ANSWERED);
	assert_int_equal(membarriers(), before);
	assert_int_equal(how_many_joined(&shared), 1);
	joined_stop();
	joined_end(thread);
}

/* Whoever comes to the lock and finds the writer has nothing to answer for: to read, to write, or for a try. */
static void
test_who_meets_the_writer_parts(void **state)
{
	static void *(*const bodies[])(void *) = { read_shared, write_shared, try_shared };
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 3; i++) {
		fsy_rwmutex_lock(&shared);
		thread = joined_start(bodies[i], &shared);
		assert_true(fsyi_readers_ask(&shared.readers_, FSY_FOREVER) <= FSYI_ANSWERED);
		if (bodies[i] == try_shared)
			gate_meet(&tried, 2);
		fsy_rwmutex_unlock(&shared);
		joined_end(thread);
		assert_rw_at_rest(&shared);
	}
}

/* Who is seen to read has as much time as a writer would look for its end. */
static void
test_patience_with_readers(void **state)
{
	pthread_t thread;
	int64_t start;

	(void)state;
	if (!joined_possible())
		skip();
	thread = joined_start(read_in_silence, &shared);
	fsyi_tune.brief_spin_ns = 0;
	fsyi_tune.spin_ns = 20000000;
	start = fsy_now();
	assert_int_equal(fsyi_readers_ask(&shared.readers_, start), FSYI_READING);     /* at once, and nothing is lost */
	assert_int_equal(fsyi_rwmutex_ask(&shared, start), FSY_ETIMEDOUT);       /* though that one may be gone: of others nothing is known */
	assert_int_equal(how_many_joined(&shared), 1);
	assert_false(fsy_rwmutex_trylock(&shared));
	assert_int_equal(shared.doubt_, 0);
	start = fsy_now();
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_SILENT);
	assert_true(fsy_now() - start >= fsyi_tune.spin_ns);
	joined_release();
	joined_end(thread);
}

/* Two writers of two locks that each has joined the other's of: neither waits for the other for ever, or in vain. */
static void
test_who_asks_answers(void **state)
{
	pthread_t thread;

	(void)state;
	fsyi_reader_join(&other->readers_);
	thread = joined_start(ask_for_other, &shared);
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_ANSWERED);
	while (!joined_stopped())
		fsyi_reader_answer();
	joined_end(thread);
}

static void
test_silence(void **state)
{
	uint64_t before = membarriers();
	pthread_t silent, another;

	(void)state;
	silent = joined_start(joined_silent, &shared);
	another = joined_start(joined_silent, other);
	fsyi_tune.brief_spin_ns = 0;
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_SILENT);
	assert_int_equal(membarriers(), before + FSY_ASYMMETRIC_);
	assert_int_equal(how_many_joined(&shared), 0);
	assert_int_equal(how_many_joined(other), 1);             /* that is for other's writers to ask */
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_NOBODY_JOINED);
	joined_release();
	worker_join(silent);
	joined_end(another);
}

/* Nobody is left to answer. */
static void
test_thread_that_ends(void **state)
{
	pthread_t thread = joined_start(joined_silent, &shared);

	(void)state;
	joined_release();
	joined_end(thread);
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_NOBODY_JOINED);
}

#define TEST(test) { #test, test, choose, NULL, NULL }

static const struct CMUnitTest tests[] = {
	TEST(test_reader_answers),
	TEST(test_who_meets_the_writer_parts),
	TEST(test_patience_with_readers),
	TEST(test_who_asks_answers),
	TEST(test_silence),
	TEST(test_thread_that_ends),
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "readers that are asked", tests, sizeof(tests) / sizeof(tests[0]), readers_settings, 0 };

	return settings_main(argc, argv, &group);
}
