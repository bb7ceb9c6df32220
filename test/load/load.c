/* SPDX-License-Identifier: MIT */
/* load.c - see load.h. */
#include "load.h"
#include "lib/park/lot.h"
#include "test/support/worker.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

const struct load *const loads[] = {
	&load_mutex, &load_poison, &load_rwmutex, &load_fair, &load_once, &load_lazy, &load_pool, &load_waitgroup, &load_cond, &load_barrier, NULL,
};

fsy_atomic_u64 load_turns[LOADS_MOST];
static fsy_atomic_u32 failures;

void
load_print(const char *format, ...)
{
	char line[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length > 0 && write(STDERR_FILENO, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1) < 0)
		return;
}

void
load_failed(const char *condition, const char *file, int line)
{
	if (fsy_atomic_u32_add(&failures, 1) < 10)
		load_print("%s:%d: false: %s\n", file, line, condition);
}

uint32_t
load_failures(void)
{
	return fsy_atomic_u32_load(&failures);
}

void
load_turn(int i, struct hand *hand)
{
	loads[i]->turn(hand);
	fsy_atomic_u64_add_rlx(&load_turns[i], 1);
}

bool
load_mortal(struct hand *hand)
{
	if (!hand->may_die)
		return false;
	pthread_testcancel();
	if (load_chance(hand, 200))
		hand->ends = true;
	return hand->ends;
}

uint32_t
load_below(struct hand *hand, uint32_t limit)
{
	return (uint32_t)(test_random(&hand->random) >> 32) % limit;
}

bool
load_chance(struct hand *hand, uint32_t once_in)
{
	return load_below(hand, once_in) == 0;
}

fsy_deadline_t
load_deadline(struct hand *hand)
{
	uint32_t kind = load_below(hand, 8);

	if (kind == 0)
		return 0;
	return fsy_after_ns(load_below(hand, kind < 4 ? 5000 : 300000));
}

void
load_dawdle(struct hand *hand)
{
	uint32_t kind = load_below(hand, 64);

	if (kind == 0)
		sched_yield();
	else if (kind < 4)
		for (uint32_t pauses = load_below(hand, 2000); pauses > 0; pauses--)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

bool
loads_audit(void)
{
	uint32_t before = load_failures();

	for (int i = 0; loads[i] != NULL; i++) {
		const char *wrong = loads[i]->audit();

		if (wrong == NULL)
			continue;
		load_print("%s, audited: %s\n", loads[i]->name, wrong);
		loads[i]->dump();
		fsy_atomic_u32_add(&failures, 1);
	}
	if (!fsyi_lot_is_idle(&fsyi_lot)) {
		load_print("audited: somebody is left in the lot\n");
		fsy_atomic_u32_add(&failures, 1);
	}
	return load_failures() == before;
}
