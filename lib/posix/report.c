/* SPDX-License-Identifier: MIT */
/*
 * report.c - which locks are used, from where, and who waits for them: for fastsync-run --stats. Without it there is no table, and no
 * lock comes by here.
 *
 * WORD    an entry belongs to the address that its object says, from the compare-and-swap that wrote it there on. Whatever lived there
 *         before or after is counted together.
 *         site and weight are a majority vote: a site that had more than half of the contended acquisitions is the one that stands there.
 * ORDER   everything is relaxed: an entry's address comes and stays, and the counters are sums that are read at exit.
 */
#include "report.h"
#include "../sys/mem.h"

static struct fsyi_report_entry *table;
static uint32_t table_generation;
static fsy_atomic_u64 overflow;

bool
fsyi_report_start(void)
{
	table = fsyi_mem_alloc(FSYI_REPORT_ENTRIES * sizeof(*table), -1);
	table_generation = fsyi_fork_generation();
	return table != NULL;
}

/* A forked child counts for itself. Several of its threads may clear at once, and lose a few of the first. */
static void
start_anew(void)
{
	if (table_generation == fsyi_fork_generation())
		return;
	__builtin_memset((void *)table, 0, FSYI_REPORT_ENTRIES * sizeof(*table));
	fsy_stats_reset();
	table_generation = fsyi_fork_generation();
}

static struct fsyi_report_entry *
entry_of(const void *object, enum fsyi_lock_kind kind)
{
	uint32_t start = ((uint32_t)((uintptr_t)object >> 3) * 0x9E3779B1u) % FSYI_REPORT_ENTRIES;

	for (uint32_t i = 0; i < FSYI_REPORT_PROBES; i++) {
		struct fsyi_report_entry *e = &table[(start + i) % FSYI_REPORT_ENTRIES];
		void *seen = fsy_atomic_ptr_load_rlx(&e->object);

		if (seen == NULL && fsy_atomic_ptr_cas_rlx(&e->object, &seen, (void *)(uintptr_t)object))
			e->kind = kind;
		else if (seen != object)
			continue;
		return e;
	}
	fsy_atomic_u64_add_rlx(&overflow, 1);
	return NULL;
}

static void
vote(struct fsyi_report_entry *e, const void *site)
{
	if (fsy_atomic_ptr_load_rlx(&e->site) == site) {
		fsy_atomic_u64_add_rlx(&e->weight, 1);
	} else if (fsy_atomic_u64_load_rlx(&e->weight) == 0) {
		fsy_atomic_ptr_store_rlx(&e->site, (void *)(uintptr_t)site);
		fsy_atomic_u64_store_rlx(&e->weight, 1);
	} else {
		fsy_atomic_u64_add_rlx(&e->weight, (uint64_t)-1);
	}
}

void
fsyi_report_taken(const void *object, enum fsyi_lock_kind kind, const void *site, int64_t wait_ns)
{
	struct fsyi_report_entry *e;
	uint64_t longest;

	if (table == NULL)
		return;
	fsyi_fork_check();
	start_anew();
	e = entry_of(object, kind);
	if (e == NULL)
		return;
	fsy_atomic_u64_add_rlx(&e->taken, 1);
	if (wait_ns <= 0)
		return;
	fsy_atomic_u64_add_rlx(&e->contended, 1);
	fsy_atomic_u64_add_rlx(&e->waited_ns, (uint64_t)wait_ns);
	longest = fsy_atomic_u64_load_rlx(&e->longest_ns);
	while ((uint64_t)wait_ns > longest && !fsy_atomic_u64_cas_rlx(&e->longest_ns, &longest, (uint64_t)wait_ns))
		;
	vote(e, site);
}

struct fsyi_report_entry *
fsyi_report_table(uint64_t *uncounted)
{
	*uncounted = fsy_atomic_u64_load_rlx(&overflow);
	if (table != NULL)
		start_anew();
	return table;
}
