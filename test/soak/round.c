/* SPDX-License-Identifier: MIT */
/* round.c - threads that come and go, take turns at every load, migrate, are cancelled and signalled; and the audit after them. */
#include "lib/sys/thread.h"
#include "soak.h"
#include "test/support/worker.h"

#include <fastsync/stats.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FREE, AT_WORK, ENDED };

struct soak_counts soak_counts;
fsy_atomic_u64 soak_heartbeat;

static struct hand hands[HANDS];
static fsy_atomic_u32 stop;
static int load_count;

static void
say_ended(void *arg)
{
	fsy_atomic_u32_store(&((struct hand *)arg)->state, ENDED);
}

/* To one CPU, or to any. */
static void
migrate(struct hand *hand)
{
	cpu_set_t set;
	size_t count = (size_t)sysconf(_SC_NPROCESSORS_ONLN);

	CPU_ZERO(&set);
	if (load_chance(hand, 2))
		for (size_t cpu = 0; cpu < count; cpu++)
			CPU_SET(cpu, &set);
	else
		CPU_SET(load_below(hand, (uint32_t)count), &set);
	sched_setaffinity(0, sizeof(set), &set);         /* where it may not go it stays */
	LOAD_CHECK(fsy_thread_set_node((int)load_below(hand, (uint32_t)fsy_node_count() + 1) - 1) == 0);
	fsy_atomic_u64_add_rlx(&soak_counts.migrations, 1);
}

static void
work(struct hand *hand)
{
	while (!fsy_atomic_u32_load_rlx(&stop)) {
		int load = (int)load_below(hand, (uint32_t)load_count);

		if (load_chance(hand, 20))
			migrate(hand);
		for (uint32_t turns = 1 + load_below(hand, 100); turns > 0 && !fsy_atomic_u32_load_rlx(&stop); turns--) {
			load_turn(load, hand);
			if (hand->ends)
				return;
			pthread_testcancel();
		}
		if (load_chance(hand, 200))
			return;
	}
}

static void *
hand_main(void *arg)
{
	pthread_cleanup_push(say_ended, arg);
	work(arg);
	pthread_cleanup_pop(1);
	return NULL;
}

static void
start(struct hand *hand, uint64_t random)
{
	memset((void *)hand, 0, sizeof(*hand));
	hand->random = random;
	hand->may_die = true;
	fsy_atomic_u32_store(&hand->state, AT_WORK);
	hand->thread = worker_start(hand_main, hand);
	fsy_atomic_u64_add_rlx(&soak_counts.threads, 1);
}

/* How many are still there. */
static int
collect(int count, uint64_t *random, bool restart)
{
	int there = 0;

	for (int i = 0; i < count; i++) {
		void *result;

		if (fsy_atomic_u32_load(&hands[i].state) == ENDED) {
			if (pthread_join(hands[i].thread, &result) != 0)
				load_failed("pthread_join", __FILE__, __LINE__);
			fsy_atomic_u64_add_rlx(result == PTHREAD_CANCELED ? &soak_counts.cancelled : &soak_counts.ended, 1);
			fsy_atomic_u32_store(&hands[i].state, FREE);
		}
		if (fsy_atomic_u32_load(&hands[i].state) == FREE && restart)
			start(&hands[i], test_random(random));
		there += fsy_atomic_u32_load(&hands[i].state) != FREE;
	}
	return there;
}

/* A thread that has ended and is not joined may be cancelled and signalled all the same. */
static void
disturb(int count, uint64_t *random)
{
	uint64_t dice = test_random(random);
	struct hand *victim = &hands[(dice >> 32) % (uint64_t)count];

	if (fsy_atomic_u32_load(&victim->state) == FREE)
		return;
	if (dice % 8 == 0)
		pthread_cancel(victim->thread);
	else
		pthread_kill(victim->thread, SIGUSR1);
}

static void
rescue(void)
{
	for (int i = 0; i < load_count; i++)
		if (loads[i]->rescue != NULL)
			loads[i]->rescue();
	fsy_atomic_u64_add_rlx(&soak_heartbeat, 1);
	usleep(500);                                     /* the loads are the others' */
}

struct records {
	uint32_t count, odd;
};

static void
look_at_record(struct fsyi_thread *thread, void *arg)
{
	struct records *records = arg;

	records->count++;
	records->odd += fsy_atomic_u32_load(&thread->park) != 0 || thread->queue != NULL || thread->spare == NULL;
}

/* Threads come by thousands: were a record lost with some, there would be more than any crowd of this size needs. */
static void
audit_records(void)
{
	struct records records = { 0, 0 };

	fsyi_thread_each(look_at_record, &records);
	LOAD_CHECK(records.odd == 0);
	LOAD_CHECK(records.count <= (uint32_t)fsy_node_count() * 4 * (HANDS + 4));
}

bool
soak_round(uint64_t seed, int count, fsy_deadline_t end, bool forks)
{
	fsy_deadline_t fork_at = fsy_after_ms(100);

	while (loads[load_count] != NULL)
		load_count++;
	for (int i = 0; i < load_count; i++)
		loads[i]->begin();
	memset((void *)hands, 0, sizeof(hands));
	fsy_atomic_u32_store(&stop, 0);
	while (fsy_now() < end && load_failures() == 0) {
		collect(count, &seed, true);
		disturb(count, &seed);
		rescue();
		if (!forks || fsy_now() < fork_at)
			continue;
		soak_fork(test_random(&seed));
		fork_at = fsy_after_ms(400);
	}
	fsy_atomic_u32_store(&stop, 1);
	while (collect(count, &seed, false) > 0)
		rescue();
	audit_records();
	return loads_audit() && load_failures() == 0;
}
