/* SPDX-License-Identifier: MIT */
/*
 * name: a mutex that is held says where it was taken, whichever way, for those who would wait for that CPU awake
 * short: all
 * native: no
 */
#include "try.h"

#include <sched.h>
#include <stdbool.h>

extern const unsigned int __rseq_size __attribute__((weak));

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static int
where(pthread_mutex_t *m)
{
	return ((volatile unsigned char *)m)[4];
}

static cpu_set_t allowed;

static void
move_to(int cpu)
{
	cpu_set_t there;

	CPU_ZERO(&there);
	CPU_SET((size_t)cpu, &there);
	TRY_IS(sched_setaffinity(0, sizeof there, &there), 0);
}

/* From another CPU, if there is one. */
static void *
try_in_vain(void *m)
{
	for (int cpu = sched_getcpu() + 1, tries = 0; tries < CPU_SETSIZE; cpu++, tries++)
		if (CPU_ISSET((size_t)cpu % CPU_SETSIZE, &allowed)) {
			move_to(cpu % CPU_SETSIZE);
			break;
		}
	TRY_IS(pthread_mutex_trylock((pthread_mutex_t *)m), EBUSY);
	return NULL;
}

/* On that CPU, and a failed attempt from elsewhere changes nothing. */
static void
try_it(pthread_mutex_t *m, int mark, int cpu)
{
	struct timespec soon = in_ms(CLOCK_REALTIME, 1000);

	move_to(cpu);
	pthread_mutex_lock(m);
	TRY_IS(where(m), mark);
	pthread_join(start(try_in_vain, m), NULL);
	TRY_IS(where(m), mark);
	pthread_mutex_unlock(m);
	TRY_IS(where(m), 0);
	TRY_IS(pthread_mutex_trylock(m), 0);
	TRY_IS(where(m), mark);
	pthread_mutex_unlock(m);
	TRY_IS(pthread_mutex_timedlock(m, &soon), 0);
	TRY_IS(where(m), mark);
	soon = in_ms(CLOCK_REALTIME, 1);
	TRY_IS(pthread_cond_timedwait(&cond, m, &soon), ETIMEDOUT);
	TRY_IS(where(m), mark);
	pthread_mutex_unlock(m);
}

int
main(void)
{
	const char *membarrier = getenv("FASTSYNC_MEMBARRIER"), *rseq = getenv("FASTSYNC_RSEQ");
	bool fenced = membarrier != NULL && strcmp(membarrier, "off") == 0;

	if (&__rseq_size == NULL || __rseq_size == 0 || (rseq != NULL && strcmp(rseq, "off") == 0))
		skip("rseq tells no CPU here");
	TRY_IS(sched_getaffinity(0, sizeof allowed, &allowed), 0);
	for (int cpu = 0; cpu < 127; cpu++)
		if (CPU_ISSET((size_t)cpu, &allowed)) {
			try_it(&plain, fenced ? 0 : cpu | 0x80, cpu);
			try_it(&recursive, fenced ? 0 : cpu | 0x80, cpu);
		}
	return errors != 0;
}
