/* SPDX-License-Identifier: MIT */
/*
 * window.c - one window in this process: make the object, start pinned workers, let them go together, and either cut
 * a span of time out of the middle of their run (fixed time) or time a given number of operations each (fixed work).
 *
 * A span is cut by two snapshots of every worker's counter, taken by the calling thread, which runs above the workers; the
 * clock is read with each snapshot, so a late snapshot makes the span longer, not wrong.
 */
#include "bench/peers/loop.h"
#include "bench/window.h"
#include <fastsync/time.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long workers may take to stop before their lock is called broken. */
#define FSYB_STOP_S 20

static void
work(struct fsyb_hand *hand)
{
	struct fsyb_window_state *w = hand->window;
	void (*run)(void *, struct fsyb_worker *) = w->candidate->impl->run;

	if (w->load->ops == 0) {
		hand->worker.stop = &w->stop;
		run(w->object, &hand->worker);
		return;
	}
	hand->worker.stop = &w->warm_stop;
	run(w->object, &hand->worker);
	hand->warm_ops = hand->worker.ops;
	if (!w->load->alone && !fsyb_gate_wait(&w->gate))
		return;
	hand->worker.stop = &w->never;
	hand->worker.ops = 0;
	hand->worker.limit = w->load->ops;
	hand->start = fsy_now();
	run(w->object, &hand->worker);
	hand->end = fsy_now();
}

enum { NODE_CPUS = 2 };

static void *
hand_main(void *argument)
{
	struct fsyb_hand *hand = argument;

	/* Neighbours share a node and, pinned round-robin, have a CPU each: a node is a set of CPUs, as on a real machine. */
	if (hand->window->load->nodes > 0)
		fsy_thread_set_node((int)(hand->worker.index / NODE_CPUS % (unsigned)hand->window->load->nodes));
	if (fsyb_gate_wait(&hand->window->gate))
		work(hand);
	return NULL;
}

static bool
start_hands(struct fsyb_window_state *w, struct fsyb_sample *sample)
{
	pthread_attr_t attributes;
	int error = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 128 * 1024);
	for (unsigned i = 0; i < w->load->threads && !error; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((size_t)fsyb_machine.cpus[i % fsyb_machine.cpu_count], &set);
		if (!w->load->unpinned)
			pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
		error = pthread_create(&w->hands[i].thread, &attributes, hand_main, &w->hands[i]);
		w->started += !error;
	}
	pthread_attr_destroy(&attributes);
	if (error)
		snprintf(sample->error, sizeof sample->error, "cannot start thread %u: %s", w->started, strerror(error));
	return !error;
}

/* False: a worker did not stop. It still uses the window, which is therefore abandoned. */
static bool
join_hands(struct fsyb_window_state *w, struct fsyb_sample *sample)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += FSYB_STOP_S;
	for (unsigned i = 0; i < w->started; i++)
		if (pthread_timedjoin_np(w->hands[i].thread, NULL, &limit) != 0) {
			snprintf(sample->error, sizeof sample->error, "hangs: worker %u of %u still waits %d s after the end",
			         i, w->started, FSYB_STOP_S);
			return false;
		}
	return true;
}

static void
time_span(struct fsyb_window_state *w, struct fsyb_sample *sample)
{
	int64_t start, end;

	fsyb_gate_open(&w->gate, false);
	fsyb_sleep(w->load->warm_ns);
	start = fsyb_snapshot(w, 0, w->first);
	fsyb_sleep(w->load->window_ns);
	end = fsyb_snapshot(w, 1, w->last);
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < w->load->threads; i++)
		w->last[i] -= w->first[i];
	sample->elapsed_ns = (double)(end - start);
}

static void
time_work(struct fsyb_window_state *w)
{
	fsyb_gate_open(&w->gate, false);
	fsyb_sleep(w->load->warm_ns);
	__atomic_store_n(&w->warm_stop, 1, __ATOMIC_RELAXED);
	fsyb_gate_gather(&w->gate, w->load->threads);
	fsyb_snapshot(w, 0, w->first);
	fsyb_gate_open(&w->gate, false);
}

static void
finish_work(struct fsyb_window_state *w, struct fsyb_sample *sample)
{
	int64_t start = INT64_MAX, end = 0;

	fsyb_snapshot(w, 1, w->last);
	for (unsigned i = 0; i < w->load->threads; i++) {
		start = w->hands[i].start < start ? w->hands[i].start : start;
		end = w->hands[i].end > end ? w->hands[i].end : end;
	}
	sample->elapsed_ns = (double)(end - start);
}

/* In the calling thread: a process with one thread has nobody to let go. */
static void
time_alone(struct fsyb_window_state *w, struct fsyb_sample *sample)
{
	struct fsyb_hand *hand = &w->hands[0];
	cpu_set_t set, before;

	sched_getaffinity(0, sizeof before, &before);
	CPU_ZERO(&set);
	CPU_SET((size_t)fsyb_machine.cpus[0], &set);
	if (!w->load->unpinned)
		sched_setaffinity(0, sizeof set, &set);
	__atomic_store_n(&w->warm_stop, 1, __ATOMIC_RELAXED);
	work(hand);
	w->last[0] = (double)hand->worker.ops;
	sample->elapsed_ns = (double)(hand->end - hand->start);
	sched_setaffinity(0, sizeof before, &before);
}

static bool
prepare(struct fsyb_window_state *w, const struct fsyb_candidate *candidate, const struct fsyb_load *load)
{
	unsigned threads = load->threads;

	fsyb_gate_init(&w->gate);
	w->candidate = candidate;
	w->load = load;
	w->hands = aligned_alloc(128, threads * sizeof *w->hands);
	w->first = calloc(2 * (size_t)threads, sizeof *w->first);
	w->histograms = load->latency ? calloc((size_t)threads * FSYB_HISTOGRAM, sizeof *w->histograms) : NULL;
	w->before = calloc(FSYB_HISTOGRAM, sizeof *w->before);
	w->starve = load->hold_ns ? fsyb_starve_new(threads, load->hold_ns, &w->stop, load->seed) : NULL;
	if (!w->hands || !w->first || !w->before || (load->latency && !w->histograms) || (load->hold_ns && !w->starve))
		return false;
	w->last = w->first + threads;
	memset(w->hands, 0, threads * sizeof *w->hands);
	for (unsigned i = 0; i < threads; i++) {
		w->hands[i].window = w;
		w->hands[i].worker = (struct fsyb_worker){
			.stop = &w->stop, .section = load->section, .outside = load->outside,
			.write_permille = load->write_permille, .index = i, .threads = threads,
			.random = (load->seed + i + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1,
			.histogram = w->histograms ? &w->histograms[(size_t)i * FSYB_HISTOGRAM] : NULL,
			.reserved = { fsyb_machine.tsc_khz },
		};
		if (load->writer) {
			w->hands[i].worker.write_permille = i == 0 ? 1000 : 0;
			w->hands[i].worker.outside = i == 0 ? load->outside : 0;
			w->hands[i].worker.histogram = i == 0 ? w->histograms : NULL;
		}
		if (w->starve) {
			w->hands[i].worker.write_permille = i == 0 ? load->write_permille : 1000 - load->write_permille;
			w->hands[i].worker.reserved[FSYB_HOLD_HOOKS] = (uint64_t)(uintptr_t)&w->starve->triers[i].hold;
		}
	}
	w->object = candidate->impl->create(threads);
	return w->object != NULL;
}

static void
release(struct fsyb_window_state *w)
{
	if (w->object)
		w->candidate->impl->destroy(w->object);
	free(w->hands);
	free(w->first);
	free(w->histograms);
	free(w->before);
	fsyb_starve_free(w->starve);
	free(w);
}

void
fsyb_window(const struct fsyb_candidate *candidate, const struct fsyb_load *load, struct fsyb_sample *sample)
{
	struct fsyb_window_state *w = aligned_alloc(128, (sizeof *w + 127) & ~(size_t)127);
	bool ready;

	snprintf(sample->error, sizeof sample->error, "out of memory");
	if (!w)
		return;
	memset(w, 0, sizeof *w);
	if (!prepare(w, candidate, load)) {
		release(w);
		return;
	}
	sample->error[0] = 0;
	if (load->alone) {
		time_alone(w, sample);
		fsyb_conclude(w, sample);
		release(w);
		return;
	}
	fsyb_controller(true);
	ready = start_hands(w, sample);
	if (ready) {
		fsyb_gate_gather(&w->gate, load->threads);
		if (load->ops)
			time_work(w);
		else
			time_span(w, sample);
	} else {
		fsyb_gate_open(&w->gate, true);
	}
	fsyb_controller(false);
	if (!join_hands(w, sample))
		return; /* what a hanging worker may still touch is leaked on purpose */
	if (ready && load->ops)
		finish_work(w, sample);
	if (ready)
		fsyb_conclude(w, sample);
	release(w);
}
