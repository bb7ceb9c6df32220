/* SPDX-License-Identifier: MIT */
/*
 * name: mutexes of every kind, from static initialisers and from attributes, and every answer to misuse
 * item: 2
 * short: all
 */
#include "try.h"

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER, recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

static void *
trylock(void *m)
{
	return (void *)(long)pthread_mutex_trylock(m);
}

static void *
unlock(void *m)
{
	return (void *)(long)pthread_mutex_unlock(m);
}

static long
elsewhere(void *(*fn)(void *), pthread_mutex_t *m)
{
	void *result;

	pthread_join(start(fn, m), &result);
	return (long)result;
}

static int
timed(pthread_mutex_t *m, long ms)
{
	struct timespec t = in_ms(CLOCK_REALTIME, ms);

	return pthread_mutex_timedlock(m, &t);
}

static int
by_clock(pthread_mutex_t *m, clockid_t clock, long ms)
{
	struct timespec t = in_ms(clock, ms);

	return pthread_mutex_clocklock(m, clock, &t);
}

/* What holds for all of them. */
static void
try_common(pthread_mutex_t *m)
{
	struct timespec odd = { 0, -1 }, past = { -1, 0 }, long_past = { 1, 0 };

	for (int i = 0; i < 3; i++) {
		TRY_IS(pthread_mutex_lock(m), 0);
		TRY_IS(elsewhere(trylock, m), EBUSY);
		TRY_IS(pthread_mutex_destroy(m), EBUSY);
		TRY_IS(pthread_mutex_unlock(m), 0);
		TRY_IS(pthread_mutex_trylock(m), 0);
		TRY_IS(pthread_mutex_unlock(m), 0);
	}
	/* A time that is none is not looked at while the lock is free. */
	TRY_IS(pthread_mutex_timedlock(m, &odd), 0);
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(pthread_mutex_timedlock(m, &past), 0);
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &long_past), 0);
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(pthread_mutex_clocklock(m, CLOCK_BOOTTIME, &long_past), EINVAL);
}

static void *
try_held(void *arg)
{
	pthread_mutex_t *m = arg;
	struct timespec odd = { 0, 1000000000 }, past = { -1, 0 };

	TRY_IS(pthread_mutex_timedlock(m, &odd), EINVAL);
	TRY_IS(pthread_mutex_timedlock(m, &past), ETIMEDOUT);
	TRY_IS(pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &past), ETIMEDOUT);
	TRY_IS(timed(m, 20), ETIMEDOUT);
	TRY_IS(by_clock(m, CLOCK_MONOTONIC, 20), ETIMEDOUT);
	TRY_IS(by_clock(m, CLOCK_REALTIME, 20), ETIMEDOUT);
	return NULL;
}

static void
try_timed(pthread_mutex_t *m)
{
	TRY_IS(pthread_mutex_lock(m), 0);
	pthread_join(start(try_held, m), NULL);
	TRY_IS(pthread_mutex_unlock(m), 0);
}

/* Programs lock one in a thread and unlock it in another, relock it by mistake, or unlock what is not locked. */
static void
try_plain(pthread_mutex_t *m, int relocks)
{
	TRY_IS(pthread_mutex_lock(m), 0);
	TRY_IS(elsewhere(unlock, m), 0);
	TRY_IS(pthread_mutex_lock(m), 0);
	TRY_IS(timed(m, 20), relocks);
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(pthread_mutex_lock(m), 0);
	TRY_IS(elsewhere(trylock, m), EBUSY);
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(elsewhere(trylock, m), 0);
	TRY_IS(pthread_mutex_unlock(m), 0);
}

static void
try_checking(pthread_mutex_t *m)
{
	TRY_IS(pthread_mutex_unlock(m), EPERM);
	TRY_IS(pthread_mutex_lock(m), 0);
	TRY_IS(pthread_mutex_lock(m), EDEADLK);
	TRY_IS(pthread_mutex_trylock(m), EBUSY);
	TRY_IS(timed(m, 1000000), EDEADLK);
	TRY_IS(elsewhere(unlock, m), EPERM);
	TRY_IS(pthread_mutex_unlock(m), 0);
}

static void
try_recursive(pthread_mutex_t *m)
{
	TRY_IS(pthread_mutex_unlock(m), EPERM);
	TRY_IS(pthread_mutex_lock(m), 0);
	TRY_IS(pthread_mutex_lock(m), 0);
	TRY_IS(pthread_mutex_trylock(m), 0);
	TRY_IS(timed(m, 1000000), 0);
	TRY_IS(elsewhere(unlock, m), EPERM);
	for (int i = 0; i < 3; i++) {
		TRY_IS(pthread_mutex_unlock(m), 0);
		TRY_IS(elsewhere(trylock, m), EBUSY);
	}
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(elsewhere(trylock, m), 0);               /* its thread is gone, and holds it for ever */
}

static void
try_kind(pthread_mutex_t *m, int kind)
{
	try_common(m);
	try_timed(m);
	switch (kind) {
	case PTHREAD_MUTEX_ERRORCHECK:
		try_checking(m);
		break;
	case PTHREAD_MUTEX_RECURSIVE:
		try_recursive(m);
		break;
	default:
		try_plain(m, ETIMEDOUT);
	}
}

static void
try_attributes(void)
{
	static const int kinds[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP,
				     PTHREAD_MUTEX_DEFAULT };
	pthread_mutexattr_t a;
	pthread_mutex_t m;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		TRY_IS(pthread_mutexattr_init(&a), 0);
		TRY_IS(pthread_mutexattr_settype(&a, kinds[i]), 0);
		memset(&m, 0x5a, sizeof(m));
		TRY_IS(pthread_mutex_init(&m, &a), 0);
		try_kind(&m, kinds[i]);
		TRY_IS(pthread_mutexattr_destroy(&a), 0);
	}
}

static void
try_broken(void)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

	TRY_IS(pthread_mutex_destroy(&m), 0);
	TRY_IS(pthread_mutex_lock(&m), EINVAL);
	TRY_IS(pthread_mutex_trylock(&m), EINVAL);
	TRY_IS(pthread_mutex_unlock(&m), EINVAL);
	TRY_IS(pthread_mutex_init(&m, NULL), 0);
	TRY_IS(pthread_mutex_lock(&m), 0);
	TRY_IS(pthread_mutex_unlock(&m), 0);
	for (int pattern = 0; pattern < 2; pattern++) {
		memset(&m, pattern == 0 ? 0xff : 0x5a, sizeof(m));
		TRY_IS(pthread_mutex_lock(&m), EINVAL);
		TRY_IS(pthread_mutex_unlock(&m), EINVAL);
	}
}

int
main(void)
{
	try_kind(&normal, PTHREAD_MUTEX_NORMAL);
	try_kind(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
	try_kind(&checking, PTHREAD_MUTEX_ERRORCHECK);
	try_kind(&recursive, PTHREAD_MUTEX_RECURSIVE);
	try_attributes();
	try_broken();
	return errors != 0;
}
