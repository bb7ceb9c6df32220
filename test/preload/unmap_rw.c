/* SPDX-License-Identifier: MIT */
/*
 * name: an rwlock on a page that its next owner unmaps, while a reader that has joined beside a waiting writer may still be on its way out
 * item: 8
 * short: 1500
 * long: 60000
 */
#include <sched.h>
#include <sys/mman.h>
#include "check.h"

/* The reader reads, the writer comes and waits, the reader reads again, which the default kind permits, and gives both back. */
struct page {
	pthread_rwlock_t lock;
	_Atomic int read, come, shared;
};

static struct page *_Atomic page;
static pthread_barrier_t barrier;
static _Atomic int writer_tid;
static int rounds;

static void *
write_and_unmap(void *arg)
{
	struct timespec late;

	(void)arg;
	writer_tid = gettid();
	for (int i = 0; i < rounds; i++) {
		struct page *p;

		pthread_barrier_wait(&barrier);
		p = page;
		p->come = 1;
		while (!p->read)
			sched_yield();
		if (i % 3 == 0)
			CHECK_IS(pthread_rwlock_wrlock(&p->lock), 0);
		else if (i % 3 == 1)
			while (pthread_rwlock_trywrlock(&p->lock) != 0)
				;
		else {
			late = in_ms(CLOCK_MONOTONIC, 1000000);
			CHECK_IS(pthread_rwlock_clockwrlock(&p->lock, CLOCK_MONOTONIC, &late), 0);
		}
		CHECK_IS(p->shared, 2);
		CHECK_IS(pthread_rwlock_unlock(&p->lock), 0);
		CHECK_IS(munmap(p, 4096), 0);
	}
	return NULL;
}

static void
play(int round, uint32_t *seed)
{
	struct page *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	page = p;
	CHECK_IS(pthread_rwlock_rdlock(&p->lock), 0);
	pthread_barrier_wait(&barrier);
	while (!p->come)
		sched_yield();
	p->read = 1;
	if (round % 2 == 0 && round % 3 != 1)
		wait_asleep(writer_tid);
	else
		for (uint32_t i = draw(seed) % 4096; i > 0; i--)
			__asm__ volatile("");
	CHECK_IS(round % 5 == 0 ? pthread_rwlock_tryrdlock(&p->lock) : pthread_rwlock_rdlock(&p->lock), 0);
	p->shared = 1;
	CHECK_IS(pthread_rwlock_unlock(&p->lock), 0);
	p->shared = 2;
	CHECK_IS(pthread_rwlock_unlock(&p->lock), 0);
}

int
main(int argc, char **argv)
{
	uint32_t seed = seed_of_run();
	pthread_t writer;

	rounds = argc > 1 ? atoi(argv[1]) : 1000;
	CHECK_IS(pthread_barrier_init(&barrier, NULL, 2), 0);
	writer = start(write_and_unmap, NULL);
	for (int i = 0; i < rounds; i++)
		play(i, &seed);
	join(writer);
	return 0;
}
