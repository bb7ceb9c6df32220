/* SPDX-License-Identifier: MIT */
/*
 * selftest.c - does every implementation of the modules named on the command line do what peer.h says? Locks exclude,
 * loops stop where told and do the work asked for, latency runs count every acquire. Two locks that do nothing, and a loop
 * whose work is missing, must be found out, or the checks mean nothing.
 *
 * Prints one line per implementation, "ok NAME" or "not ok NAME: why"; exit status 1 if any is not ok.
 */
#include "c/module.h"

#include "selftest_broken.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define THREADS 4
#define OPS     1000

struct trial {
	const struct fsyb_impl *impl;
	void *object;
	unsigned threads;
	uint32_t stop, go;
	struct fsyb_worker workers[THREADS];
	uint64_t histograms[THREADS][FSYB_HISTOGRAM];
};

struct start {
	struct trial *trial;
	unsigned index;
};

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *
worker_main(void *argument)
{
	const struct start *start = argument;
	struct trial *trial = start->trial;

	/* Spinning, so that all are awake when the gate opens and really meet. */
	while (__atomic_load_n(&trial->go, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	trial->impl->run(trial->object, &trial->workers[start->index]);
	return NULL;
}

/* Runs to the limit or, with limit 0, until every worker has done some operations. Returns the nanoseconds it took. */
static int64_t
run_trial(struct trial *trial, const struct fsyb_worker *pattern, unsigned threads, bool latency)
{
	pthread_t handles[THREADS];
	struct start starts[THREADS];
	int64_t began;

	trial->threads = threads;
	trial->stop = trial->go = 0;
	memset(trial->histograms, 0, sizeof(trial->histograms));
	for (unsigned i = 0; i < threads; i++) {
		trial->workers[i] = *pattern;
		trial->workers[i].stop = &trial->stop;
		trial->workers[i].index = i;
		trial->workers[i].threads = threads;
		trial->workers[i].random = 0x9e3779b97f4a7c15u * (i + 1);
		trial->workers[i].histogram = latency ? trial->histograms[i] : NULL;
		starts[i] = (struct start){trial, i};
		if (pthread_create(&handles[i], NULL, worker_main, &starts[i]) != 0) {
			fprintf(stderr, "selftest: cannot start a thread\n");
			exit(2);
		}
	}
	began = now_ns();
	__atomic_store_n(&trial->go, 1, __ATOMIC_RELEASE);
	if (pattern->limit == 0) {
		for (unsigned i = 0; i < threads; i++)
			while (trial->workers[i].ops < 10)
				sched_yield();
		__atomic_store_n(&trial->stop, 1, __ATOMIC_RELAXED);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(handles[i], NULL);
	return now_ns() - began;
}

static uint64_t
sum_ops(const struct trial *trial, bool writes)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < trial->threads; i++)
		sum += writes ? trial->workers[i].writes : trial->workers[i].ops;
	return sum;
}

static bool
is_rw(const char *kind)
{
	return strcmp(kind, FSYB_RW) == 0 || strcmp(kind, FSYB_HOLD) == 0;
}

/* What README.md says datum() must be after `ops` and `writes`; false if it is something else. */
static bool
datum_right(const struct trial *trial)
{
	const char *kind = trial->impl->kind;
	uint64_t datum;

	if (trial->impl->datum == NULL)
		return true;
	datum = trial->impl->datum(trial->object);
	if (strcmp(kind, FSYB_ONCE) == 0)
		return datum == 1;
	if (is_rw(kind))
		return datum == sum_ops(trial, true);
	if (strcmp(kind, FSYB_FANOUT) == 0 || strcmp(kind, FSYB_BARRIER) == 0 || strcmp(kind, FSYB_HANDED) == 0)
		return datum == 0;
	return datum == sum_ops(trial, false);
}

static const char *
check_limit(struct trial *trial, unsigned threads, bool latency, uint64_t tsc_khz)
{
	struct fsyb_worker pattern = {.limit = OPS, .section = 300, .outside = 3, .write_permille = 300};
	uint64_t counted = 0, writes;

	pattern.reserved[FSYB_TSC_KHZ] = tsc_khz;
	run_trial(trial, &pattern, threads, latency);
	for (unsigned i = 0; i < threads; i++) {
		if (trial->workers[i].ops != OPS)
			return "a worker stopped before or after its limit";
		for (unsigned bucket = 0; bucket < FSYB_HISTOGRAM; bucket++)
			counted += trial->histograms[i][bucket];
		if (latency && trial->workers[i].longest_ns == 0)
			return "no acquire took any time";
	}
	if (counted != (latency ? (uint64_t)OPS * threads : 0))
		return "the histogram does not count every operation once";
	writes = sum_ops(trial, true);
	if (is_rw(trial->impl->kind) && (writes < threads * OPS / 5 || writes > threads * OPS * 2 / 5))
		return "the share of writes is not the one asked for";
	return datum_right(trial) ? NULL : "operations were lost: two threads were in the section at once";
}

static const char *
check_stop(struct trial *trial, unsigned threads)
{
	struct fsyb_worker pattern = {.write_permille = 100};

	run_trial(trial, &pattern, threads, false);
	return datum_right(trial) ? NULL : "operations were lost in a run ended by the stop flag";
}

/* No processor multiplies dependently in a quarter of a nanosecond; a loop without the work is far below that. */
static const char *
check_work(struct trial *trial, uint32_t section, uint32_t outside, uint32_t write_permille)
{
	struct fsyb_worker pattern = {
		.limit = 200, .section = section, .outside = outside, .write_permille = write_permille};
	int64_t least = (int64_t)(section + outside) * 200 / 4;

	if (run_trial(trial, &pattern, 1, false) < least)
		return section ? "the work inside is not done" : "the work outside is not done";
	return NULL;
}

static const char *
check_all(struct trial *trial, unsigned threads)
{
	bool sections = strcmp(trial->impl->kind, FSYB_MUTEX) == 0 || is_rw(trial->impl->kind);
	const char *why = NULL;

	for (int step = 0; why == NULL && step < 7; step++) {
		trial->object = trial->impl->create(threads);
		if (trial->object == NULL)
			return "no object";
		if (trial->impl->run == NULL) {
			trial->impl->destroy(trial->object);
			return strcmp(trial->impl->kind, FSYB_MILLION) == 0 ? NULL : "no loop";
		}
		switch (step) {
		case 0: why = check_limit(trial, threads, false, 0); break;
		case 1: why = check_limit(trial, threads, true, 0); break;
		case 2: why = check_limit(trial, threads, true, 2000000); break;
		case 3: why = check_stop(trial, threads); break;
		case 4: why = check_work(trial, 0, 20000, 0); break;
		case 5: why = sections ? check_work(trial, 20000, 0, 0) : NULL; break;
		case 6: why = sections ? check_work(trial, 20000, 0, 1000) : NULL; break;
		}
		trial->impl->destroy(trial->object);
	}
	return why;
}

static bool
is_found_out(const struct fsyb_impl *impl, unsigned threads)
{
	static struct trial trial;

	trial.impl = impl;
	for (int attempt = 0; attempt < 20; attempt++)
		if (check_all(&trial, threads) != NULL)
			return true;
	return false;
}

static bool
found_out(const char *kind, void (*run)(void *, struct fsyb_worker *), uint64_t (*datum)(void *), unsigned threads)
{
	struct fsyb_impl impl = {kind, "broken", NULL, 0, 0, 0, broken_create, broken_destroy, run, datum, FSYB_PEER};

	return is_found_out(&impl, threads);
}

static int
check_ourselves(void)
{
	static const struct fsyb_impl open[] = {
		{FSYB_WAITGROUP, "open", NULL, 0, 0, 0, open_create, open_destroy, open_turns, open_datum, FSYB_PEER},
		{FSYB_FANOUT, "open", NULL, 0, 0, 0, open_create, open_destroy, open_all, open_wrong, FSYB_PEER},
		{FSYB_BARRIER, "through", NULL, 0, 0, 0, through_create, through_destroy, through_rounds, through_wrong, FSYB_PEER},
		{FSYB_HANDED, "shared", NULL, 0, 0, 0, shared_create, shared_destroy, shared_handed, shared_wrong, FSYB_PEER},
	};
	int bad = 0;

	for (int i = 1; i < 4; i++)
		bad |= !is_found_out(&open[i], THREADS);
	/* With one CPU two threads seldom meet inside a section. */
	if (fsyb_cpus() > 1) {
		bad |= !is_found_out(&open[0], THREADS);
		bad |= !found_out(FSYB_MUTEX, broken_mutex, broken_datum, THREADS);
		bad |= !found_out(FSYB_RW, broken_rw, broken_words, THREADS);
	}
	bad |= !found_out(FSYB_MUTEX, broken_lazy, broken_datum, 1);
	printf("%s peers-selftest: broken implementations are found out\n", bad ? "not ok" : "ok");
	return bad;
}

static int
check_module(const char *path)
{
	static struct trial trial;
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	fsyb_peer_fn peer = NULL;
	int bad = 0;

	if (module != NULL)
		*(void **)&peer = dlsym(module, "fsyb_peer");
	if (peer == NULL || peer(FSYB_PEER_ABI) == NULL) {
		printf("not ok %s: %s\n", path, module == NULL || peer == NULL ? dlerror() : "wrong ABI");
		return 1;
	}
	if (peer(FSYB_PEER_ABI + 1) != NULL) {
		printf("not ok %s: claims an ABI that does not exist\n", path);
		return 1;
	}
	for (trial.impl = peer(FSYB_PEER_ABI); trial.impl->kind != NULL; trial.impl++) {
		unsigned most = trial.impl->max_threads;
		const char *why = check_all(&trial, most != 0 && most < THREADS ? most : THREADS);

		printf("%s peer-%s-%s%s%s\n", why ? "not ok" : "ok", trial.impl->kind, trial.impl->name, why ? ": " : "",
		       why ? why : "");
		fflush(stdout);
		bad |= why != NULL;
	}
	return bad;
}

int
main(int argc, char **argv)
{
	int bad = check_ourselves();

	for (int i = 1; i < argc; i++)
		bad |= check_module(argv[i]);
	return bad;
}
