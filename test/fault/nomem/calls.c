/* SPDX-License-Identifier: MIT */
/* calls.c - the calls that allocate, and what each promises for want of memory. */
#include "attempt.h"
#include "lib/data/pool.h"
#include "lib/sys/topology.h"
#include "lib/sys/topology_table.h"

#include <fastsync/bench.h>
#include <fastsync/error.h>
#include <fastsync/lazy.h>
#include <fastsync/mutex.h>
#include <fastsync/pool.h>
#include <fastsync/stats.h>
#include <fastsync/waitgroup.h>
#include <stdio.h>
#include <string.h>

static fsy_pool_config_t
plain_pool(void)
{
	return (fsy_pool_config_t){ .object_size = 64 };
}

static void
new_pool(const struct attempt *attempt, bool checked, const char *topology)
{
	fsy_pool_config_t config = plain_pool();
	char why[100];
	fsy_pool_t *pool;
	int before;

	CHILD_CHECK(topology == NULL || fsyi_topology_from_spec(topology, why, sizeof(why)) == 0);
	before = nth_blocks();
	SCARCE(pool = fsy_pool_new_(&config, sizeof(config), checked));
	CHILD_CHECK((pool == NULL) == attempt_hit);
	CHILD_CHECK(pool != NULL || nth_blocks() == before);
	if (pool == NULL)
		pool = fsy_pool_new_(&config, sizeof(config), checked);
	CHILD_CHECK(pool != NULL);
	fsy_pool_put(pool, fsy_pool_get(pool));
	fsy_pool_free(pool);
	CHILD_CHECK(nth_blocks() == before);
}

static void
pool_new(const struct attempt *attempt)
{
	new_pool(attempt, false, NULL);
}

static void
pool_new_checked(const struct attempt *attempt)
{
	new_pool(attempt, true, NULL);
}

static void
pool_new_nodes(const struct attempt *attempt)
{
	new_pool(attempt, false, "4");
}

/* A thread's first calls: its record and table, magazines, objects. Objects that find no place are destroyed; none is in two. */
static void
use_pool(const struct attempt *attempt, bool checked)
{
	fsy_pool_config_t config = plain_pool();
	int before = nth_blocks(), had = 0;
	fsy_pool_t *pool = fsy_pool_new_(&config, sizeof(config), checked);
	fsy_pool_stats_t stats;
	void *objects[150];

	CHILD_CHECK(pool != NULL);
	nth_fails(attempt->n, attempt->for_good);
	errno = UNTOUCHED;
	for (int i = 0; i < 150; i++) {
		objects[had] = checked ? fsy_pool_get_slow_(pool) : fsy_pool_get(pool);
		CHILD_CHECK(objects[had] != NULL || attempt->n > 0);
		if (objects[had] != NULL)
			memset(objects[had++], 0xa5, config.object_size);
	}
	for (int i = 0; i < had; i++)
		checked ? fsy_pool_put_slow_(pool, objects[i]) : fsy_pool_put(pool, objects[i]);
	CHILD_CHECK(errno == UNTOUCHED);
	attempt_hit = nth_over();
	fsy_pool_stats(pool, &stats);
	CHILD_CHECK(stats.created == (uint64_t)had && stats.idle + stats.destroyed == stats.created);
	CHILD_CHECK(attempt_hit || (had == 150 && stats.destroyed == 0));
	CHILD_CHECK(!attempt_hit || attempt->for_good || had >= 149);
	objects[0] = fsy_pool_get(pool);
	CHILD_CHECK(objects[0] != NULL);
	fsy_pool_put(pool, objects[0]);
	fsy_pool_free(pool);
	CHILD_CHECK(nth_blocks() == before);
}

static void
pool_use(const struct attempt *attempt)
{
	use_pool(attempt, false);
}

static void
pool_use_checked(const struct attempt *attempt)
{
	use_pool(attempt, true);
}

static void
raise_flag(void *arg)
{
	fsy_atomic_u32_add(arg, 1);
}

static void
waitgroup_go(const struct attempt *attempt)
{
	fsy_waitgroup_t group = FSY_WAITGROUP_INIT;
	fsy_atomic_u32 runs = { 0 };
	int error, before = nth_blocks();

	SCARCE(error = fsy_waitgroup_go(&group, raise_flag, &runs));
	CHILD_CHECK(attempt_hit ? error == FSY_ENOMEM || error == FSY_EAGAIN : error == 0);
	CHILD_CHECK(!attempt_hit || (fsy_atomic_u64_load(&group.word_) == 0 && nth_blocks() == before));
	if (error != 0)
		CHILD_CHECK(fsy_waitgroup_go(&group, raise_flag, &runs) == 0);
	fsy_waitgroup_wait(&group);
	CHILD_CHECK(fsy_atomic_u32_load(&runs) == 1 && nth_blocks() == before);
}

static void
lazy_node_copy(const struct attempt *attempt)
{
	static const char master[40000] = "what is read by all";
	fsy_lazy_node_t lazy = FSY_LAZY_NODE_INIT;
	const void *copy;

	SCARCE(copy = fsy_lazy_node_copy(&lazy, master, sizeof(master)));
	CHILD_CHECK((copy == master) == attempt_hit);
	copy = fsy_lazy_node_copy(&lazy, master, sizeof(master));
	CHILD_CHECK(copy != master && memcmp(copy, master, sizeof(master)) == 0);
	CHILD_CHECK(fsy_lazy_node_copy(&lazy, master, sizeof(master)) == copy);
}

static void
thread_set_node(const struct attempt *attempt)
{
	int error;

	SCARCE(error = fsy_thread_set_node(0));
	CHILD_CHECK(error == (attempt_hit ? FSY_ENOMEM : 0));
	CHILD_CHECK(fsy_thread_set_node(0) == 0);
}

/* Statistics allocate nothing, so that there is nothing to fail. */
static void
statistics(const struct attempt *attempt)
{
	static fsy_mutex_t lock;
	fsy_stats_t stats;

	SCARCE({
		CHILD_CHECK(fsy_stats_watch(&lock) == 0 && fsy_stats_get(&lock, &stats) == 0 && fsy_stats_get(NULL, &stats) == 0);
		fsy_stats_reset();
		fsy_stats_unwatch(&lock);
		fsy_strerror(FSY_ENOMEM);
	});
	CHILD_CHECK(!attempt_hit && nth_count() == 0);
}

static void
read_topology(const struct attempt *attempt, const char *source)
{
	const struct fsyi_topology *before = fsyi_topology();
	char why[100] = "";
	int error;

	SCARCE(error = source[0] == '/' ? fsyi_topology_from_sysfs(source) : source[0] != 'l' ? fsyi_topology_from_spec(source, why, sizeof(why)) :
												    fsyi_topology_from_libnuma());
	CHILD_CHECK(error == 0 || error == ENOMEM);
	CHILD_CHECK(attempt_hit || error == 0);
	CHILD_CHECK(error == 0 || fsyi_topology() == before);
	CHILD_CHECK(error == 0 || source[0] == '/' || source[0] == 'l' || why[0] != '\0');
	CHILD_CHECK(fsyi_topology_distance(0, 0) == 10);
}

static void
topology_spec(const struct attempt *attempt)
{
	read_topology(attempt, "200x2");
}

static void
topology_sysfs(const struct attempt *attempt)
{
	read_topology(attempt, "/sys/devices/system/node");
}

static void
topology_libnuma(const struct attempt *attempt)
{
	read_topology(attempt, "libnuma");
}

static void
bench_run(const struct attempt *attempt)
{
	fsy_bench_options_t options = { .filter = "mutex/contended/empty", .candidates = "glibc", .threads = "1", .rounds = 3, .round_ns = 10000000 };
	FILE *out = fopen("/dev/null", "w");
	int error, before = nth_blocks();

	CHILD_CHECK(out != NULL);
	nth_fails(attempt->n, attempt->for_good);
	error = fsy_bench_run(&options, out);
	attempt_hit = nth_over();
	CHILD_CHECK(error == 0 || error == FSY_ENOMEM || error == FSY_EAGAIN);
	CHILD_CHECK(attempt_hit || error == 0);
	CHILD_CHECK(nth_blocks() == before);
	fclose(out);
}

const struct attempt_call attempt_calls[] = {
	{ "fsy_pool_new", pool_new, false },
	{ "fsy_pool_new, checked", pool_new_checked, false },
	{ "fsy_pool_new, 4 nodes", pool_new_nodes, false },
	{ "fsy_pool_get and put", pool_use, false },
	{ "fsy_pool_get and put, checked", pool_use_checked, false },
	{ "fsy_waitgroup_go", waitgroup_go, false },
	{ "fsy_lazy_node_copy", lazy_node_copy, false },
	{ "fsy_thread_set_node", thread_set_node, false },
	{ "fsy_stats", statistics, false },
	{ "topology from a specification", topology_spec, false },
	{ "topology from sysfs", topology_sysfs, false },
	{ "topology from libnuma", topology_libnuma, false },
	{ "fsy_bench_run", bench_run, true },
	{ NULL, NULL, false },
};
