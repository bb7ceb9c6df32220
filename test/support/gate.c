/* SPDX-License-Identifier: MIT */
/* gate.c - see gate.h. */
#include "gate.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* No cancellation point: a thread that is cancelled here would take the gate's mutex with it, also after it was let through. */
static void
wait_for_move(struct gate *gate)
{
	struct timespec limit;
	int before;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += TEST_PATIENCE_MS / 1000;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	if (pthread_cond_timedwait(&gate->moved, &gate->mutex, &limit) != 0) {
		fprintf(stderr, "gate \"%s\": still waiting after %d s\n", gate->name, TEST_PATIENCE_MS / 1000);
		abort();
	}
	pthread_setcancelstate(before, &before);
}

void
gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->is_open = 1;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->mutex);
}

void
gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	while (!gate->is_open)
		wait_for_move(gate);
	pthread_mutex_unlock(&gate->mutex);
}

void
gate_meet(struct gate *gate, unsigned int parties)
{
	unsigned int round;

	pthread_mutex_lock(&gate->mutex);
	round = gate->round;
	if (++gate->arrived == parties) {
		gate->arrived = 0;
		gate->round++;
		pthread_cond_broadcast(&gate->moved);
	}
	while (gate->round == round)
		wait_for_move(gate);
	pthread_mutex_unlock(&gate->mutex);
}
