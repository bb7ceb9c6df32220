/* SPDX-License-Identifier: MIT */
/*
 * worth.h - lockword_worth.c, compiled into a test under other names than the library's and with a clock and yields of the test's own, so that no
 * machine is too slow for it.
 */
#ifndef TEST_SUPPORT_WORTH_H
#define TEST_SUPPORT_WORTH_H

#include "lib/sys/clock.h"
#include "lib/sys/cpu.h"
#include "lib/sys/tune.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static int64_t clock_ns, yield_ns;
static int yield_count, frees_after;
static fsy_atomic_u32 words[1 << 16];

static int64_t own_now(void) { return clock_ns; }
static void own_yield(void);

#define fsyi_now own_now
#define fsyi_yield own_yield
#define fsyi_lockword_is_vain own_is_vain
#define fsyi_lockword_is_hopeless own_is_hopeless
#define fsyi_lockword_search_ns own_search_ns
#define fsyi_lockword_note_search own_note_search
#define fsyi_lockword_wakes_late own_wakes_late
#define fsyi_lockword_let_run own_let_run
#define fsyi_lockword_patience_ns own_patience_ns
#define fsyi_lockword_note_rest own_note_rest
#define fsyi_lockword_note_release own_note_release
#define fsyi_lockword_note_fight own_note_fight
#define fsyi_lockword_is_fought_for own_is_fought_for
#define fsyi_lockword_may_bar own_may_bar
#define fsyi_lockword_i_bar own_i_bar
#define fsyi_lockword_note_bar own_note_bar
#include "lib/sync/lockword_worth.c"

static struct fsyi_lockword lock = { .word = &words[0] }, other;

static void
own_yield(void)
{
	clock_ns += yield_ns;
	if (++yield_count == frees_after)
		fsy_atomic_u32_store_rlx(lock.word, 0);
}

static int
begin(void **state)
{
	(void)state;
	memset(vain, 0, sizeof vain);
	memset(vain_short, 0, sizeof vain_short);
	memset(late, 0, sizeof late);
	memset(yields, 0, sizeof yields);
	memset(yield_at, 0, sizeof yield_at);
	memset(told, 0, sizeof told);
	memset(unprobed, 0, sizeof unprobed);
	memset(rests, 0, sizeof rests);
	memset(barred_at, 0, sizeof barred_at);
	memset(bar_again_at, 0, sizeof bar_again_at);
	clock_ns = 1000000000;
	assert_non_null(fsyi_thread_self());
	other.word = &words[1];
	while (cell(&other) == cell(&lock))
		other.word++;
	return 0;
}

#endif
