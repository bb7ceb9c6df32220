/* SPDX-License-Identifier: MIT */
/*
 * rw_mail.h - holds of a reader-writer lock that anybody gives back: they lie in the mail. D1..D4 of lib/sync/readers.c. Included behind the
 * lock's own header.
 */
#ifndef RW_MAIL_H
#define RW_MAIL_H

#include "rw_modes.h"

/* Holds in the mail are for anybody to give back; held is how many there are, as far as their owners know. */
static fsy_atomic_u32 mail, held;

static inline void
setup_mail(enum mode mode)
{
	begin_tuned(mode);
	mail.cell_ = held.cell_ = 0;
}

static inline void
hold(void)
{
	enter_reading();
	SIM_CHECK(writing == 0);
	fsy_atomic_u32_add(&held, 1);
}

static inline void
give_back(void)
{
	SIM_CHECK(writing == 0);
	fsy_atomic_u32_add(&held, 0u - 1u);
	leave_reading();
}

static inline void
write_alone(int id)
{
	enter_writing();
	SIM_CHECK(writing == 0 && fsy_atomic_u32_load(&held) == 0);
	writing = 1;
	writes[id]++;
	sim_point();
	SIM_CHECK(fsy_atomic_u32_load(&held) == 0);
	writing = 0;
	leave_writing();
}

/* As soon as it is there, soon after, or when everybody sleeps. */
static inline void
take_mail(void)
{
	static const int64_t naps[] = { 0, 500, 20000 };
	int64_t nap = naps[sim_random(3)];
	int looks = 0;
	uint32_t seen = fsy_atomic_u32_load(&mail);

	while (seen == 0 || !fsy_atomic_u32_cas(&mail, &seen, seen - 1)) {
		if (nap > 0 || ++looks >= 1000)         /* a writer without membarrier may be waiting for a million ns to pass */
			fsyi_delay(nap > 0 ? nap : 500);
		sim_yield();                            /* where a step takes longer than that a delay keeps nobody's priority down */
		seen = fsy_atomic_u32_load(&mail);
	}
}

/* T0 gives back what the others have taken, T1 writes; the others read, and leave their holds or do not. */
static inline void
strangers(int id)
{
	for (int given = 0; id == 0 && given < (sim_threads() - 2) * rounds; given++) {
		take_mail();
		give_back();
	}
	for (int i = 0; id == 1 && i < rounds; i++)
		write_alone(id);
	for (int i = 0; id > 1 && i < 2 * rounds; i++) {
		hold();
		if (i % 2)
			give_back();
		else
			fsy_atomic_u32_add(&mail, 1);
	}
}

/* Every reader gives back somebody's hold: its own, most often. Writers time out meanwhile. */
static inline void
anybodys(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id == 0) {
			if (enter_writing_until(sim_now() + (int64_t)sim_random(3000))) {
				SIM_CHECK(fsy_atomic_u32_load(&held) == 0);
				leave_writing();
			}
			continue;
		}
		hold();
		fsy_atomic_u32_add(&mail, 1);
		take_mail();
		give_back();
	}
}

/* T1 reads and ends, T0 gives the hold back. */
static inline void
end_with_a_hold(int id)
{
	if (id == 0) {
		take_mail();
		give_back();
		return;
	}
	hold();
	fsy_atomic_u32_add(&mail, 1);
	fsyi_reader_exit(fsyi_thread_self());
}

/* T1 reads and ends; a new thread goes on with its record. T0 gives the hold back before, meanwhile or after. T2 writes, T3 reads. */
static inline void
reader_ends(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id < 2) {
			end_with_a_hold(id);
		} else if (id == 2) {
			write_alone(id);
		} else {
			hold();
			give_back();
		}
	}
}

#endif
