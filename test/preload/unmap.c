/* SPDX-License-Identifier: MIT */
/*
 * name: a mutex on a page that is unmapped by the next owner, as soon as the unlock before has let it in
 * item: 8
 * short: 4000
 * long: 200000
 */
#include "try.h"

#include <sys/mman.h>

enum { THREADS = 4 };

/* The last of those who lock it takes the page away, while the one before it may still be on its way out of unlock. */
struct page {
	pthread_mutex_t mutex;
	int users;
};

static struct page *volatile page;
static pthread_barrier_t barrier;
static int rounds;

static struct page *
make(int round)
{
	static const int kinds[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP };
	struct page *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;

	if (p == MAP_FAILED)
		exit(1);
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, kinds[round % 4]);
	pthread_mutex_init(&p->mutex, &a);
	p->users = THREADS;
	return p;
}

static void *
work(void *arg)
{
	(void)arg;
	for (int i = 0; i < rounds; i++) {
		struct page *p;
		int last;

		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			page = make(i);
		pthread_barrier_wait(&barrier);
		p = page;
		TRY_IS(pthread_mutex_lock(&p->mutex), 0);
		last = --p->users == 0;
		TRY_IS(pthread_mutex_unlock(&p->mutex), 0);
		if (last)
			munmap(p, 4096);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t thread[THREADS];

	rounds = argc > 1 ? atoi(argv[1]) : 1000;
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		thread[i] = start(work, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return errors != 0;
}
