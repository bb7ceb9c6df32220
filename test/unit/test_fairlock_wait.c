/* SPDX-License-Identifier: MIT */
/* Who waits for whom at a fair rwlock, and who comes next: with strict turns, and with tenures. */
#include "lib/sys/tune.h"
#include "test/support/fairlocks.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/role.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static fsy_fair_rwlock_t shared;

static int
choose(enum readers_mode mode)
{
	fair_begin(&shared, mode);
	roles_clear();
	return 0;
}

static int choose_counted(void **state) { (void)state; return choose(READERS_COUNTED); }
static int choose_fenced(void **state) { (void)state; return choose(READERS_FENCED); }
static int choose_plain(void **state) { (void)state; return choose(READERS_PLAINLY); }

enum { QUEUED = 4 };

static void *
read_once(void *arg)
{
	W_CHECK(fsy_fair_rwlock_rlock(&shared) == 0);
	role_play(arg);
	fsy_fair_rwlock_runlock(&shared);
	return NULL;
}

static void *
write_once(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock(&shared) == 0);
	role_play(arg);
	fsy_fair_rwlock_unlock(&shared);
	return NULL;
}

/* A second writer and some readers sleep while the calling thread writes. */
static void
let_them_queue(pthread_t *threads, struct role *second, struct role *others)
{
	threads[0] = worker_start(write_once, second);
	wait_until_parked(&shared, 1);
	for (int i = 0; i < QUEUED; i++)
		threads[1 + i] = worker_start(read_once, others);
	wait_until_parked(&shared, 1 + QUEUED);
}

/* The writer goes on as a reader. All readers that queued are beside it at once; the second writer, elder than any of them, comes after them,
 * and after the first. */
static void
test_r4_nobody_gets_in_between(void **state)
{
	struct role second = ROLE("the second writer", 1), others = ROLE("every queued reader", QUEUED + 1);
	pthread_t threads[QUEUED + 1];

	(void)state;
	assert_int_equal(fsy_fair_rwlock_lock(&shared), 0);
	let_them_queue(threads, &second, &others);
	assert_int_equal(roles_came(), 0);
	gate_open(&second.leave);
	fsy_fair_rwlock_downgrade(&shared);
	gate_meet(&others.inside, QUEUED + 1);           /* all of them, while this thread reads */
	assert_int_equal(roles_came(), QUEUED);
	gate_open(&others.leave);
	for (int i = 0; i < QUEUED; i++)
		worker_join(threads[1 + i]);
	assert_int_equal(roles_came(), QUEUED);   /* W2 waits for us alone */
	fsy_fair_rwlock_runlock(&shared);
	worker_join(threads[0]);
	workers_assert();
	assert_int_equal(second.came.cell_, QUEUED + 1);
	assert_fair_at_rest(&shared);
}

/* The same for an unlock, where turns are strict; readers that come while the second writer waits for those before it queue behind it. */
static void
test_phases_alternate(void **state)
{
	struct role second = ROLE("the second writer", 2), others = ROLE("every queued reader", QUEUED + 1), late = ROLE("the late reader", 1);
	pthread_t threads[QUEUED + 1], last;
	int64_t tenure = fair_set_tenure(0);

	(void)state;
	assert_int_equal(fsy_fair_rwlock_lock(&shared), 0);
	let_them_queue(threads, &second, &others);
	fsy_fair_rwlock_unlock(&shared);
	gate_meet(&others.inside, QUEUED + 1);
	assert_int_equal(roles_came(), QUEUED);
	wait_until_parked(fair_drain_key(&shared), 1);   /* it has the lock, and waits for the readers to leave */
	assert_int_equal(fsy_fair_rwlock_tryrlock(&shared), FSY_EBUSY);
	assert_int_equal(fsy_fair_rwlock_rlock_until(&shared, fsy_after_ns(100000)), FSY_ETIMEDOUT);
	last = worker_start(read_once, &late);
	wait_until_parked(&shared, 1);
	gate_open(&others.leave);
	gate_meet(&second.inside, 2);
	assert_int_equal(second.came.cell_, QUEUED + 1);
	gate_open(&late.leave);
	gate_open(&second.leave);
	worker_join(last);
	for (int i = 0; i < QUEUED + 1; i++)
		worker_join(threads[i]);
	fair_set_tenure(tenure);
	workers_assert();
	assert_int_equal(late.came.cell_, QUEUED + 2);
	assert_fair_at_rest(&shared);
}

/* Who falls asleep within its tenure has no claim yet; who does so after it has. */
static void
test_claims_after_a_tenure(void **state)
{
	static const int64_t tenures[] = { INT64_C(1000) * 1000 * 1000 * 1000, 1 };
	int64_t tenure = fair_set_tenure(tenures[0]);

	(void)state;
	for (int due = 0; due < 2; due++) {
		struct role reader = ROLE("the reader", 1);
		pthread_t thread;

		fair_set_tenure(tenures[due]);
		gate_open(&reader.leave);
		assert_int_equal(fsy_fair_rwlock_lock(&shared), 0);
		thread = worker_start(read_once, &reader);
		wait_until_parked(&shared, 1);
		assert_int_equal(fair_sleeper_is_due(&shared), due);
		fsy_fair_rwlock_unlock(&shared);
		worker_join(thread);
	}
	fair_set_tenure(tenure);
	workers_assert();
	assert_fair_at_rest(&shared);
}

/* Writers come in the order of their coming, whoever comes by meanwhile. A batch prefers those of one node, so they all are of one. */
static void *
write_in_turn(void *arg)
{
	if (fsyi_tune.node_batch > 1)
		W_CHECK(fsy_thread_set_node(0) == 0);
	return write_once(arg);
}

static void
test_writers_queue(void **state)
{
	struct role roles[QUEUED] = { ROLE("W1", 1), ROLE("W2", 1), ROLE("W3", 1), ROLE("W4", 1) };
	pthread_t threads[QUEUED];
	int64_t tenure = fair_set_tenure(0);

	(void)state;
	assert_int_equal(fsy_fair_rwlock_lock(&shared), 0);
	for (unsigned int i = 0; i < QUEUED; i++) {
		gate_open(&roles[i].leave);
		threads[i] = worker_start(write_in_turn, &roles[i]);
		wait_until_parked(&shared, i + 1);
		assert_int_equal(fsy_fair_rwlock_lock_until(&shared, fsy_after_ns(50000)), FSY_ETIMEDOUT);
	}
	wait_until_sleeping(&shared, QUEUED);
	fsy_fair_rwlock_unlock(&shared);
	for (int i = 0; i < QUEUED; i++) {
		worker_join(threads[i]);
		if (roles[i].came.cell_ != (unsigned int)i + 1)
			fail_msg("writer %d came as number %u", i + 1, roles[i].came.cell_);
	}
	fair_set_tenure(tenure);
	workers_assert();
	assert_fair_at_rest(&shared);
}

/* The writer gives up; the readers that it kept out are let in beside the one that it waited for, and what else waited goes on. */
static void *
give_up(void *arg)
{
	W_CHECK(fsy_fair_rwlock_lock_until(&shared, *(fsy_deadline_t *)arg) == FSY_ETIMEDOUT);
	return NULL;
}

static void
test_timed_out_writer_lets_readers_in(void **state)
{
	fsy_deadline_t deadline;
	pthread_t writer, reader;
	bool queued = false;

	(void)state;
	for (int64_t patience = 20; !queued && patience < 20000; patience *= 4) {
		struct role late = ROLE("the late reader", 1);

		fair_begin(&shared, READERS_COUNTED);
		assert_int_equal(fsy_fair_rwlock_rlock(&shared), 0);
		deadline = fsy_after_ms(patience);
		writer = worker_start(give_up, &deadline);
		gate_open(&late.leave);
		while (fsy_now() < deadline && parked_on(fair_drain_key(&shared)) == 0)
			sched_yield();
		reader = worker_start(read_once, &late);
		while (fsy_now() < deadline && parked_on(&shared) == 0)
			sched_yield();
		queued = parked_on(&shared) == 1;
		worker_join(writer);
		worker_join(reader);                     /* while this thread still reads */
		fsy_fair_rwlock_runlock(&shared);
		assert_fair_at_rest(&shared);
	}
	workers_assert();
	assert_true(queued);
}

/* A hold that a stranger gives back, or that its thread leaves behind for one, is what a sleeping writer waits for. */
static void *
runlock_once(void *arg)
{
	fsy_fair_rwlock_runlock(arg);
	return NULL;
}

static void
test_sleeping_writer_hears_of_a_stranger(void **state)
{
	struct role writer = ROLE("the writer", 1);
	pthread_t thread;

	(void)state;
	assert_int_equal(fsy_fair_rwlock_rlock(&shared), 0);
	gate_open(&writer.leave);
	thread = worker_start(write_once, &writer);
	wait_until_parked(fair_drain_key(&shared), 1);
	assert_false(fsy_fair_rwlock_try_upgrade(&shared));      /* a writer waits */
	worker_join(worker_start(runlock_once, &shared));
	worker_join(thread);
	assert_fair_at_rest(&shared);
}

#define EACH(test) \
	{ #test " (counted)", test, choose_counted, NULL, NULL }, { #test " (fenced)", test, choose_fenced, NULL, NULL }, \
	{ #test " (plain)", test, choose_plain, NULL, NULL }

static const struct CMUnitTest tests[] = {
	EACH(test_r4_nobody_gets_in_between),
	EACH(test_phases_alternate),
	EACH(test_claims_after_a_tenure),
	EACH(test_writers_queue),
	EACH(test_timed_out_writer_lets_readers_in),
	EACH(test_sleeping_writer_hears_of_a_stranger),
};

static const char *const strict[] = { "FASTSYNC_TENURE_NS=0", NULL };
static const char *const counted[] = { "FASTSYNC_READERS=off", NULL };
static const char *const fenced[] = { "FASTSYNC_MEMBARRIER=off", NULL };
static const char *const nodes[] = { "FASTSYNC_TOPOLOGY=8", "FASTSYNC_NODE_BATCH=1", NULL };
static const char *const *const settings[] = { counted, fenced, nodes, strict, NULL };

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "waits at a fair rwlock", tests, sizeof(tests) / sizeof(tests[0]), settings, 0 };

	return settings_main(argc, argv, &group);
}
