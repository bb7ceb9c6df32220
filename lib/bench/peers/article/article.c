/* SPDX-License-Identifier: MIT */
/*
 * article.c - the article's three Go benchmarks in C, over libfastsync and over glibc: the loops of ../go/article_test.go,
 * shared out among threads the way Go's testing.B.RunParallel does it, printed the way `go test -bench` prints.
 *
 *   article [-ms MILLISECONDS]
 */
#include <fastsync/atomic.h>
#include <fastsync/mutex.h>
#if __has_include(<fastsync/rwmutex.h>)
#include <fastsync/rwmutex.h>
#define HAVE_RWMUTEX 1
#endif

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALONE __attribute__((aligned(128)))

/* One run of n operations by all threads, which take them in grains from a common counter. */
struct parallel {
	ALONE uint64_t taken;
	ALONE uint64_t n, grain;
	void (*loop)(struct parallel *parallel);
};

struct share {
	uint64_t left;
};

/* Go's PB.Next, and like it inlined into the loop. */
static inline bool
next(struct parallel *parallel, struct share *share)
{
	if (share->left == 0) {
		uint64_t end = __atomic_add_fetch(&parallel->taken, parallel->grain, __ATOMIC_SEQ_CST);

		if (end <= parallel->n)
			share->left = parallel->grain;
		else if (end < parallel->n + parallel->grain)
			share->left = parallel->n + parallel->grain - end;
		else
			return false;
	}
	share->left--;
	return true;
}

static struct { ALONE fsy_mutex_t lock; uint64_t count; } fsy_mutex;
static struct { ALONE pthread_mutex_t lock; uint64_t count; } posix_mutex = {PTHREAD_MUTEX_INITIALIZER, 0};
static struct { ALONE pthread_rwlock_t lock; uint64_t value; } posix_rwlock = {PTHREAD_RWLOCK_INITIALIZER, 0};
static struct { ALONE fsy_atomic_i64 count; } fsy_counter;
static struct { ALONE _Atomic int64_t count; } c11_counter;

/* NAME_loop and NAME_count, which says how far the shared counter is. */
#define LOOP(NAME, BEGIN, BODY, END, COUNT)                                                                            \
	static void NAME##_loop(struct parallel *parallel)                                                             \
	{                                                                                                              \
		struct share share = {0};                                                                              \
                                                                                                                       \
		BEGIN;                                                                                                 \
		while (next(parallel, &share)) {                                                                       \
			BODY;                                                                                          \
		}                                                                                                      \
		END;                                                                                                   \
	}                                                                                                              \
	static uint64_t NAME##_count(void)                                                                             \
	{                                                                                                              \
		return (uint64_t)(COUNT);                                                                              \
	}
#define MUTEX_LOOP(NAME, LOCK, UNLOCK)                                                                                 \
	LOOP(NAME, (void)0, LOCK(&NAME.lock); NAME.count++; UNLOCK(&NAME.lock), (void)0, NAME.count)
/* What is read is kept, or the compiler would read nothing. */
#define READ_LOOP(NAME, LOCK, UNLOCK)                                                                                  \
	LOOP(NAME, uint64_t read = 0, LOCK(&NAME.lock); read += NAME.value; UNLOCK(&NAME.lock),                        \
	     __asm__ volatile("" : : "r"(read)), 0)
MUTEX_LOOP(fsy_mutex, fsy_mutex_lock, fsy_mutex_unlock)
MUTEX_LOOP(posix_mutex, pthread_mutex_lock, pthread_mutex_unlock)
#ifdef HAVE_RWMUTEX
static struct { ALONE fsy_rwmutex_t lock; uint64_t value; } fsy_rwmutex;
READ_LOOP(fsy_rwmutex, fsy_rwmutex_rlock, fsy_rwmutex_runlock)
#endif
READ_LOOP(posix_rwlock, pthread_rwlock_rdlock, pthread_rwlock_unlock)
LOOP(fsy_atomic, (void)0, (void)fsy_atomic_i64_add(&fsy_counter.count, 1), (void)0,
     fsy_atomic_i64_load(&fsy_counter.count))
LOOP(c11_atomic, (void)0, c11_counter.count += 1, (void)0, c11_counter.count)

struct benchmark {
	const char *name, *impl;
	void (*loop)(struct parallel *parallel);
	uint64_t (*count)(void);
	bool counts; /* the counter moves by one per operation */
};
static const struct benchmark benchmarks[] = {
	{"MutexContention", "fastsync", fsy_mutex_loop, fsy_mutex_count, true},
	{"MutexContention", "glibc", posix_mutex_loop, posix_mutex_count, true},
#ifdef HAVE_RWMUTEX
	{"RWMutexRead", "fastsync", fsy_rwmutex_loop, fsy_rwmutex_count, false},
#endif
	{"RWMutexRead", "glibc", posix_rwlock_loop, posix_rwlock_count, false},
	{"AtomicInt64", "fastsync", fsy_atomic_loop, fsy_atomic_count, true},
	{"AtomicInt64", "c11", c11_atomic_loop, c11_atomic_count, true},
};

static void *
thread_main(void *argument)
{
	struct parallel *parallel = argument;

	parallel->loop(parallel);
	return NULL;
}

static int64_t
run(struct parallel *parallel, unsigned threads)
{
	pthread_t handles[CPU_SETSIZE];
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i < threads; i++) {
		if (pthread_create(&handles[i], NULL, thread_main, parallel) != 0) {
			fprintf(stderr, "article: cannot start a thread\n");
			exit(2);
		}
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(handles[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
}

/* Go's way to the number of operations: as many as the last run promises to take long enough, and a fifth more. */
static uint64_t
predict(uint64_t n, int64_t ns, int64_t goal_ns)
{
	uint64_t more = (uint64_t)((double)goal_ns * (double)n / (double)(ns > 0 ? ns : 1));

	more += more / 5;
	if (more > 100 * n)
		more = 100 * n;
	if (more <= n)
		more = n + 1;
	return more < 1000000000 ? more : 1000000000;
}

static void
measure(const struct benchmark *benchmark, unsigned threads, int64_t goal_ns)
{
	uint64_t n = 1, grain = 1;
	int64_t ns;

	for (;;) {
		struct parallel parallel = {.n = n, .grain = grain, .loop = benchmark->loop};
		uint64_t count = benchmark->count();

		ns = run(&parallel, threads);
		if (benchmark->count() - count != (benchmark->counts ? n : 0)) {
			fprintf(stderr, "article: %s/impl=%s lost operations\n", benchmark->name, benchmark->impl);
			exit(1);
		}
		if (ns >= goal_ns || n >= 1000000000)
			break;
		grain = 100000 * n / (uint64_t)(ns > 0 ? ns : 1); /* 100 us of work */
		grain = grain < 1 ? 1 : grain > 10000 ? 10000 : grain;
		n = predict(n, ns, goal_ns);
	}
	printf("Benchmark%s/impl=%s-%u\t%10llu\t%12.2f ns/op\n", benchmark->name, benchmark->impl, threads,
	       (unsigned long long)n, (double)ns / (double)n);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	int64_t goal_ns = 1000000000;
	cpu_set_t set;
	unsigned threads = 1;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-ms") == 0 && i + 1 < argc && atoi(argv[i + 1]) > 0) {
			goal_ns = (int64_t)atoi(argv[++i]) * 1000000;
		} else {
			fprintf(stderr, "usage: article [-ms MILLISECONDS]\n");
			return 2;
		}
	}
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		threads = (unsigned)CPU_COUNT(&set);
	for (size_t i = 0; i < sizeof(benchmarks) / sizeof(*benchmarks); i++)
		measure(&benchmarks[i], threads, goal_ns);
	return 0;
}
