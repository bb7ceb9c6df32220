/* SPDX-License-Identifier: MIT */
/* fiber.c - one stack per virtual thread. ucontext makes the stacks; _setjmp switches, without a system call. */
#include "sim.h"
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { STACK = 64 * 1024, LOCALS = 512 };
static char stacks[SIM_THREADS][STACK] __attribute__((aligned(64)));
static jmp_buf home;
static ucontext_t starting;
static bool started[SIM_THREADS];
static char locals[SIM_THREADS][LOCALS];        /* each fiber's thread-local data while another runs */

/* A fiber serves one schedule after the other, so that a schedule costs no system call. */
static void
fiber_main(int id)
{
	ucontext_t unused;

	if (_setjmp(sim_run.thread[id].context) == 0)
		swapcontext(&unused, &starting);
	for (;;) {
		sim_run.scenario->thread(id); /* what it stored last may still be in its buffer */
		sim_tracef("T%d ends", id);
		sim_run.thread[id].state = SIM_ENDED;
		sim_decide();
	}
}

void
sim_fibers_init(void)
{
	if (sim_tls().size > LOCALS)
		abort();
	for (int i = 0; i < SIM_THREADS; i++) {
		ucontext_t context;

		sim_tls_begin(locals[i]);
		if (started[i])
			continue;
		getcontext(&context);
		context.uc_stack.ss_sp = stacks[i];
		context.uc_stack.ss_size = STACK;
		context.uc_link = NULL;
		makecontext(&context, (void (*)(void))fiber_main, 1, i);
		swapcontext(&starting, &context);
		started[i] = true;
	}
}

void
sim_fibers_forget(void)
{
	for (int i = 0; i < SIM_THREADS; i++)
		started[i] = false;
}

void
sim_switch(int from, int to)
{
	struct sim_tls tls = sim_tls();

	if (from >= 0 && tls.size > 0)
		memcpy(locals[from], tls.data, tls.size);
	if (to >= 0 && tls.size > 0)
		memcpy(tls.data, locals[to], tls.size);
	sim_run.current = to;
	if (_setjmp(from < 0 ? home : sim_run.thread[from].context) == 0)
		_longjmp(to < 0 ? home : sim_run.thread[to].context, 1);
}
