/* SPDX-License-Identifier: MIT */
/* sleeper.h - threads that park on a key of the test's choice, and record how they came back. */
#ifndef TEST_SLEEPER_H
#define TEST_SLEEPER_H

#include "lib/park/park.h"

#include <pthread.h>

/* A lot of few buckets, so that keys meet in them. */
extern struct fsyi_lot sleeper_lot;

enum { SLEEPER_KIND = 7 };

struct sleeper {
	const void *key;
	const struct fsyi_park_op *op;           /* its functions get the sleeper as their argument */
	fsy_deadline_t deadline;
	pthread_t thread;
	fsy_atomic_ptr record;
	enum fsyi_parked result;
	int order;                               /* how many had come back before it */
};

/* Starts it; returns at once, or when it is parked as one of count on its key. */
void sleeper_start(struct sleeper *sleeper, const void *key, const struct fsyi_park_op *op, fsy_deadline_t deadline);
void sleeper_start_parked(struct sleeper *sleeper, const void *key, const struct fsyi_park_op *op, unsigned int count);
enum fsyi_parked sleeper_join(struct sleeper *sleeper);
void sleeper_await(const void *key, unsigned int count);

/* Parks without asking; validate for ops of the test's own. */
extern const struct fsyi_park_op sleeper_op;
bool sleeper_validate(struct fsyi_scene *scene, void *arg);

#endif
