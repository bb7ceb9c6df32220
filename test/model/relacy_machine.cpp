// SPDX-License-Identifier: MIT
//
// relacy_machine.cpp - the library's C sources on relacy: C11 orders, loads that return stale values, races.
//
// Answers the calls of sim_machine.h, so that the scenarios of test/sim run here unchanged. The code under test is
// C, compiled with -DFSYI_FENCED (relacy knows no membarrier and no mixed sizes) and -fsanitize=thread: the compiler
// then reports every plain access, and the hooks at the end of this file pass it to relacy, which finds a
// missing acquire or release as a data race on whatever the edge was to publish.
//
// A cell (plain address -> relacy atomic) is made at first sight. One made in the middle of an execution would have
// too little history to be read stale, so a first pass learns the addresses, and later executions
// make all cells before their threads start.
//
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

extern "C" {
#include "../sim/scenario.h"
#include <fastsync/atomic.h>
#include <sys/clock.h>
#include <sys/cpu.h>
#include <sys/fork.h>
#include <sys/futex.h>
#include <sys/membarrier.h>
void sim_world_reset(void);
int64_t sim_tick;
struct sim_counts sim_counts;
}
#include "relacy_machine.hpp"

namespace machine {

const sim_case *scenario;
int64_t now;
bool running;

struct waiter { int thread; const volatile void *word; };
static waiter waiters[SIM_THREADS];
static unsigned waiter_count;

static rl::context &
context()
{
	return rl::ctx();
}

static char locals[SIM_THREADS][4096];

switching::switching()
{
	if (running)
		memcpy(locals[sim_self()], sim_tls().data, sim_tls().size);
}

switching::~switching()
{
	if (running)
		memcpy(sim_tls().data, locals[sim_self()], sim_tls().size);
}

void
fail(rl::test_result_e result, const char *text)
{
	context().fail_test(text, result, rl::debug_info("", "scenario", 0));
}

void
begin()
{
	if (sim_tls().size > sizeof(locals[0]))
		abort();
	now = 1000000;
	waiter_count = 0;
	cells_begin();
	sim_world_reset();
	scenario->setup();
	cells_prepare();
	running = true;
}

void
end()
{
	running = false;
	scenario->check();
	cells_end();
}

static void
forget(int thread)
{
	for (unsigned i = 0; i < waiter_count; i++)
		if (waiters[i].thread == thread) {
			memmove(&waiters[i], &waiters[i + 1], (--waiter_count - i) * sizeof(waiter));
			return;
		}
}

} // namespace machine

using namespace machine;

extern "C" {

int sim_threads(void) { return scenario->threads; }
int sim_self(void) { return running ? static_cast<int>(rl::thread_index()) : -1; }
int64_t sim_now(void) { return now; }
uint32_t sim_random(uint32_t limit) { return rl::rand(limit); }
void sim_name(const volatile void *, size_t, const char *) {}
void sim_light_barrier(void) {}
void sim_fork(void) { abort(); }
void sim_await_fork(void) { abort(); }

void
sim_point(void)
{
	switching around;

	if (running)
		context().sched();
}

void
sim_fail(const char *format, ...)
{
	static char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	machine::fail(rl::test_result_user_assert_failed, text);
	abort();
}

int64_t
fsyi_now(void)
{
	return now += 20;
}

int64_t
fsy_now(void)
{
	return fsyi_now();
}

bool
fsyi_over_realtime(fsy_deadline_t deadline)
{
	(void)deadline;
	return false;
}

void
sim_yield(void)
{
	switching around;

	if (running)
		context().yield(1, $);
}

void
fsyi_relax(void)
{
	sim_yield();
}

void
fsyi_yield(void)
{
	sim_yield();
}

int64_t
fsyi_delay(int64_t ns)
{
	int64_t until = now + (ns > 0 ? ns : 0);

	if (ns > 2000)
		now = until - 2000;             // a long nap, cut short for everybody
	do {
		now += 20;
		fsyi_relax();
	} while (running && now < until);
	return now;
}

// No happens-before comes from the futex itself: the code may not rely on the kernel for its order.
enum fsyi_wait
fsyi_futex_wait(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	switching around;

	context().sched();
	if (newest(word) != expected)
		return FSYI_WOKEN;
	if (deadline <= now)
		return FSYI_TIMEDOUT;
	waiters[waiter_count++] = { sim_self(), word };
	rl::unpark_reason reason = context().park_current_thread(deadline != FSY_FOREVER, true, false, $);
	forget(sim_self());
	if (reason != rl::unpark_reason_timeout)
		return FSYI_WOKEN;
	if (now < deadline)
		now = deadline;
	return FSYI_TIMEDOUT;
}

enum fsyi_wait
fsyi_futex_wait_cancellable(fsy_atomic_u32 *word, uint32_t expected, fsy_deadline_t deadline)
{
	return fsyi_futex_wait(word, expected, deadline);
}

void
fsyi_futex_wake(fsy_atomic_u32 *word, int count)
{
	switching around;

	context().sched();
	for (unsigned i = 0; i < waiter_count && count > 0;) {
		if (waiters[i].word != word) {
			i++;
			continue;
		}
		int thread = waiters[i].thread;

		forget(thread);
		context().unpark_thread(thread, false, $);
		count--;
	}
}

bool fsyi_membarrier_init(void) { return false; }
bool fsyi_membarrier_lost(void) { return false; }
bool fsyi_membarrier(void) { sim_fail("membarrier in the fenced form"); }
void fsyi_fork_check(void) {}
uint32_t fsyi_fork_generation(void) { return 0; }

} // extern "C"
