/* SPDX-License-Identifier: MIT */
/* onces.h - what tests of once share: the once, runs that count themselves and answer what the test wants, and the once when it is done or new.
 * Main thread only where cmocka's asserts are used. */
#ifndef TEST_ONCES_H
#define TEST_ONCES_H

#include <fastsync/once.h>

extern fsy_once_t once;
extern int runs, answer;
extern fsy_once_state_t told;                    /* to the last forced run */

/* Every test's setup. */
int once_fresh(void **state);

/* Runs. */
void plain(void *arg);
int fallible(void *arg);
int forced(fsy_once_state_t before, void *arg);

void assert_done(const fsy_once_t *o);
void assert_new(const fsy_once_t *o);

#endif
