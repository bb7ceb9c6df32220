/* SPDX-License-Identifier: MIT */
/* soak.h - what the parts of the soak share: the threads that take turns, what is done to them, and who watches. */
#ifndef TEST_SOAK_H
#define TEST_SOAK_H

#include "test/load/load.h"

enum { HANDS = 12, CHILD_HANDS = 4 };

/* Counted over the whole run. */
struct soak_counts {
	fsy_atomic_u64 threads, cancelled, ended, signals, forks, migrations;
};
extern struct soak_counts soak_counts;
extern fsy_atomic_u64 soak_heartbeat;            /* of the thread that looks after the others */

/* Keeps count hands at work until end: starts anew those that have ended, cancels and signals some, rescues, and forks if asked; then has all of
 * them end, and audits all loads. True: nothing is wrong. */
bool soak_round(uint64_t seed, int hands, fsy_deadline_t end, bool forks);

/* Forks while the others are at it: the child unlocks what its thread holds, forgets the loads, and has a round of its own. */
void soak_fork(uint64_t seed);

/* A thread that ends the program with the words of all loads and all stacks when a load gets nowhere for so many seconds. */
void soak_watch(int seconds, uint64_t seed);
void soak_dump(void);

#endif
