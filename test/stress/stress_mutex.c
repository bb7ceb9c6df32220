/* SPDX-License-Identifier: MIT */
/* Mutual exclusion by every way into the mutex and out of it, with few threads and with many; at rest nothing is left. */
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 64 };

/* Read and written under the mutex only, with no atomics: two that get in together leave traces, and ThreadSanitizer tells. */
static struct {
	fsy_mutex_t mutex;
	uint64_t sum, mirror;
	uint64_t owner;
} shared __attribute__((aligned(FSY_CACHELINE)));

static struct worker {
	pthread_t thread;
	uint64_t id, random, times;
	const char *ways;
} workers[MOST];

static fsy_atomic_u32 stop;
static struct gate together = GATE("stress_mutex");
static unsigned int parties;

static void
work(struct worker *self, uint64_t random)
{
	W_CHECK(shared.owner == 0);
	shared.owner = self->id;
	W_CHECK(shared.sum == shared.mirror);
	shared.sum++;
	if (random % 64 == 0)
		sched_yield();                           /* loses the CPU inside, so that others come to sleep */
	shared.mirror++;
	W_CHECK(shared.owner == self->id);
	shared.owner = 0;
	self->times++;
}

/* l lock, t trylock, d deadline; u unlock, f unlock_fair. */
static bool
get_in(char way, uint64_t random)
{
	switch (way) {
	case 't':
		return fsy_mutex_trylock(&shared.mutex);
	case 'd':
		return fsy_mutex_lock_until(&shared.mutex, fsy_after_ns((int64_t)(random % 100000))) == 0;
	default:
		fsy_mutex_lock(&shared.mutex);
		return true;
	}
}

static void *
run(void *arg)
{
	struct worker *self = arg;
	size_t ways = strlen(self->ways) / 2;

	gate_meet(&together, parties);
	while (!fsy_atomic_u32_load_rlx(&stop)) {
		uint64_t random = test_random(&self->random);
		const char *way = &self->ways[random % ways * 2];

		if (!get_in(way[0], random >> 8))
			continue;
		work(self, random >> 32);
		if (way[1] == 'f')
			fsy_mutex_unlock_fair(&shared.mutex);
		else
			fsy_mutex_unlock(&shared.mutex);
	}
	return NULL;
}

static void
contend(unsigned int count, const char *ways, uint64_t *seed)
{
	uint64_t sum = 0;
	fsy_deadline_t end;

	memset(&shared, 0, sizeof(shared));
	fsy_atomic_u32_store(&stop, 0);
	parties = count + 1;
	for (unsigned int i = 0; i < count; i++) {
		workers[i] = (struct worker){ .id = i + 1, .random = test_random(seed), .ways = ways };
		workers[i].thread = worker_start(run, &workers[i]);
	}
	gate_meet(&together, parties);
	end = stress_until(1400, 7);
	/* The main thread takes part, or these tests could end before anybody has run. */
	do {
		fsy_mutex_lock(&shared.mutex);
		shared.sum++;
		shared.mirror++;
		sum++;
		fsy_mutex_unlock(&shared.mutex);
	} while (fsy_now() < end);
	fsy_atomic_u32_store(&stop, 1);
	for (unsigned int i = 0; i < count; i++) {
		worker_join(workers[i].thread);
		sum += workers[i].times;
	}
	workers_assert();
	assert_int_equal(shared.sum, sum);
	assert_int_equal(shared.mirror, sum);
	assert_at_rest(&shared.mutex);
	fsy_mutex_destroy(&shared.mutex);
}

static void
test_lock_unlock(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (unsigned int count = 2; count <= MOST; count = count == 2 ? 4 : count * 4)
		contend(count, "lu", &seed);
}

static void
test_every_way(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (unsigned int count = 2; count <= MOST; count = count == 2 ? 4 : count * 4)
		contend(count, "lulululululfdudutudf", &seed);
	contend(8, "lf", &seed);
	contend(8, "du", &seed);
	contend(8, "dflu", &seed);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_lock_unlock),
	cmocka_unit_test(test_every_way),
};

/* With the other unlock; with many nodes and small batches; with roles that change at every moment. */
int
main(int argc, char **argv)
{
	static const char *const nodes[] = { "FASTSYNC_TOPOLOGY=4", "FASTSYNC_NODE_BATCH=2", NULL };
	static const char *const fenced[] = { "FASTSYNC_MEMBARRIER=off", NULL };
	static const char *const hasty[] = { "FASTSYNC_PATIENCE_NS=0", "FASTSYNC_SPIN_NS=0", "FASTSYNC_BRIEF_SPIN_NS=0", "FASTSYNC_FIRST_LOOK_NS=0",
					     "FASTSYNC_TURN_MIN_NS=1000", "FASTSYNC_TURN_MAX_NS=1000", NULL };
	static const char *const slow[] = { "FASTSYNC_PATIENCE_NS=1000000", "FASTSYNC_SPIN_NS=1000000", "FASTSYNC_BRIEF_SPIN_NS=100000", NULL };
	static const char *const *const settings[] = { fenced, nodes, hasty, slow, NULL };
	static const struct settings_group group = { "mutex under stress", tests, sizeof(tests) / sizeof(tests[0]), settings, 280 };

	return settings_main(argc, argv, &group);
}
