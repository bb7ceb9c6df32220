/* SPDX-License-Identifier: MIT */
/*
 * sim_fairturn.c - whose turn it is at a fair rwlock: the bounds that fairlock.h states, counted in phases where turns are strict, and in time
 * where they have tenures.
 *
 * A writer looks around before each release, without a step of the machine: who has a claim (a seat, NEXT, a place in the queue)? From then on
 * every write section is counted against them. The looks are plain: not for relacy.
 */
#include "fair_case.h"

enum { NOT_WAITING, WAITS_TO_READ, WAITS_TO_WRITE };

static int waits[SIM_THREADS];
static int may_pass[SIM_THREADS];                       /* how many writers still may come before it; -1 = it has no claim yet */
static struct fsyi_thread *record[SIM_THREADS];
static int64_t longest[2], waits_since[SIM_THREADS];

static void
setup_strict(void)
{
	setup_any();
	fsyi_tune.tenure_ns = 0;
	fsyi_tune.node_batch = 1 + (int64_t)sim_random(3);
	memset(waits, 0, sizeof(waits));
	for (int i = 0; i < SIM_THREADS; i++) {
		may_pass[i] = -1;
		record[i] = NULL;
		if (i < sim_threads())
			sim_place(i, (int)sim_random(2), i);
	}
}

static void
note_claim(int id, int writers_before)
{
	if (may_pass[id] < 0)
		may_pass[id] = writers_before;
}

static int
who(const struct fsyi_thread *thread)
{
	for (int i = 0; i < sim_threads(); i++)
		if (record[i] == thread)
			return i;
	return -1;
}

/* Of those who wait to read without sleeping, and of those to write: who; -1 unless it is clear. */
static void
see_the_awake(const bool *asleep)
{
	int readers = 0, next = -1, others = 0;

	for (int i = 0; i < sim_threads(); i++) {
		readers += waits[i] == WAITS_TO_READ && !asleep[i];
		if (waits[i] == WAITS_TO_WRITE && !asleep[i]) {
			next = i;
			others++;
		}
	}
	if (readers == __builtin_popcount(lock.word_.cell_ & FAIR_SEATS & ~(lock.word_.cell_ >> FAIR_CALL)))
		for (int i = 0; i < sim_threads(); i++)
			if (waits[i] == WAITS_TO_READ && !asleep[i])
				note_claim(i, 0);
	if ((lock.word_.cell_ & FAIR_NEXT) && others == 1)
		note_claim(next, (int)fsyi_tune.node_batch - 1);        /* it may yet go to sleep */
}

/* By the writer that is about to leave. Only where nobody is changing the queue. */
static void
look_around(void)
{
	const struct fsyi_bucket *bucket = fsyi_lot_bucket(&fsyi_lot, &lock);
	const struct fsyi_waitq *queue = bucket->queues;
	int before = (lock.word_.cell_ & FAIR_NEXT) != 0, writers_asleep = 0;
	bool asleep[SIM_THREADS] = { false };

	if (bucket->lock.cell_ != 0)
		return;
	while (queue != NULL && queue->key != &lock)
		queue = queue->chain;
	for (const struct fsyi_thread *thread = queue == NULL ? NULL : queue->all.head; thread != NULL; thread = thread->next) {
		int id = who(thread);

		asleep[id] = true;
		if (thread->kind == FSYI_KIND_FAIR_READER)
			note_claim(id, 0);
		else
			note_claim(id, before + writers_asleep++ + (int)fsyi_tune.node_batch - 1);
	}
	see_the_awake(asleep);
}

static void
starts_to_wait(int id, int kind)
{
	record[id] = fsyi_thread_self();
	waits[id] = kind;
	waits_since[id] = sim_now();
}

static void
is_served(int id)
{
	int64_t waited = sim_now() - waits_since[id];
	int64_t *most = &longest[waits[id] == WAITS_TO_WRITE];

	if (waited > *most)
		*most = waited;
	waits[id] = NOT_WAITING;
	may_pass[id] = -1;
}

/* Claims of readers were made before the last release: each of them is in, or was. */
static void
a_write_phase_begins(int writer)
{
	for (int i = 0; i < sim_threads(); i++)
		if (i != writer && waits[i] != NOT_WAITING && may_pass[i] >= 0 && may_pass[i]-- == 0)
			sim_fail("T%d passes T%d, which waits to %s", writer, i, waits[i] == WAITS_TO_READ ? "read" : "write");
}

static void
write_in_turn(int id)
{
	starts_to_wait(id, WAITS_TO_WRITE);
	SIM_CHECK(fsy_fair_rwlock_lock(&lock) == 0);
	is_served(id);
	a_write_phase_begins(id);
	write_section(id);
	for (uint32_t steps = sim_random(60); steps > 0; steps--)
		sim_point();
	look_around();
	if (sim_random(4) == 0) {
		fsy_fair_rwlock_downgrade(&lock);
		fsy_fair_rwlock_runlock(&lock);
	} else {
		fsy_fair_rwlock_unlock(&lock);
	}
}

static void
read_in_turn(int id)
{
	starts_to_wait(id, WAITS_TO_READ);
	SIM_CHECK(fsy_fair_rwlock_rlock(&lock) == 0);
	is_served(id);
	read_section(id);
	fsy_fair_rwlock_runlock(&lock);
}

static void
strict(int id)
{
	for (int i = 0; i < 2 * rounds; i++)
		if (id < 3)
			write_in_turn(id);
		else
			read_in_turn(id);
}

static void
strict_mixed(int id)
{
	for (int i = 0; i < 2 * rounds; i++)
		if (sim_random(2) == 0)
			write_in_turn(id);
		else
			read_in_turn(id);
}

static void
came_through(void)
{
	at_rest();
}

/*
 * In time, on a machine whose threads run side by side: with a tenure Q, sections of one length and n threads, a reader waits for its tenure, its
 * read phase and a write phase; a writer for n turns of a tenure, a read phase and a write phase each. STEPS is what the lock's own steps
 * may take of each turn, wake-ups included.
 */
enum { TENURE = 2000, SECTION = 1500, STEPS = 3000 };

static void
setup_tenures(void)
{
	setup_strict();
	sim_tick = 10;
	sim_cpus = SIM_THREADS;
	tune(TENURE, TENURE, 100);
	fsyi_tune.node_batch = 1;
	rounds = 6;
	longest[0] = longest[1] = 0;
}

/* Who waits goes to sleep long before its tenure is over, and more sleep than there are CPUs: each may be passed once more when it has been woken. */
static void
setup_tenures_asleep(void)
{
	setup_tenures();
	tune(TENURE, 100, 0);
	sim_cpus = 2;
}

static void
tenures(int id)
{
	for (int i = 0; i < rounds; i++) {
		bool write = id < 3;

		starts_to_wait(id, write ? WAITS_TO_WRITE : WAITS_TO_READ);
		SIM_CHECK((write ? fsy_fair_rwlock_lock(&lock) : fsy_fair_rwlock_rlock(&lock)) == 0);
		is_served(id);
		fsyi_delay(SECTION);
		if (write)
			fsy_fair_rwlock_unlock(&lock);
		else
			fsy_fair_rwlock_runlock(&lock);
	}
}

static void
within_bounds(void)
{
	int64_t turn = TENURE + 2 * SECTION + STEPS;

	if (longest[0] > TENURE + turn)
		sim_fail("a reader waited for %ld ns, the bound is %ld", (long)longest[0], (long)(TENURE + turn));
	if (longest[1] > 3 * turn)
		sim_fail("a writer waited for %ld ns, the bound is %ld", (long)longest[1], (long)(3 * turn));
	at_rest();
}

static void
within_bounds_asleep(void)
{
	int64_t turn = TENURE + 2 * SECTION + STEPS;

	if (longest[0] > 2 * turn)
		sim_fail("a reader waited for %ld ns, the bound is %ld", (long)longest[0], (long)(2 * turn));
	if (longest[1] > 2 * 3 * turn)
		sim_fail("a writer waited for %ld ns, the bound is %ld", (long)longest[1], (long)(2 * 3 * turn));
	at_rest();
}

const struct sim_case sim_cases[] = {
	BOTH("strict", 5, setup_strict, strict, came_through, SIM_NO_DFS, 0),
	BOTH("strict-mixed", 5, setup_strict, strict_mixed, came_through, SIM_NO_DFS, 0),
	{ "fair/tenures/tso", 5, setup_tenures, tenures, within_bounds, SIM_TSO | SIM_FAIR | SIM_NO_DFS, 0 },
	{ "fair/tenures-asleep/tso", 6, setup_tenures_asleep, tenures, within_bounds_asleep, SIM_TSO | SIM_FAIR | SIM_NO_DFS, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
