/* SPDX-License-Identifier: MIT */
/* Readers that writers ask instead of executing a membarrier: who answers, and what becomes of those who do not. */
#include "lib/sync/readers_line.h"
#include "lib/sys/tune.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/rwlocks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { MANY = 64 };

static fsy_rwmutex_t shared, many[MANY], *other;         /* other has the same entry in each line */
static struct gate ready = GATE("the worker has joined"), go = GATE("the worker may go on");
static unsigned int company;                             /* at that gate */
static fsy_atomic_u32 stop;

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
	fsy_atomic_u32_store(&stop, 0);
	company = 2;
	if (fsyi_reader_slot(&shared.readers_) == NULL)
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

static void
join(fsy_rwmutex_t *rw)
{
	W_CHECK(fsyi_reader_slot(&rw->readers_) != NULL);
	fsyi_reader_join(&rw->readers_);
	gate_meet(&ready, 2);
}

static pthread_t
start_joined(void *(*body)(void *))
{
	pthread_t thread = worker_start(body, NULL);

	gate_meet(&ready, 2);
	return thread;
}

static void *
read_elsewhere(void *arg)
{
	fsy_rwmutex_t *elsewhere = &many[MANY - 1];

	(void)arg;
	join(&shared);
	while (fsy_atomic_u32_load(&stop) == 0) {
		fsy_rwmutex_rlock(elsewhere);
		fsy_rwmutex_runlock(elsewhere);
	}
	return NULL;
}

static void *
read_shared(void *arg)
{
	(void)arg;
	join(&shared);
	fsy_rwmutex_rlock(&shared);
	fsy_rwmutex_runlock(&shared);
	return NULL;
}

static void *
write_shared(void *arg)
{
	(void)arg;
	join(&shared);
	fsy_rwmutex_lock(&shared);
	fsy_rwmutex_unlock(&shared);
	return NULL;
}

static void *
try_shared(void *arg)
{
	(void)arg;
	join(&shared);
	W_CHECK(!fsy_rwmutex_tryrlock(&shared));
	gate_meet(&go, company);
	return NULL;
}

static void *
ask_for_other(void *arg)
{
	(void)arg;
	join(&shared);
	W_CHECK(fsyi_readers_ask(&other->readers_, FSY_FOREVER) == FSYI_ANSWERED);
	fsy_atomic_u32_store(&stop, 1);
	return NULL;
}

static void *
keep_silent(void *arg)
{
	(void)arg;
	join(&shared);
	gate_meet(&go, company);
	return NULL;
}

static void *
keep_silent_about_other(void *arg)
{
	(void)arg;
	join(other);
	gate_meet(&go, company);
	return NULL;
}

static void *
read_in_silence(void *arg)
{
	(void)arg;
	fsy_rwmutex_rlock(&shared);
	gate_meet(&ready, 2);
	gate_meet(&go, company);
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

static void
finish(pthread_t thread)
{
	worker_join(thread);
	workers_assert();
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
	rw_begin(&many[MANY - 1], READERS_FENCED);
	thread = start_joined(read_elsewhere);
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_ANSWERED);
	assert_int_equal(membarriers(), before);
	assert_int_equal(how_many_joined(&shared), 1);
	fsy_atomic_u32_store(&stop, 1);
	finish(thread);
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
		thread = start_joined(bodies[i]);
		assert_true(fsyi_readers_ask(&shared.readers_, FSY_FOREVER) <= FSYI_ANSWERED);
		if (bodies[i] == try_shared)
			gate_meet(&go, company);
		fsy_rwmutex_unlock(&shared);
		finish(thread);
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
	if (!fsyi_readers_enabled() || !FSY_ASYMMETRIC_)        /* nobody joins */
		skip();
	thread = start_joined(read_in_silence);
	fsyi_tune.brief_spin_ns = 0;
	fsyi_tune.spin_ns = 20000000;
	start = fsy_now();
	assert_int_equal(fsyi_readers_ask(&shared.readers_, start), FSYI_READING);     /* at once, and nothing is lost */
	assert_int_equal(how_many_joined(&shared), 1);
	assert_false(fsy_rwmutex_trylock(&shared));
	assert_int_equal(shared.doubt_, 0);
	start = fsy_now();
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_SILENT);
	assert_true(fsy_now() - start >= fsyi_tune.spin_ns);
	gate_meet(&go, company);
	finish(thread);
}

/* Two writers of two locks that each has joined the other's of: neither waits for the other for ever, or in vain. */
static void
test_who_asks_answers(void **state)
{
	pthread_t thread;

	(void)state;
	fsyi_reader_join(&other->readers_);
	thread = start_joined(ask_for_other);
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_ANSWERED);
	while (fsy_atomic_u32_load(&stop) == 0)
		fsyi_reader_answer();
	finish(thread);
}

static void
test_silence(void **state)
{
	uint64_t before = membarriers();
	pthread_t silent, another;

	(void)state;
	company = 3;
	silent = start_joined(keep_silent);
	another = start_joined(keep_silent_about_other);
	fsyi_tune.brief_spin_ns = 0;
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_SILENT);
	assert_int_equal(membarriers(), before + FSY_ASYMMETRIC_);
	assert_int_equal(how_many_joined(&shared), 0);
	assert_int_equal(how_many_joined(other), 1);             /* that is for other's writers to ask */
	assert_int_equal(fsyi_readers_ask(&shared.readers_, FSY_FOREVER), FSYI_NOBODY_JOINED);
	gate_meet(&go, company);
	worker_join(silent);
	finish(another);
}

/* Nobody is left to answer. */
static void
test_thread_that_ends(void **state)
{
	pthread_t thread = start_joined(keep_silent);

	(void)state;
	gate_meet(&go, company);
	finish(thread);
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
