/* SPDX-License-Identifier: MIT */
/* joined.c - see joined.h. */
#include "joined.h"

#include "lib/sync/readers_line.h"
#include "test/support/gate.h"
#include "test/support/rwlocks.h"
#include "test/support/worker.h"

static fsy_rwmutex_t elsewhere;
static fsy_atomic_u32 stop;
static struct gate ready = GATE("the worker has joined"), go = GATE("the worker may go on");

bool
joined_begin(fsy_rwmutex_t *rw)
{
	rw_begin(&elsewhere, READERS_FENCED);
	fsy_atomic_u32_store(&stop, 0);
	go.is_open = 0;
	return fsyi_reader_slot(&rw->readers_) != NULL;
}

bool
joined_possible(void)
{
	return fsyi_readers_enabled() && FSY_ASYMMETRIC_;
}

pthread_t
joined_start(void *(*body)(void *), fsy_rwmutex_t *rw)
{
	pthread_t thread = worker_start(body, rw);

	gate_meet(&ready, 2);
	return thread;
}

void
joined_tell(void)
{
	gate_meet(&ready, 2);
}

void
joined_here(fsy_rwmutex_t *rw)
{
	W_CHECK(fsyi_reader_slot(&rw->readers_) != NULL);
	fsyi_reader_join(&rw->readers_);
	joined_tell();
}

void *
joined_silent(void *rw)
{
	joined_here(rw);
	joined_wait_for_release();
	return NULL;
}

void *
joined_busy(void *rw)
{
	joined_here(rw);
	while (!joined_stopped()) {
		fsy_rwmutex_rlock(&elsewhere);
		fsy_rwmutex_runlock(&elsewhere);
	}
	return NULL;
}

void
joined_release(void)
{
	gate_open(&go);
}

void
joined_wait_for_release(void)
{
	gate_pass(&go);
}

void
joined_stop(void)
{
	fsy_atomic_u32_store(&stop, 1);
}

bool
joined_stopped(void)
{
	return fsy_atomic_u32_load(&stop) != 0;
}

void
joined_end(pthread_t thread)
{
	worker_join(thread);
	workers_assert();
}
