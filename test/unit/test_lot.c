/* SPDX-License-Identifier: MIT */
/* The lot's queues: order, both lists, lent headers, removal in constant time. Who is picked: test_lot_pick.c. */
#include "test/support/crowd.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int keys[8];

static void
assert_sound(const struct crowd *crowd, const void *key)
{
	const struct fsyi_waitq *queue = fsyi_queue_find((struct fsyi_bucket *)(uintptr_t)&crowd->bucket, key);
	const char *wrong = queue != NULL ? crowd_check(queue) : NULL;

	if (wrong != NULL)
		fail_msg("%s", wrong);
}

static void
assert_gone(const struct crowd *crowd)
{
	const char *wrong = crowd_check_gone(crowd);

	if (wrong != NULL)
		fail_msg("%s", wrong);
}

/* The waiters of a key by age, as a string of digits. */
static const char *
line_of(struct crowd *crowd, const void *key, char text[16])
{
	const struct fsyi_waitq *queue = fsyi_queue_find(&crowd->bucket, key);
	int n = 0;

	for (const struct fsyi_thread *thread = queue ? queue->all.head : NULL; thread != NULL; thread = thread->next)
		text[n++] = (char)('0' + crowd_index(crowd, thread));
	text[n] = '\0';
	return text;
}

static void
test_first_come_first_in_line(void **state)
{
	struct crowd crowd;
	char text[16];

	(void)state;
	crowd_make(&crowd, 8);
	for (int i = 0; i < 6; i++) {
		crowd_join(&crowd, i, &keys[0], i % 3, 0, false);
		assert_sound(&crowd, &keys[0]);
	}
	assert_string_equal(line_of(&crowd, &keys[0], text), "012345");
	crowd_leave(&crowd, 0);                          /* whose header it was, perhaps */
	crowd_leave(&crowd, 3);
	crowd_leave(&crowd, 5);
	assert_sound(&crowd, &keys[0]);
	assert_string_equal(line_of(&crowd, &keys[0], text), "124");
	crowd_join(&crowd, 0, &keys[0], 0, 0, true);     /* keeps its place: it was the eldest */
	crowd_join(&crowd, 7, &keys[0], 1, 0, false);
	crowd_join(&crowd, 6, &keys[0], 2, 0, false);
	crowd_leave(&crowd, 7);
	crowd_join(&crowd, 7, &keys[0], 1, 0, true);     /* between two others */
	assert_sound(&crowd, &keys[0]);
	assert_string_equal(line_of(&crowd, &keys[0], text), "012476");
	for (int i = 0; i < 8; i++)
		if (crowd.people[i].queue != NULL)
			crowd_leave(&crowd, i);
	assert_gone(&crowd);
	crowd_join(&crowd, 2, &keys[0], 0, 0, true);     /* alone again */
	assert_sound(&crowd, &keys[0]);
	crowd_leave(&crowd, 2);
	assert_gone(&crowd);
	crowd_free(&crowd);
}

static void
test_keys_are_told_apart(void **state)
{
	struct crowd crowd;
	char text[16];

	(void)state;
	crowd_make(&crowd, 9);
	for (int i = 0; i < 9; i++)
		crowd_join(&crowd, i, &keys[i % 3], 0, 0, false);
	assert_null(fsyi_queue_find(&crowd.bucket, &keys[3]));
	crowd_leave(&crowd, 1);
	crowd_leave(&crowd, 4);
	crowd_leave(&crowd, 7);
	assert_string_equal(line_of(&crowd, &keys[0], text), "036");
	assert_string_equal(line_of(&crowd, &keys[2], text), "258");
	assert_null(fsyi_queue_find(&crowd.bucket, &keys[1]));
	for (int i = 0; i < 9; i++)
		if (crowd.people[i].queue != NULL)
			crowd_leave(&crowd, i);
	assert_gone(&crowd);
	crowd_free(&crowd);
}

/* Against a line kept as an array, the obvious way. */
enum { CROWD = 200, STEPS = 20000, KEYS = 3 };
static int line[KEYS][CROWD], length[KEYS];
static int ticket[CROWD], tickets;

/* Who comes again keeps the ticket it had. */
static void
model_insert(int key, int who, bool again)
{
	int at = 0;

	if (!again)
		ticket[who] = ++tickets;
	while (at < length[key] && ticket[line[key][at]] < ticket[who])
		at++;
	memmove(&line[key][at + 1], &line[key][at], sizeof(int) * (size_t)(length[key] - at));
	line[key][at] = who;
	length[key]++;
}

static void
model_remove(int key, int who)
{
	int at = 0;

	while (line[key][at] != who)
		at++;
	memmove(&line[key][at], &line[key][at + 1], sizeof(int) * (size_t)(--length[key] - at));
}

static void
assert_as_model(struct crowd *crowd, int key)
{
	const struct fsyi_waitq *queue = fsyi_queue_find(&crowd->bucket, &keys[key]);
	const struct fsyi_thread *thread = queue != NULL ? queue->all.head : NULL;

	assert_sound(crowd, &keys[key]);
	for (int i = 0; i < length[key]; i++, thread = thread->next)
		assert_int_equal(crowd_index(crowd, thread), line[key][i]);
	assert_null(thread);
}

static void
test_random_comings_and_goings(void **state)
{
	uint64_t seed = test_seed();
	int home[CROWD];
	struct crowd crowd;

	(void)state;
	crowd_make(&crowd, CROWD);
	memset(length, 0, sizeof(length));
	memset(ticket, 0, sizeof(ticket));
	tickets = 0;
	for (int step = 0; step < stress_count(STEPS); step++) {
		uint64_t random = test_random(&seed);
		int who = (int)(random % CROWD), key = (int)((random >> 16) % KEYS);

		if (crowd.people[who].queue == NULL) {
			bool again = ticket[who] > 0 && (random >> 32) % 4 == 0;

			home[who] = key;
			model_insert(key, who, again);
			crowd_join(&crowd, who, &keys[key], (int)((random >> 40) % 40), 0, again);
		} else {
			key = home[who];
			model_remove(key, who);
			crowd_leave(&crowd, who);
		}
		assert_as_model(&crowd, key);
	}
	for (int i = 0; i < CROWD; i++)
		if (crowd.people[i].queue != NULL)
			crowd_leave(&crowd, i);
	assert_gone(&crowd);
	crowd_free(&crowd);
}

/* Nanoseconds to leave from the middle of a line that long: the best of a few tries. */
static int64_t
cost_of_leaving(int people)
{
	int64_t best = INT64_MAX;
	struct crowd crowd;

	crowd_make(&crowd, people);
	for (int i = 0; i < people; i++)
		crowd_join(&crowd, i, &keys[0], i % 20, 0, false);
	for (int round = 0; round < 20; round++) {
		int64_t start = fsy_now(), took;

		for (int i = 0; i < 20; i++)
			crowd_leave(&crowd, people / 2 - 200 + round * 20 + i);
		took = fsy_now() - start;
		best = took < best ? took : best;
	}
	assert_sound(&crowd, &keys[0]);
	crowd_free(&crowd);
	return best / 20;
}

/* Who times out leaves at once, however long the line: a search would take a hundred times as long in the longer one. */
static void
test_leaving_takes_constant_time(void **state)
{
	int64_t brief = cost_of_leaving(500), lengthy = cost_of_leaving(50000);

	(void)state;
	if (lengthy > 20 * (brief + 50))
		fail_msg("leaving took %ld ns of 500, %ld ns of 50000", (long)brief, (long)lengthy);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_come_first_in_line),
		cmocka_unit_test(test_keys_are_told_apart),
		cmocka_unit_test(test_random_comings_and_goings),
		cmocka_unit_test(test_leaving_takes_constant_time),
	};

	watchdog("lot", 200);
	return cmocka_run_group_tests_name("lot", tests, NULL, NULL);
}
