/* SPDX-License-Identifier: MIT */
/* sleeper.c - see sleeper.h. */
#include "sleeper.h"
#include "locks.h"
#include "worker.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static struct fsyi_bucket buckets[16];
struct fsyi_lot sleeper_lot = { buckets, FSY_ATTENTION_BITS_ - 4 };

static fsy_atomic_u32 came_back;

bool
sleeper_validate(struct fsyi_scene *scene, void *arg)
{
	const struct sleeper *sleeper = arg;

	return scene->key == sleeper->key;
}

const struct fsyi_park_op sleeper_op = { .validate = sleeper_validate };

static void *
sleep_there(void *arg)
{
	struct sleeper *sleeper = arg;

	fsy_atomic_ptr_store(&sleeper->record, fsyi_thread_self());
	sleeper->result = fsyi_park(&sleeper_lot, sleeper->key, SLEEPER_KIND, sleeper->op, sleeper, sleeper->deadline);
	sleeper->order = (int)fsy_atomic_u32_add(&came_back, 1);
	W_CHECK(fsyi_thread_self()->queue == NULL && fsyi_thread_self()->spare != NULL);
	W_CHECK(fsy_atomic_u32_load(&fsyi_thread_self()->park) == 0);
	return NULL;
}

void
sleeper_start(struct sleeper *sleeper, const void *key, const struct fsyi_park_op *op, fsy_deadline_t deadline)
{
	sleeper->key = key;
	sleeper->op = op;
	sleeper->deadline = deadline;
	fsy_atomic_ptr_store(&sleeper->record, NULL);
	sleeper->thread = worker_start(sleep_there, sleeper);
}

void
sleeper_await(const void *key, unsigned int count)
{
	fsy_deadline_t limit = fsy_after_ms(TEST_PATIENCE_MS);

	while (parked_in(&sleeper_lot, key) != count) {
		if (fsy_now() > limit) {
			fprintf(stderr, "%u sleepers, and not %u\n", parked_in(&sleeper_lot, key), count);
			abort();
		}
		sched_yield();
	}
}

void
sleeper_start_parked(struct sleeper *sleeper, const void *key, const struct fsyi_park_op *op, unsigned int count)
{
	sleeper_start(sleeper, key, op, FSY_FOREVER);
	sleeper_await(key, count);
}

enum fsyi_parked
sleeper_join(struct sleeper *sleeper)
{
	worker_join(sleeper->thread);
	return sleeper->result;
}
