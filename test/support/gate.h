/* SPDX-License-Identifier: MIT */
/*
 * gate.h - where test threads meet. On pthread, so that a test of our locks does not stand on them. Whoever waits here
 * for two minutes ends the program with the gate's name: a hang becomes a message. Not a cancellation point.
 */
#ifndef TEST_GATE_H
#define TEST_GATE_H

#include <pthread.h>

struct gate {
	const char *name;
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	unsigned int is_open, arrived, round;
};

#define GATE(name) { (name), PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0 }

/* Opens for good; threads pass as soon as it is open. */
void gate_open(struct gate *gate);
void gate_pass(struct gate *gate);

/* Returns once parties threads have called it; then it can be used again. */
void gate_meet(struct gate *gate, unsigned int parties);

#endif
