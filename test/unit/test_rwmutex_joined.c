/* SPDX-License-Identifier: MIT */
/* When the readers of a rwmutex join it, so that writers ask them, and when that ends. */
#include "lib/sync/readers_line.h"
#include "lib/sync/rwmutex.h"
#include "lib/sys/cpu.h"
#include "lib/sys/tune.h"
#include "test/support/joined.h"
#include "test/support/locks.h"
#include "test/support/rwlocks.h"
#include "test/support/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { LEASE = 4096, DOUBT_WRITES = 64, MOST_WRITES = 4, SAMPLES_PER_CLOCK = 8 };

static fsy_rwmutex_t shared;

static int
choose(void **state)
{
	(void)state;
	rw_begin(&shared, READERS_JOINED);
	return !joined_begin(&shared);
}

static bool
has_joined(void)
{
	return fsy_atomic_ptr_load(fsy_reader_joined_(&shared.readers_)) == &shared.readers_;
}

/* The mode ends, and readers hesitate to come back to it, until writers have had answers for a while. */
static void
test_doubt(void **state)
{
	pthread_t silent;

	(void)state;
	if (!joined_possible())
		skip();
	fsyi_tune.brief_spin_ns = 0;
	silent = joined_start(joined_silent, &shared);
	shared.writes_ = 1;
	fsy_rwmutex_lock(&shared);
	fsy_rwmutex_unlock(&shared);
	assert_int_equal(shared.doubt_, 2);
	assert_int_equal(fsy_atomic_u32_load(&shared.word_), FSY_READERS_FENCED_);
	joined_release();
	joined_end(silent);
	fsy_atomic_u32_store(&shared.word_, FSY_READERS_JOINED_);
	for (int i = 0; i < DOUBT_WRITES; i++) {
		fsy_rwmutex_lock(&shared);
		fsy_rwmutex_unlock(&shared);
	}
	assert_int_equal(shared.doubt_, 1);
	assert_int_equal(fsy_atomic_u32_load(&shared.word_), FSY_READERS_JOINED_);
}

/* Who has joined does not count its reads: from time to time it has to. */
static void
test_lease(void **state)
{
	(void)state;
	if (!joined_possible())
		skip();
	shared.writes_ = LEASE - 1;
	fsy_rwmutex_lock(&shared);
	fsy_rwmutex_unlock(&shared);
	assert_int_equal(fsy_atomic_u32_load(&shared.word_), FSY_READERS_JOINED_);
	fsy_rwmutex_lock(&shared);
	fsy_rwmutex_unlock(&shared);
	assert_int_equal(fsy_atomic_u32_load(&shared.word_), FSY_READERS_FENCED_);
}

/* Readers who have joined leave no signs that the lock is read: the writers that ask do. */
static void
test_asking_is_a_sign(void **state)
{
	pthread_t thread;

	(void)state;
	if (!joined_possible())
		skip();
	shared.writes_ = 1;
	shared.calm_ = 40;
	thread = joined_start(joined_busy, &shared);
	fsyi_tune.brief_spin_ns = TEST_PATIENCE_NS;
	fsy_rwmutex_lock(&shared);
	fsy_rwmutex_unlock(&shared);
	joined_stop();
	joined_end(thread);
	assert_int_equal(shared.calm_, 20);
}

/* A read that is looked at more closely, the round-th of its kind. */
static void
sample(uint32_t round)
{
	fsy_reader_->reads = round * FSY_READS_SAMPLED_ - 1;
	fsy_rwmutex_rlock(&shared);
	fsy_rwmutex_runlock(&shared);
}

/* As many writes in so many samples. */
static bool
joins_after(int writes, int samples, int doubt, uint32_t round)
{
	rw_begin(&shared, READERS_FENCED);
	shared.writes_ = (uint16_t)(round * 1000);               /* not those of the round before */
	sample(round);
	shared.doubt_ = (uint8_t)doubt;
	while (samples-- > 1)
		sample(round);
	for (int i = 0; i < writes; i++) {
		fsy_rwmutex_lock(&shared);
		fsy_rwmutex_unlock(&shared);
	}
	sample(round);
	return fsy_atomic_u32_load(&shared.word_) == FSY_READERS_JOINED_;
}

static void
test_when_readers_join(void **state)
{
	int64_t calm = fsyi_tune.readers_calm_ns;
	uint32_t lines = fsy_atomic_u32_load(&fsyi_reader_lines);

	(void)state;
	if (!joined_possible() || fsyi_cpu_count() == 1)
		skip();
	fsyi_tune.readers_calm_ns = TEST_PATIENCE_NS;
	assert_true(joins_after(1, 1, 0, 1));
	assert_true(joins_after(MOST_WRITES, 1, 0, 2));
	assert_false(joins_after(MOST_WRITES + 1, 1, 0, 3));
	assert_true(joins_after(MOST_WRITES + 1, 2, 0, 4));
	assert_false(joins_after(0, SAMPLES_PER_CLOCK, 0, 5));
	assert_false(joins_after(1, 1, 2, 9));
	assert_false(joins_after(1, 1, 2, 10));
	assert_false(joins_after(1, 1, 2, 11));
	assert_true(joins_after(1, 1, 2, 12));
	if (fsyi_cpu_count() > 2) {                              /* more threads would have to answer */
		fsy_atomic_u32_store(&fsyi_reader_lines, 3);
		assert_true(joins_after(MOST_WRITES / 2, 1, 0, 13));
		assert_false(joins_after(MOST_WRITES / 2 + 1, 1, 0, 14));
		fsy_atomic_u32_store(&fsyi_reader_lines, lines);
	}
	fsyi_tune.readers_calm_ns = 0;                           /* writes are far between: the next ones may pay */
	assert_false(joins_after(1, 1, 0, 15));
	fsyi_tune.readers_calm_ns = calm;
}

/* Where writes have ceased readers need not be asked any more. */
static void
test_readers_who_joined_read_plainly(void **state)
{
	int64_t calm = fsyi_tune.readers_calm_ns;

	(void)state;
	if (!joined_possible())
		skip();
	fsyi_tune.readers_calm_ns = 0;
	fsyi_reader_part(&shared.readers_);
	for (int i = 0; i <= SAMPLES_PER_CLOCK; i++)
		sample(1);
	assert_int_equal(fsy_atomic_u32_load(&shared.word_), FSY_READERS_PLAIN_);
	fsyi_tune.readers_calm_ns = calm;
}

/* What it is for. */
static void
test_joined_reads_do_not_fence(void **state)
{
	int64_t calm = fsyi_tune.readers_calm_ns;
	uint32_t fenced;

	(void)state;
	if (!joined_possible() || !FSY_FAST)
		skip();
	fsyi_tune.readers_calm_ns = TEST_PATIENCE_NS;
	fsyi_reader_part(&shared.readers_);
	fsy_reader_->reads = 0;
	fsy_rwmutex_rlock(&shared);
	fsy_rwmutex_runlock(&shared);
	assert_int_equal(fsy_reader_->reads, 1);
	sample(1);
	shared.writes_++;
	sample(2);
	assert_true(has_joined());
	fenced = fsy_reader_->reads;
	fsy_rwmutex_rlock(&shared);
	fsy_rwmutex_runlock(&shared);
	assert_int_equal(fsy_reader_->reads, fenced);
	fsyi_tune.readers_calm_ns = calm;
}

#define TEST(test) { #test, test, choose, NULL, NULL }

static const struct CMUnitTest tests[] = {
	TEST(test_doubt),
	TEST(test_lease),
	TEST(test_asking_is_a_sign),
	TEST(test_when_readers_join),
	TEST(test_readers_who_joined_read_plainly),
	TEST(test_joined_reads_do_not_fence),
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "when readers join", tests, sizeof(tests) / sizeof(tests[0]), readers_settings, 0 };

	return settings_main(argc, argv, &group);
}
