/* SPDX-License-Identifier: MIT */
/* rw_company.h - who reads and who writes, whatever the reader-writer lock. Included behind the lock's own header. */
#ifndef RW_COMPANY_H
#define RW_COMPANY_H

#include "rw_modes.h"

static inline void
everybody_was_in(void)
{
	at_rest();
	for (int id = 0; id < sim_threads(); id++)
		SIM_CHECK(reads[id] + writes[id] == rounds);
}

/* The last thread writes. */
static inline void
one_writer(int id)
{
	for (int i = 0; i < rounds; i++)
		if (id == sim_threads() - 1)
			write_once(id);
		else
			read_once(id);
}

static inline void
two_writers(int id)
{
	for (int i = 0; i < rounds; i++)
		if (id < 2)
			write_once(id);
		else
			read_once(id);
}

static inline void
writers(int id)
{
	for (int i = 0; i < rounds; i++)
		write_once(id);
}

static inline void
by_turns(int id)
{
	for (int i = 0; i < rounds; i++)
		if (sim_random(3) == 0)
			write_once(id);
		else
			read_once(id);
}

/* Readers that hold on for longer than a writer stays awake, or that a reader naps. */
static inline void
long_reads(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id == 0) {
			write_once(id);
			continue;
		}
		enter_reading();
		if (sim_random(2) == 0)
			fsyi_delay((int64_t)sim_random(3000));
		read_section(id);
		leave_reading();
	}
}

/*
 * No reader waits for another reader: all are inside at the same time, in every mode, also right after a writer has been there. A reader that
 * waited for another to leave would wait for ever.
 */
static fsy_atomic_u32 all_inside;

static inline void
setup_together(void)
{
	setup_any();
	rounds = 1;
	all_inside.cell_ = 0;
}

static inline void
together(int id)
{
	if (id == 0)
		write_once(id);
	for (;;) {
		enter_reading();
		if (writes[0] > 0)
			break;
		leave_reading();                        /* the writer would wait for whoever waits here */
		sim_yield();
	}
	nobody_else_is_inside(id, false);
	fsy_atomic_u32_add(&all_inside, 1);
	while (fsy_atomic_u32_load(&all_inside) < (uint32_t)sim_threads())
		sim_yield();
	leave_reading();
}

#endif
