/* SPDX-License-Identifier: MIT */
/* starve.c - the hooks of the hold loops: holding, waiting and what is counted meanwhile; and the verdicts. */
#include "bench/starve.h"
#include "bench/peers/loop.h"
#include <fastsync/time.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static struct fsyb_trier *
trier_of(struct fsyb_hold *hold)
{
	return (struct fsyb_trier *)(void *)hold;
}

static struct fsyb_passed
passed(const struct fsyb_starve *all)
{
	return (struct fsyb_passed){ fsyb_load(&all->sections), fsyb_load(&all->phases) };
}

/* The controller looks at these while their owner writes them; what does not fit together by one section is of no account. */
static void
store_passed(struct fsyb_passed *to, struct fsyb_passed from)
{
	fsyb_store(&to->sections, from.sections);
	fsyb_store(&to->phases, from.phases);
}

static struct fsyb_passed
passed_since(const struct fsyb_passed *then, struct fsyb_passed now)
{
	return (struct fsyb_passed){ now.sections - fsyb_load(&then->sections), now.phases - fsyb_load(&then->phases) };
}

/* Asleep: whoever holds a lock for long does so because it waits for something else. */
static void
sleep_for(int64_t ns)
{
	struct timespec time = { ns / 1000000000, ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static void
ask(struct fsyb_hold *hold)
{
	struct fsyb_trier *self = trier_of(hold);

	if (!self->exact) {
		prctl(PR_SET_TIMERSLACK, 1); /* holds of 100 us would become 150 */
		self->exact = true;
	}
	if (!self->tried)
		return;
	store_passed(&self->then, passed(self->all));
	__atomic_store_n(&self->asked, fsy_now(), __ATOMIC_RELEASE);
}

static void
got(struct fsyb_trier *self)
{
	struct fsyb_passed now = passed(self->all);
	int64_t wait = fsy_now() - self->asked;

	if (wait > __atomic_load_n(&self->longest_ns, __ATOMIC_RELAXED)) {
		store_passed(&self->most, passed_since(&self->then, now));
		__atomic_store_n(&self->longest_ns, wait, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&self->asked, 0, __ATOMIC_RELEASE);
}

/* For half to one and a half of the time, drawn anew each time, so that those who came in together do not leave together. */
static void
held(struct fsyb_hold *hold, int write)
{
	struct fsyb_trier *self = trier_of(hold);
	struct fsyb_starve *all = self->all;

	if (self->tried) {
		got(self);
		return;
	}
	__atomic_fetch_add(&all->sections, 1, __ATOMIC_RELAXED);
	if (!write)
		__atomic_fetch_add(&all->inside, 1, __ATOMIC_RELAXED);
	if (fsyb_load32(all->stop) == 0)
		sleep_for(all->hold_ns / 2 + (int64_t)(fsyb_random(&self->random) % (uint64_t)all->hold_ns));
	if (write || __atomic_fetch_sub(&all->inside, 1, __ATOMIC_RELAXED) == 1)
		__atomic_fetch_add(&all->phases, 1, __ATOMIC_RELAXED);
}

/* The tried side comes back after as long again; the others at once. */
static void
left(struct fsyb_hold *hold)
{
	struct fsyb_trier *self = trier_of(hold);

	if (self->tried && fsyb_load32(self->all->stop) == 0)
		sleep_for(self->all->hold_ns);
}

struct fsyb_starve *
fsyb_starve_new(unsigned threads, int64_t hold_ns, const volatile uint32_t *stop, uint64_t seed)
{
	struct fsyb_starve *all = calloc(1, sizeof *all);
	struct fsyb_trier *triers = aligned_alloc(128, threads * sizeof *triers);

	if (!all || !triers) {
		free(all);
		free(triers);
		return NULL;
	}
	memset(triers, 0, threads * sizeof *triers);
	*all = (struct fsyb_starve){ .hold_ns = hold_ns, .stop = stop, .triers = triers };
	for (unsigned i = 0; i < threads; i++)
		triers[i] = (struct fsyb_trier){ .hold = { ask, held, left }, .all = all, .tried = i == 0,
			                         .random = (seed + i + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1 };
	return all;
}

void
fsyb_starve_free(struct fsyb_starve *starve)
{
	if (starve)
		free(starve->triers);
	free(starve);
}

void
fsyb_starve_begin(struct fsyb_starve *starve)
{
	__atomic_store_n(&starve->triers[0].longest_ns, 0, __ATOMIC_RELAXED);
}

struct fsyb_ordeal
fsyb_starve_look(const struct fsyb_starve *starve, int64_t now)
{
	const struct fsyb_trier *tried = &starve->triers[0];
	int64_t asked = __atomic_load_n(&tried->asked, __ATOMIC_ACQUIRE);
	int64_t longest = __atomic_load_n(&tried->longest_ns, __ATOMIC_ACQUIRE);

	if (asked != 0 && now - asked > longest)
		return (struct fsyb_ordeal){ now - asked, passed_since(&tried->then, passed(starve)), true };
	return (struct fsyb_ordeal){ longest, { fsyb_load(&tried->most.sections), fsyb_load(&tried->most.phases) }, false };
}

enum fsyb_fate
fsyb_fate(double longest_ns, double watched_ns)
{
	if (!(longest_ns >= 0) || !(watched_ns > 0))
		return FSYB_UNKNOWN;
	return longest_ns >= watched_ns / 2 ? FSYB_STARVED : longest_ns > watched_ns / 10 ? FSYB_DELAYED : FSYB_SERVED;
}

const char *
fsyb_verdict_starves(enum fsyb_fate fate)
{
	static const char *const verdicts[] = { "not measured", "does not hold", "partly: long waits", "holds" };

	return verdicts[fate];
}

const char *
fsyb_verdict_spared(enum fsyb_fate fate)
{
	static const char *const verdicts[] = { "not measured", "holds", "partly: long waits", "does not hold" };

	return verdicts[fate];
}

const char *
fsyb_verdict_fair(enum fsyb_fate writer, enum fsyb_fate reader)
{
	enum fsyb_fate worse = writer > reader ? writer : reader;

	if (writer == FSYB_UNKNOWN || reader == FSYB_UNKNOWN)
		return "not measured";
	if (worse != FSYB_STARVED)
		return fsyb_verdict_spared(worse);
	if (writer == reader)
		return "does not hold: both starve";
	return writer == FSYB_STARVED ? "partly: writers starve" : "partly: readers starve";
}

const char *
fsyb_verdict_better(enum fsyb_fate fate, enum fsyb_fate other)
{
	if (fate == FSYB_UNKNOWN || other == FSYB_UNKNOWN)
		return "not measured";
	return fate < other ? "holds" : fate > other ? "does not hold: reverse" : "does not hold: no difference";
}
