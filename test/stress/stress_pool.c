/* SPDX-License-Identifier: MIT */
/*
 * Everything at once: threads get and put in bursts and hand objects to each other, threads end and begin, others trim, tick and relieve; on
 * virtual nodes, with and without a limit. No object is in two hands, none is lost, none destroyed twice; the limit holds.
 */
#include "test/support/child.h"
#include "test/support/locks.h"
#include "test/support/things.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 24, HANDFUL = 200, SHELF = 64 };

static fsy_pool_t *pool;
static fsy_atomic_u32 stop;
static fsy_atomic_ptr shelf[SHELF];              /* through which objects go from thread to thread */

struct worker {
	pthread_t thread;
	uint64_t random;
	bool trims;
};

static void
swap_on_shelf(struct thing **mine, uint64_t random)
{
	*mine = fsy_atomic_ptr_swap(&shelf[random % SHELF], *mine);
}

static void *
burst(void *arg)
{
	struct worker *self = arg;
	struct thing *mine[HANDFUL] = { NULL };

	fsy_thread_set_node((int)(test_random(&self->random) % (uint64_t)fsy_node_count()));
	for (int round = 0; round < 300 && !fsy_atomic_u32_load_rlx(&stop); round++) {
		uint64_t random = test_random(&self->random);
		int count = (int)(random % (random & 0x100 ? HANDFUL : 4)) + 1;

		for (int i = 0; i < count; i++)
			mine[i] = thing_get(pool);
		for (int i = 0; i < count; i += 3)
			swap_on_shelf(&mine[i], test_random(&self->random));
		for (int i = count - 1; i >= 0; i--)
			if (mine[i] != NULL)
				thing_put(pool, mine[i]);
		if (self->trims && random % 16 == 0)
			fsy_pool_trim(pool);
	}
	return NULL;
}

/* Bursts in threads that live for one burst each. */
static void *
renew(void *arg)
{
	while (!fsy_atomic_u32_load_rlx(&stop))
		worker_join(worker_start(burst, arg));
	return NULL;
}

static void *
disturb(void *arg)
{
	fsy_pool_stats_t stats;
	size_t limit = *(size_t *)arg;

	while (!fsy_atomic_u32_load_rlx(&stop)) {
		fsy_pool_relieve();
		fsy_pool_tick(pool);
		fsy_pool_stats(pool, &stats);
		/* Objects on their way from one place to another may be counted in both. */
		W_CHECK(limit == 0 || stats.idle <= limit + 2 * 64 * MOST);
	}
	return NULL;
}

static void
run(size_t limit, int64_t idle_ns, uint64_t *seed)
{
	static struct worker workers[MOST];
	int count = stress_count(MOST);
	pthread_t other;
	fsy_deadline_t end = stress_until(1500, 3);
	fsy_pool_stats_t stats;

	pool = things_pool((fsy_pool_config_t){ .max_idle = limit, .idle_ns = idle_ns, .node_fn = limit == 0 ? thing_node : NULL });
	fsy_atomic_u32_store(&stop, 0);
	for (int i = 0; i < count; i++) {
		workers[i] = (struct worker){ .random = test_random(seed), .trims = i == 0 };
		workers[i].thread = worker_start(renew, &workers[i]);
	}
	other = worker_start(disturb, &limit);
	do
		worker_join(worker_start(burst, &(struct worker){ .random = test_random(seed) }));
	while (fsy_now() < end);
	fsy_atomic_u32_store(&stop, 1);
	for (int i = 0; i < count; i++)
		worker_join(workers[i].thread);
	worker_join(other);
	for (int i = 0; i < SHELF; i++) {
		struct thing *thing = fsy_atomic_ptr_swap(&shelf[i], NULL);

		if (thing != NULL)
			thing_put(pool, thing);
	}
	fsy_pool_stats(pool, &stats);
	assert_int_equal(stats.idle, things_made() - things_destroyed());        /* nothing is lost */
	assert_int_equal(stats.created - stats.destroyed, stats.idle);
	assert_true(limit == 0 || stats.idle <= limit);
	assert_int_equal(fsy_pool_trim(pool), stats.idle);
	fsy_pool_free(pool);
	things_reset();
}

static void
test_no_loss_no_duplicate(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	run(0, 0, &seed);
	run(0, 50000, &seed);
	run(300, 50000, &seed);
}

static int
all_again(void *arg)
{
	static const struct CMUnitTest again[] = { cmocka_unit_test(test_no_loss_no_duplicate) };

	(void)arg;
	return freopen("/dev/null", "w", stdout) == NULL || cmocka_run_group_tests_name("again", again, NULL, NULL) != 0;
}

static void
elsewhere(const char *const environment[])
{
	struct child child;

	if (getenv("FASTSYNC_STRESS_MS") == NULL)
		setenv("FASTSYNC_STRESS_MS", "900", 1);
	child = child_exec("all", environment, NULL);
	if (!child.exited || child.status != 0)
		fail_msg("status %d, signal %d, %s", child.status, child.signal, child.err);
}

static void
test_four_nodes(void **state)
{
	static const char *const environment[] = { "FASTSYNC_TOPOLOGY=4@10,40,20,30", NULL };

	(void)state;
	elsewhere(environment);
}

static void
test_without_membarrier(void **state)
{
	static const char *const environment[] = { "FASTSYNC_MEMBARRIER=off", "FASTSYNC_POOL_SHARD_CPUS=1", NULL };

	(void)state;
	elsewhere(environment);
}

int
main(int argc, char **argv)
{
	static const struct child_body bodies[] = { { "all", all_again }, { NULL, NULL } };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_loss_no_duplicate),
		cmocka_unit_test(test_four_nodes),
		cmocka_unit_test(test_without_membarrier),
	};

	watchdog("pool stress", 200);
	if (child_wanted(argc))
		return child_main(argv, bodies);
	return cmocka_run_group_tests_name("pool stress", tests, NULL, NULL);
}
