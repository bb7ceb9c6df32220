/* SPDX-License-Identifier: MIT */
/*
 * name: rwlocks: readers, some of them twice, and writers, by every call; more read locks than there can be
 * short: 60
 * long: 2000 many
 */
#include "check.h"

static pthread_rwlock_t lock;

/* All together; some hold it twice. */
enum { OTHERS = 40 };

static int rounds, value;
static _Atomic int writers_in, readers_in;

static void *
mix(void *arg)
{
	static pthread_rwlock_t others[OTHERS];         /* all zero: initialised */
	uint32_t seed = (uint32_t)(uintptr_t)arg, first = seed;
	struct timespec soon;

	/* Who reads many locks more than once cannot tell for sure whether this is one of them. */
	for (int i = 0; i < OTHERS * 2 && first % 4; i++)
		CHECK_IS(pthread_rwlock_rdlock(&others[i / 2]), 0);
	for (int i = 0; i < rounds; i++) {
		uint32_t choice = draw(&seed) % 16;
		int error = 0, again = 0;

		soon = in_ms(draw(&seed) % 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC, 0);
		if (choice < 5) {
			error = choice == 0 ? pthread_rwlock_trywrlock(&lock) : choice == 1 ? pthread_rwlock_timedwrlock(&lock, &soon)
			      : pthread_rwlock_wrlock(&lock);
			if (error != 0)
				continue;
			CHECK_IS(writers_in++, 0);
			for (int look = 0; look < 20; look++)
				CHECK_IS(readers_in, 0);
			value++;
			if (draw(&seed) % 64 == 0)
				nap_us(50);
			CHECK_IS(--writers_in, 0);
			CHECK_IS(pthread_rwlock_unlock(&lock), 0);
			continue;
		}
		error = choice == 5 ? pthread_rwlock_tryrdlock(&lock) : choice == 6 ? pthread_rwlock_timedrdlock(&lock, &soon)
		      : pthread_rwlock_rdlock(&lock);
		if (error != 0)
			continue;
		readers_in++;
		CHECK_IS(writers_in, 0);
		if (choice > 10)
			again = 1 + pthread_rwlock_rdlock(&lock);
		if (draw(&seed) % 64 == 0)
			nap_us(50);
		CHECK_IS(writers_in, 0);
		CHECK(again <= 1);
		readers_in--;
		for (int n = 0; n <= again; n++)
			CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	}
	for (int i = 0; i < OTHERS * 2 && first % 4; i++)
		CHECK_IS(pthread_rwlock_unlock(&others[i / 2]), 0);
	return NULL;
}

static void
together(int kind, int threads, uint32_t seed)
{
	pthread_t thread[16];

	rwlock_of_kind(&lock, kind);
	for (int i = 0; i < threads; i++)
		thread[i] = start(mix, (void *)(intptr_t)(seed + (uint32_t)i * 7919u + 1u));
	for (int i = 0; i < threads; i++)
		join(thread[i]);
	CHECK_IS(pthread_rwlock_trywrlock(&lock), 0);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	CHECK_IS(pthread_rwlock_destroy(&lock), 0);
}

/* 2^29 read locks at once are too many, for libc and for us. */
static void
too_many(void)
{
	int error = 0;
	uint32_t n = 0;

	rwlock_of_kind(&lock, PTHREAD_RWLOCK_PREFER_READER_NP);
	while (error == 0 && n < 1u << 30) {
		error = pthread_rwlock_rdlock(&lock);
		n += error == 0;
	}
	CHECK_IS(error, EAGAIN);
	CHECK(n > 1u << 20);
	CHECK_IS(pthread_rwlock_tryrdlock(&lock), EAGAIN);
	while (n-- > 0)
		pthread_rwlock_unlock(&lock);
	CHECK_IS(pthread_rwlock_trywrlock(&lock), 0);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
}

int
main(int argc, char **argv)
{
	uint32_t seed = seed_of_run();

	rounds = 100 * (argc > 1 ? atoi(argv[1]) : 60);
	for (int kind = PTHREAD_RWLOCK_PREFER_READER_NP; kind <= PTHREAD_RWLOCK_PREFER_WRITER_NP; kind++)
		together(kind, 6, seed);
	if (argc > 2)
		too_many();
	return 0;
}
