/* SPDX-License-Identifier: MIT */
/*
 * name: rwlocks: errors, clocks, kinds, recursive read locks with a waiting writer, writers that do not starve
 * item: 13
 * short: once
 */
#include "check.h"

static pthread_rwlock_t lock;
static _Atomic int tid, state, stop, reads;

static void
make(int kind)
{
	rwlock_of_kind(&lock, kind);
	tid = state = stop = reads = 0;
}

static void *
write_once(void *arg)
{
	(void)arg;
	tid = gettid();
	CHECK_IS(pthread_rwlock_wrlock(&lock), 0);
	state = 1;
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	return NULL;
}

static void *
try_both(void *arg)
{
	struct timespec past = { 1, 0 }, soon = in_ms(CLOCK_MONOTONIC, 20), realtime = in_ms(CLOCK_REALTIME, 20);
	bool written = arg != NULL;

	CHECK_IS(pthread_rwlock_tryrdlock(&lock), written ? EBUSY : 0);
	if (!written)
		CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	CHECK_IS(pthread_rwlock_trywrlock(&lock), EBUSY);
	CHECK_IS(pthread_rwlock_timedwrlock(&lock, &past), ETIMEDOUT);
	CHECK_IS(pthread_rwlock_timedwrlock(&lock, &realtime), ETIMEDOUT);
	CHECK_IS(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
	if (written) {
		CHECK_IS(pthread_rwlock_timedrdlock(&lock, &past), ETIMEDOUT);
		CHECK_IS(pthread_rwlock_timedrdlock(&lock, &realtime), ETIMEDOUT);
		soon = in_ms(CLOCK_MONOTONIC, 20);
		CHECK_IS(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
		soon = in_ms(CLOCK_MONOTONIC, 0);
		CHECK_IS(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
	}
	return NULL;
}

static void
errors(int kind)
{
	struct timespec odd = { 1, 1000000000 }, negative = { 1, -1 }, later = in_ms(CLOCK_MONOTONIC, 100000);

	make(kind);
	CHECK_IS(pthread_rwlock_wrlock(&lock), 0);
	CHECK_IS(pthread_rwlock_wrlock(&lock), EDEADLK);
	CHECK_IS(pthread_rwlock_rdlock(&lock), EDEADLK);
	CHECK_IS(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &later), EDEADLK);
	CHECK_IS(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &later), EDEADLK);
	CHECK_IS(pthread_rwlock_trywrlock(&lock), EBUSY);
	CHECK_IS(pthread_rwlock_tryrdlock(&lock), EBUSY);
	CHECK_IS(pthread_rwlock_timedrdlock(&lock, &odd), EINVAL);
	CHECK_IS(pthread_rwlock_timedwrlock(&lock, &negative), EINVAL);
	CHECK_IS(pthread_rwlock_clockrdlock(&lock, CLOCK_PROCESS_CPUTIME_ID, &later), EINVAL);
	CHECK_IS(pthread_rwlock_clockwrlock(&lock, CLOCK_PROCESS_CPUTIME_ID, &later), EINVAL);
	join(start(try_both, &lock));
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	for (int i = 0; i < 40; i++)
		CHECK_IS(i % 2 ? pthread_rwlock_rdlock(&lock) : pthread_rwlock_tryrdlock(&lock), 0);
	CHECK_IS(pthread_rwlock_trywrlock(&lock), EBUSY);
	for (int i = 0; i < 39; i++)
		CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	join(start(try_both, NULL));
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	CHECK_IS(pthread_rwlock_trywrlock(&lock), 0);
	join(start(try_both, &lock));
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	later = in_ms(CLOCK_MONOTONIC, 100000);
	CHECK_IS(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &later), 0);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	CHECK_IS(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &later), 0);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	CHECK_IS(pthread_rwlock_destroy(&lock), 0);
}

/* The thread reads already, by its first hold or its thousandth, of one lock or of many, and a writer waits: it may read again. */
static void
recursive(int kind, int before, int others)
{
	struct timespec later = in_ms(CLOCK_REALTIME, 100000);
	pthread_rwlock_t *other = calloc((size_t)others + 1, sizeof(*other));
	pthread_t writer;

	CHECK(other != NULL);
	make(kind);
	for (int i = 0; i < others; i++)
		CHECK_IS(pthread_rwlock_init(&other[i], NULL), 0);
	for (int i = 0; i < others; i++)
		CHECK_IS(pthread_rwlock_rdlock(&other[i]), 0);
	for (int i = 0; i < before; i++)        /* until it is one that is read mostly, and in a slot */
		CHECK_IS(pthread_rwlock_rdlock(&lock) + pthread_rwlock_unlock(&lock), 0);
	CHECK_IS(pthread_rwlock_rdlock(&lock), 0);
	writer = start(write_once, NULL);
	while (tid == 0)
		sched_yield();
	wait_asleep(tid);
	CHECK_IS(pthread_rwlock_rdlock(&lock), 0);
	CHECK_IS(pthread_rwlock_tryrdlock(&lock), 0);
	CHECK_IS(pthread_rwlock_timedrdlock(&lock, &later), 0);
	for (int i = 0; i < 4; i++) {
		CHECK_IS(state, 0);
		CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	}
	join(writer);
	CHECK_IS(state, 1);
	for (int i = 0; i < others; i++)
		CHECK_IS(pthread_rwlock_unlock(&other[i]), 0);
	CHECK_IS(pthread_rwlock_trywrlock(&lock), 0);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	free(other);
}

/* Kind 2: who comes while a writer waits, waits. */
static void
nonrecursive(void)
{
	struct timespec soon = in_ms(CLOCK_MONOTONIC, 30);
	pthread_t writer;

	make(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	CHECK_IS(pthread_rwlock_rdlock(&lock), 0);
	writer = start(write_once, NULL);
	while (tid == 0)
		sched_yield();
	wait_asleep(tid);
	CHECK_IS(pthread_rwlock_tryrdlock(&lock), EBUSY);
	CHECK_IS(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	join(writer);
}

/* A reader waits for another thread that has to read too, and a writer waits for the first. */
static void *
read_once(void *arg)
{
	(void)arg;
	CHECK_IS(pthread_rwlock_rdlock(&lock), 0);
	state = 2;
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	return NULL;
}

static void
needed_by_a_reader(int kind)
{
	pthread_t writer, reader;

	make(kind);
	CHECK_IS(pthread_rwlock_rdlock(&lock), 0);
	writer = start(write_once, NULL);
	while (tid == 0)
		sched_yield();
	wait_asleep(tid);
	reader = start(read_once, NULL);
	join(reader);                   /* under the read lock */
	CHECK_IS(state, 2);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	join(writer);
	CHECK_IS(state, 1);
}

/* Readers whose sections overlap for ever. libc's default kind lets the writer starve, so that it is asked of us alone. */
static void *
read_in_turns(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	while (!stop) {
		CHECK_IS(pthread_rwlock_rdlock(&lock), 0);
		reads++;
		nap_us(200 + draw(&seed) % 800);
		CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	}
	return NULL;
}

static void
no_starving(int kind)
{
	pthread_t readers[4];

	make(kind);
	for (int i = 0; i < 4; i++)
		readers[i] = start(read_in_turns, (void *)(intptr_t)(i + 1));
	while (reads < 20)
		sched_yield();
	for (int i = 0; i < 20; i++) {
		CHECK_IS(pthread_rwlock_wrlock(&lock), 0);
		CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	}
	stop = 1;
	for (int i = 0; i < 4; i++)
		join(readers[i]);
}

int
main(void)
{
	static pthread_rwlock_t second = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

	CHECK_IS(pthread_rwlock_rdlock(&second) + pthread_rwlock_unlock(&second) + pthread_rwlock_wrlock(&second), 0);
	CHECK_IS(pthread_rwlock_unlock(&second), 0);
	for (int kind = PTHREAD_RWLOCK_PREFER_READER_NP; kind <= PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP; kind++) {
		errors(kind);
		if (preloaded())
			no_starving(kind);
	}
	for (int kind = PTHREAD_RWLOCK_PREFER_READER_NP; kind <= PTHREAD_RWLOCK_PREFER_WRITER_NP; kind++) {
		recursive(kind, 0, 0);
		recursive(kind, 0, 100);
		recursive(kind, 200, 0);
		recursive(kind, 200, 100);
		needed_by_a_reader(kind);
	}
	nonrecursive();
	return 0;
}
