/* SPDX-License-Identifier: MIT */
/*
 * fork.c - playing a forked child: the caller goes on alone, with memory as the others left it.
 */
#include "sim.h"
#include <sys/fork.h>

/* The toys run without the library. */
void fsyi_lot_fork_child(void) __attribute__((weak));
void fsyi_owner_fork_child(bool alone) __attribute__((weak));
void fsyi_reader_fork_child(bool alone) __attribute__((weak));
void fsyi_fair_fork_child(bool alone) __attribute__((weak));

static bool wiped;
static uint32_t generation;
static int forker;

void
sim_fork_reset(void)
{
	wiped = false;
	generation = 0;
}

void
sim_fork(void)
{
	sim_point();
	sim_drain(sim_run.current);
	for (int i = 0; i < sim_run.scenario->threads; i++) {
		struct sim_thread *t = &sim_run.thread[i];

		if (i == sim_run.current)
			continue;
		t->entries = 0;                         /* what was not visible stays with the parent */
		if (t->state == SIM_LATENT)
			t->state = SIM_READY;
		else if (t->state != SIM_ENDED)
			t->state = SIM_GONE;
	}
	wiped = true;
	forker = sim_run.current;
	generation++;
	sim_tracef("fork: T%d is the child's only thread", sim_run.current);
}

void
sim_await_fork(void)
{
	sim_run.thread[sim_run.current].state = SIM_LATENT;
	sim_point();
}

/* Recovery excludes other slow paths, so it is one step. */
void
fsyi_fork_check(void)
{
	int self = sim_run.current;
	bool trace = sim_run.trace;

	if (!wiped)
		return;
	wiped = false;
	sim_drain(self);
	sim_run.trace = false;
	sim_run.current = -1;
	if (fsyi_lot_fork_child != NULL)
		fsyi_lot_fork_child();
	fsyi_thread_fork_child();
	if (fsyi_reader_fork_child != NULL)
		fsyi_reader_fork_child(forker == self);
	if (fsyi_fair_fork_child != NULL)
		fsyi_fair_fork_child(forker == self);
	sim_run.current = self;
	if (fsyi_owner_fork_child != NULL)
		fsyi_owner_fork_child(forker == self);
	sim_run.trace = trace;
}

uint32_t
fsyi_fork_generation(void)
{
	return generation;
}
