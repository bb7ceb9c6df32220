/* SPDX-License-Identifier: MIT */
/* The attention table: a slot's byte is up while any queue of its addresses is armed, and down at rest. */
#include "test/support/child.h"
#include "test/support/crowd.h"
#include "test/support/locks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Different addresses of one attention slot. */
static void
same_slot(const void **found, int count)
{
	uintptr_t address = 0x100000;
	uint32_t slot = fsy_attention_slot_((const void *)address);

	for (int n = 0; n < count; address += 4)
		if (fsy_attention_slot_((const void *)address) == slot)
			found[n++] = (const void *)address;
}

static struct fsyi_waitq *
queue_of(struct crowd *crowd, int who)
{
	return crowd->people[who].queue;
}

static void
test_attention(void **state)
{
	const void *same[3];
	struct crowd crowd;
	const uint8_t *byte;

	(void)state;
	fsyi_lot_publish_attention();
	same_slot(same, 3);
	byte = fsy_attention_ + fsy_attention_slot_(same[0]);
	crowd_make(&crowd, 4);
	for (int i = 0; i < 3; i++)
		crowd_join(&crowd, i, same[i], 0, 0, false);
	crowd_join(&crowd, 3, same[2], 0, 0, false);
	assert_int_equal(*byte, 0);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));        /* whose buckets are others */
	for (int i = 0; i < 3; i++) {
		fsyi_queue_arm(queue_of(&crowd, i));
		fsyi_queue_arm(queue_of(&crowd, i));     /* counts once */
		assert_int_equal(*byte, i + 1);
	}
	assert_false(fsyi_lot_is_idle(&fsyi_lot));
	fsyi_queue_disarm(queue_of(&crowd, 0));
	fsyi_queue_disarm(queue_of(&crowd, 0));
	assert_int_equal(*byte, 2);
	crowd_leave(&crowd, 1);                          /* an empty queue wants no attention */
	assert_int_equal(*byte, 1);
	crowd_leave(&crowd, 2);
	assert_int_equal(*byte, 1);                      /* somebody still waits there */
	crowd_leave(&crowd, 3);
	assert_int_equal(*byte, 0);
	crowd_leave(&crowd, 0);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
	assert_null(crowd_check_gone(&crowd));
	crowd_free(&crowd);
}

/* That users of the object read the byte is known of a queue while it is armed, and no longer. */
static void
test_what_is_known_goes_with_the_queue(void **state)
{
	static int key;
	struct crowd crowd;

	(void)state;
	fsyi_lot_publish_attention();
	crowd_make(&crowd, 2);
	crowd_join(&crowd, 0, &key, 0, 0, false);
	crowd_join(&crowd, 1, &key, 0, 0, false);
	fsyi_queue_arm(queue_of(&crowd, 0));
	queue_of(&crowd, 0)->known = true;
	crowd_leave(&crowd, 0);
	assert_true(queue_of(&crowd, 1)->known);         /* the queue goes on */
	fsyi_queue_disarm(queue_of(&crowd, 1));
	assert_false(queue_of(&crowd, 1)->known);
	fsyi_queue_arm(queue_of(&crowd, 1));
	queue_of(&crowd, 1)->known = true;
	crowd_leave(&crowd, 1);
	crowd_join(&crowd, 1, &key, 0, 0, false);        /* the header it left with */
	assert_false(queue_of(&crowd, 1)->known);
	crowd_leave(&crowd, 1);
	assert_null(crowd_check_gone(&crowd));
	crowd_free(&crowd);
}

/* More armed queues than a byte can count: it may stay up for good, but never read 0 while one of them is armed. */
static int
overflow_attention(void *arg)
{
	enum { MANY = 300 };
	static const void *same[MANY];
	static struct crowd crowd;
	const uint8_t *byte;

	(void)arg;
	fsyi_lot_publish_attention();
	same_slot(same, MANY);
	byte = fsy_attention_ + fsy_attention_slot_(same[0]);
	crowd_make(&crowd, MANY);
	for (int i = 0; i < MANY; i++) {
		crowd_join(&crowd, i, same[i], 0, 0, false);
		fsyi_queue_arm(queue_of(&crowd, i));
		CHILD_CHECK(*byte != 0);
	}
	for (int i = 0; i < MANY - 1; i++) {
		crowd_leave(&crowd, i);
		CHILD_CHECK(*byte != 0);
	}
	return 0;
}

static void
test_attention_does_not_wrap(void **state)
{
	struct child child = child_fork(overflow_attention, NULL);

	(void)state;
	child_assert_clean(&child);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attention),
		cmocka_unit_test(test_what_is_known_goes_with_the_queue),
		cmocka_unit_test(test_attention_does_not_wrap),
	};

	watchdog("attention", 200);
	return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
