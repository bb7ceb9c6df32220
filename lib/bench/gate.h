/* SPDX-License-Identifier: MIT */
/* gate.h - workers gather, sleeping, until the controller lets all of them go at once or sends them home. */
#ifndef FSYB_GATE_H
#define FSYB_GATE_H

#include <pthread.h>
#include <stdbool.h>

struct fsyb_gate {
	pthread_mutex_t mutex;
	pthread_cond_t arrival, opening;
	unsigned arrived, opened; /* opened counts how often */
	bool cancelled;
};

static inline void
fsyb_gate_init(struct fsyb_gate *gate)
{
	*gate = (struct fsyb_gate){ .mutex = PTHREAD_MUTEX_INITIALIZER };
	pthread_cond_init(&gate->arrival, NULL);
	pthread_cond_init(&gate->opening, NULL);
}

/* False: the round is off. */
static inline bool
fsyb_gate_wait(struct fsyb_gate *gate)
{
	unsigned turn;
	bool go;

	pthread_mutex_lock(&gate->mutex);
	turn = gate->opened;
	gate->arrived++;
	pthread_cond_signal(&gate->arrival);
	while (gate->opened == turn && !gate->cancelled)
		pthread_cond_wait(&gate->opening, &gate->mutex);
	go = !gate->cancelled;
	pthread_mutex_unlock(&gate->mutex);
	return go;
}

/* Waits until all are there. */
static inline void
fsyb_gate_gather(struct fsyb_gate *gate, unsigned workers)
{
	pthread_mutex_lock(&gate->mutex);
	while (gate->arrived < workers)
		pthread_cond_wait(&gate->arrival, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

static inline void
fsyb_gate_open(struct fsyb_gate *gate, bool cancelled)
{
	pthread_mutex_lock(&gate->mutex);
	gate->arrived = 0;
	gate->opened++;
	gate->cancelled = cancelled;
	pthread_cond_broadcast(&gate->opening);
	pthread_mutex_unlock(&gate->mutex);
}

#endif
