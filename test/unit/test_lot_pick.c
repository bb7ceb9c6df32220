/* SPDX-License-Identifier: MIT */
/* Whom fsyi_queue_pick serves: the preferences of lot.h against a plain reading of them, and the bound on being passed. */
#include "lib/sys/tune.h"
#include "test/support/crowd.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int key;

static struct fsyi_waitq *
queue_of(struct crowd *crowd)
{
	return fsyi_queue_find(&crowd->bucket, &key);
}

static int
pick(struct crowd *crowd, int node, int cpu, bool elsewhere, bool strict)
{
	struct fsyi_preference preference = { node, cpu, elsewhere, strict };

	return crowd_index(crowd, fsyi_queue_pick(queue_of(crowd), preference));
}

static void
test_node_then_cpu(void **state)
{
	static const int nodes[] = { 0, 0, 1, 2, 1, 2, 17 }, cpus[] = { 4, 5, 6, 7, 7, 8, 9 };
	struct crowd crowd;

	(void)state;
	fsyi_tune.node_batch = 100;
	crowd_make(&crowd, 7);
	for (int i = 0; i < 7; i++)
		crowd_join(&crowd, i, &key, nodes[i], cpus[i], false);
	assert_int_equal(pick(&crowd, -1, -1, false, false), 0);         /* no preference: the eldest */
	assert_int_equal(pick(&crowd, 1, -1, false, false), 2);          /* the eldest of a node */
	assert_int_equal(pick(&crowd, 2, -1, false, false), 3);
	assert_int_equal(pick(&crowd, 5, -1, false, false), 0);          /* where nobody waits */
	assert_int_equal(pick(&crowd, 1, 7, false, false), 4);           /* on a CPU of that node */
	assert_int_equal(pick(&crowd, 1, 6, true, false), 4);            /* on another */
	assert_int_equal(pick(&crowd, 1, 7, true, false), 2);
	assert_int_equal(pick(&crowd, 1, 5, false, false), 2);           /* nobody on that CPU: the eldest there */
	assert_int_equal(pick(&crowd, 1, 5, false, true), -1);           /* or nobody */
	assert_int_equal(pick(&crowd, 2, 8, false, true), 5);
	assert_int_equal(pick(&crowd, -1, 5, false, false), 1);
	for (int i = 0; i < 7; i++)
		crowd_leave(&crowd, i);
	crowd_free(&crowd);
}

/* The eldest, whom others were preferred to, is passed only within the batch. */
static void
test_batch_is_closed(void **state)
{
	struct crowd crowd;

	(void)state;
	fsyi_tune.node_batch = 4;
	crowd_make(&crowd, 12);
	for (int i = 0; i < 12; i++)
		crowd_join(&crowd, i, &key, i == 0 ? 0 : 1, 0, false);
	for (int served = 1; served <= 3; served++) {
		assert_int_equal(pick(&crowd, 1, -1, false, false), served);
		crowd_leave(&crowd, served);
	}
	assert_int_equal(pick(&crowd, 1, -1, false, false), 0);
	crowd_leave(&crowd, 0);
	assert_int_equal(pick(&crowd, 0, -1, false, false), 4);
	fsyi_tune.node_batch = 1;                        /* no preference left */
	crowd_join(&crowd, 0, &key, 0, 0, true);
	assert_int_equal(pick(&crowd, 1, -1, false, false), 0);
	crowd_free(&crowd);
}

/* What lot.h says of a choice, checked without knowing how many "the first few" are. */
static void
assert_sensible(struct crowd *crowd, struct fsyi_preference want, const struct fsyi_thread *choice)
{
	struct fsyi_waitq *queue = queue_of(crowd);
	uint64_t limit = queue->all.head->seniority + (uint64_t)fsyi_tune.node_batch;
	const struct fsyi_thread *first = NULL, *thread;

	for (thread = queue->all.head; thread != NULL && thread->seniority < limit && first == NULL; thread = thread->next)
		if (want.node >= 0 && thread->node % FSYI_NODE_QUEUES == want.node % FSYI_NODE_QUEUES)
			first = thread;
	first = first != NULL ? first : queue->all.head;
	if (choice != NULL) {
		assert_true(choice->queue == queue && choice->seniority < limit);
		assert_int_equal(choice->node % FSYI_NODE_QUEUES, first->node % FSYI_NODE_QUEUES);
	}
	if ((first->cpu == want.cpu) != want.elsewhere)
		assert_ptr_equal(choice, first);
	else if (want.strict)
		assert_true(choice == NULL || (choice->cpu == want.cpu) != want.elsewhere);
	else
		assert_true(choice == first || (choice->cpu == want.cpu) != want.elsewhere);
}

enum { CROWD = 300, STEPS = 20000 };

struct history {
	int before[CROWD];                               /* waiters before it when it came */
	int others[CROWD];                               /* served while it waited */
};

static void
come(struct crowd *crowd, struct history *history, int who, uint64_t random)
{
	struct fsyi_waitq *queue = queue_of(crowd);

	history->before[who] = queue != NULL ? (int)queue->count : 0;
	history->others[who] = 0;
	crowd_join(crowd, who, &key, (int)(random % 5) * 4, (int)((random >> 8) % 6), false);
}

static void
serve(struct crowd *crowd, struct history *history, int who)
{
	crowd_leave(crowd, who);
	for (int i = 0; i < crowd->count; i++)
		if (crowd->people[i].queue != NULL)
			history->others[i]++;
	if (history->others[who] > history->before[who] + (int)fsyi_tune.node_batch - 1)
		fail_msg("%d came before it, %d were served before it, in batches of %d", history->before[who], history->others[who],
			 (int)fsyi_tune.node_batch);
}

/* Waiters come, give up, and are served as nodes and CPUs would have it; k before it, at most k + batch - 1 served before. */
static void
serve_at_random(uint64_t *seed, int batch)
{
	static struct history history;
	struct crowd crowd;

	fsyi_tune.node_batch = batch;
	crowd_make(&crowd, CROWD);
	for (int step = 0; step < stress_count(STEPS); step++) {
		uint64_t random = test_random(seed);
		int who = (int)(random % CROWD), kind = (int)((random >> 16) % 16);

		if (crowd.people[who].queue == NULL && kind < 12) {
			come(&crowd, &history, who, random >> 32);
		} else if (crowd.people[who].queue != NULL && kind == 15) {
			crowd_leave(&crowd, who);        /* its deadline passed */
		} else if (queue_of(&crowd) != NULL) {
			/* One node and one CPU are preferred for long. */
			struct fsyi_preference want = { step % 2000 < 1500 ? 8 : (int)((random >> 24) % 8) * 4 - 4, (int)((random >> 32) % 7) - 1,
							(random >> 40) % 2 == 0, (random >> 48) % 4 == 0 };
			struct fsyi_thread *choice = fsyi_queue_pick(queue_of(&crowd), want);

			assert_sensible(&crowd, want, choice);
			if (choice != NULL)
				serve(&crowd, &history, crowd_index(&crowd, choice));
		}
	}
	while (queue_of(&crowd) != NULL)
		serve(&crowd, &history, pick(&crowd, 8, -1, false, false));
	if (crowd_check_gone(&crowd) != NULL)
		fail_msg("%s", crowd_check_gone(&crowd));
	crowd_free(&crowd);
}

static void
test_bound_on_being_passed(void **state)
{
	static const int batches[] = { 1, 2, 7, 64, 200 };
	uint64_t seed = test_seed();

	(void)state;
	for (int i = 0; i < 5; i++)
		serve_at_random(&seed, batches[i]);
}

/* The bound is not met by ignoring the preference: within it, those of the node come first. */
static void
test_preference_is_used(void **state)
{
	struct crowd crowd;
	int local = 0;

	(void)state;
	fsyi_tune.node_batch = 64;
	crowd_make(&crowd, 64);
	for (int i = 0; i < 64; i++)
		crowd_join(&crowd, i, &key, i % 8, 0, false);
	for (int node = 3, i = 0; i < 64; i++) {
		int who = pick(&crowd, node, -1, false, false);

		local += crowd.people[who].node == node;
		node = crowd.people[who].node;
		crowd_leave(&crowd, who);
	}
	assert_int_equal(local, 64 - 7);                 /* eight nodes, one after the other */
	crowd_free(&crowd);
}

/* A turn is over sooner the more wait, within limits. */
static void
test_turns(void **state)
{
	struct crowd crowd;
	int64_t before = INT64_MAX, length = 0;

	(void)state;
	crowd_make(&crowd, 200);
	for (int i = 0; i < 200; i++) {
		crowd_join(&crowd, i, &key, 0, 0, false);
		fsyi_queue_turn(&crowd.bucket, queue_of(&crowd), 1000);
		length = queue_of(&crowd)->turn_at - 1000;
		assert_true(length >= fsyi_tune.turn_min_ns && length <= fsyi_tune.turn_max_ns && length <= before);
		assert_int_equal(fsy_atomic_i64_load(&crowd.bucket.turn_hint), 1000 + length);
		before = length;
	}
	assert_true(length < fsyi_tune.turn_max_ns);
	crowd_free(&crowd);
}

/* Of whoever begins a queue the time is taken once, when its wait begins. */
static void
test_first_turn_begins_with_the_wait(void **state)
{
	struct crowd crowd;
	int64_t length;

	(void)state;
	crowd_make(&crowd, 2);
	crowd.people[0].since = 1000000;
	crowd.people[1].since = 9000000;
	crowd_join(&crowd, 0, &key, 0, 0, false);
	length = queue_of(&crowd)->turn_at - 1000000;
	assert_true(length >= fsyi_tune.turn_min_ns && length <= fsyi_tune.turn_max_ns);
	crowd_join(&crowd, 1, &key, 0, 0, false);        /* joins a turn that has begun */
	assert_int_equal(queue_of(&crowd)->turn_at - 1000000, length);
	crowd_leave(&crowd, 0);
	crowd_leave(&crowd, 1);
	crowd_free(&crowd);
}

/* A neighbour in the bucket that keeps making turns does not hide the turn of a queue that is due before. */
static void
test_hint_is_the_earliest_turn(void **state)
{
	static int neighbour;
	struct crowd crowd;
	struct fsyi_waitq *hot;
	int64_t ours;

	(void)state;
	crowd_make(&crowd, 3);
	crowd_join(&crowd, 0, &key, 0, 0, false);
	ours = queue_of(&crowd)->turn_at;
	crowd_join(&crowd, 1, &neighbour, 0, 0, false);
	hot = fsyi_queue_find(&crowd.bucket, &neighbour);
	fsyi_queue_turn(&crowd.bucket, hot, ours + 1000);
	assert_true(hot->turn_at > ours);
	assert_true(fsy_atomic_i64_load(&crowd.bucket.turn_hint) == ours);
	crowd_leave(&crowd, 0);
	assert_true(fsy_atomic_i64_load(&crowd.bucket.turn_hint) == hot->turn_at);
	crowd_join(&crowd, 0, &key, 0, 0, true);         /* comes back, alone, and its turn goes on */
	assert_true(queue_of(&crowd)->turn_at == ours);
	assert_true(fsy_atomic_i64_load(&crowd.bucket.turn_hint) == ours);
	crowd_leave(&crowd, 0);
	crowd_join(&crowd, 2, &key, 0, 0, false);        /* somebody else has begun a queue since */
	fsyi_queue_turn(&crowd.bucket, queue_of(&crowd), ours + 1000);
	crowd_join(&crowd, 0, &key, 0, 0, true);
	assert_true(queue_of(&crowd)->turn_at == ours);
	assert_true(fsy_atomic_i64_load(&crowd.bucket.turn_hint) == ours);
	fsyi_queue_turn(&crowd.bucket, queue_of(&crowd), ours - 1000000);
	crowd_leave(&crowd, 0);
	fsyi_queue_turn(&crowd.bucket, queue_of(&crowd), ours - 2000000);
	ours = queue_of(&crowd)->turn_at;
	crowd_join(&crowd, 0, &key, 0, 0, true);         /* a turn is not put off */
	assert_true(queue_of(&crowd)->turn_at == ours);
	for (int i = 0; i < 3; i++)
		crowd_leave(&crowd, i);
	crowd_free(&crowd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node_then_cpu),         cmocka_unit_test(test_batch_is_closed),
		cmocka_unit_test(test_bound_on_being_passed), cmocka_unit_test(test_preference_is_used),
		cmocka_unit_test(test_turns),                 cmocka_unit_test(test_hint_is_the_earliest_turn),
		cmocka_unit_test(test_first_turn_begins_with_the_wait),
	};

	watchdog("lot's choice", 200);
	return cmocka_run_group_tests_name("lot's choice", tests, NULL, NULL);
}
