/* SPDX-License-Identifier: MIT */
/*
 * crowd.h - waiters made up for tests of the lot's queues: records without threads, put in line by the test. One
 * bucket is enough; nobody else uses it.
 */
#ifndef TEST_CROWD_H
#define TEST_CROWD_H

#include "lib/park/lot.h"

struct crowd {
	struct fsyi_bucket bucket;
	struct fsyi_thread *people;
	struct fsyi_waitq *headers;              /* their spare queue headers */
	int count;
};

void crowd_make(struct crowd *crowd, int count);
void crowd_free(struct crowd *crowd);

/* In line for key, at the back or at the front; out of it. */
void crowd_join(struct crowd *crowd, int who, const void *key, int node, int cpu, bool front);
void crowd_leave(struct crowd *crowd, int who);

/* Where the thread stands in the array. */
int crowd_index(const struct crowd *crowd, const struct fsyi_thread *thread);

/* The invariants of a queue that every operation keeps: both lists agree, go by seniority and can be walked both ways;
 * there is a header for everyone. NULL, or what is wrong. */
const char *crowd_check(const struct fsyi_waitq *queue);

/* After all left: each has a header, and no two the same one. NULL, or what is wrong. */
const char *crowd_check_gone(const struct crowd *crowd);

#endif
