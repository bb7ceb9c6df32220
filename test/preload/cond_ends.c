/* SPDX-License-Identifier: MIT */
/*
 * name: condition variables that are given back at once, and shared between processes; cnd and mtx mixed with pthread
 * item: 14
 * short: 2000
 * long: 200000
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <threads.h>
#include "check.h"

/* The last waiter destroys what it waited with, while the signaller is still in its call, and gives the page back. */
struct page {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool ready;
};

static void *
wait_and_unmap(void *arg)
{
	struct page *p = arg;

	CHECK_IS(pthread_mutex_lock(&p->mutex), 0);
	while (!p->ready)
		CHECK_IS(pthread_cond_wait(&p->cond, &p->mutex), 0);
	CHECK_IS(pthread_mutex_unlock(&p->mutex), 0);
	CHECK_IS(pthread_cond_destroy(&p->cond), 0);
	CHECK_IS(pthread_mutex_destroy(&p->mutex), 0);
	CHECK_IS(munmap(p, 4096), 0);
	return NULL;
}

static void
destroyed_at_once(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		struct page *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pthread_t thread;

		CHECK(p != MAP_FAILED);
		thread = start(wait_and_unmap, p);
		if (i % 2)
			sched_yield();
		CHECK_IS(pthread_mutex_lock(&p->mutex), 0);
		p->ready = true;
		CHECK_IS(i % 3 ? pthread_cond_signal(&p->cond) : pthread_cond_broadcast(&p->cond), 0);
		CHECK_IS(pthread_mutex_unlock(&p->mutex), 0);
		join(thread);
	}
}

/* C11's names and POSIX's, on one object. */
static cnd_t c11_cond;
static mtx_t c11_mutex;
static int turn;

static int
c11_side(void *arg)
{
	int rounds = *(int *)arg;

	for (int i = 0; i < rounds; i++) {
		CHECK_IS(mtx_lock(&c11_mutex), thrd_success);
		while (turn != 1)
			CHECK_IS(cnd_wait(&c11_cond, &c11_mutex), thrd_success);
		turn = 0;
		CHECK_IS(i % 2 ? cnd_signal(&c11_cond) : cnd_broadcast(&c11_cond), thrd_success);
		CHECK_IS(mtx_unlock(&c11_mutex), thrd_success);
	}
	return 7;
}

static void
c11(int rounds)
{
	pthread_mutex_t *m = (pthread_mutex_t *)&c11_mutex;
	pthread_cond_t *c = (pthread_cond_t *)&c11_cond;
	struct timespec t;
	thrd_t thread;
	int result;

	CHECK_IS(mtx_init(&c11_mutex, mtx_plain), thrd_success);
	CHECK_IS(cnd_init(&c11_cond), thrd_success);
	CHECK_IS(mtx_lock(&c11_mutex), thrd_success);
	t = in_ms(CLOCK_REALTIME, 5);
	CHECK_IS(cnd_timedwait(&c11_cond, &c11_mutex, &t), thrd_timedout);
	CHECK_IS(pthread_mutex_unlock(m), 0);
	CHECK_IS(thrd_create(&thread, c11_side, &rounds), thrd_success);
	for (int i = 0; i < rounds; i++) {
		t = in_ms(CLOCK_REALTIME, 100000);
		CHECK_IS(pthread_mutex_lock(m), 0);
		turn = 1;
		CHECK_IS(pthread_cond_signal(c), 0);
		while (turn != 0)
			CHECK_IS(i % 2 ? pthread_cond_wait(c, m) : cnd_timedwait(&c11_cond, &c11_mutex, &t), 0);
		CHECK_IS(mtx_unlock(&c11_mutex), thrd_success);
	}
	CHECK_IS(thrd_join(thread, &result), thrd_success);
	CHECK_IS(result, 7);
	cnd_destroy(&c11_cond);
	mtx_destroy(&c11_mutex);
}

/* Between processes: libc's objects. */
static void
shared(int rounds)
{
	struct both {
		pthread_mutex_t mutex;
		pthread_cond_t cond;
		int turn;
	} *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t mutex_attribute;
	pthread_condattr_t cond_attribute;
	int status;
	pid_t child;

	CHECK(b != MAP_FAILED);
	pthread_mutexattr_init(&mutex_attribute);
	pthread_mutexattr_setpshared(&mutex_attribute, PTHREAD_PROCESS_SHARED);
	CHECK_IS(pthread_mutex_init(&b->mutex, &mutex_attribute), 0);
	pthread_condattr_init(&cond_attribute);
	pthread_condattr_setpshared(&cond_attribute, PTHREAD_PROCESS_SHARED);
	pthread_condattr_setclock(&cond_attribute, CLOCK_MONOTONIC);
	CHECK_IS(pthread_cond_init(&b->cond, &cond_attribute), 0);
	child = fork();
	CHECK(child >= 0);
	for (int i = 0; i < rounds; i++) {
		struct timespec later = in_ms(CLOCK_MONOTONIC, 100000);

		CHECK_IS(pthread_mutex_lock(&b->mutex), 0);
		while (b->turn != (child == 0))
			CHECK_IS(i % 2 ? pthread_cond_wait(&b->cond, &b->mutex) : pthread_cond_timedwait(&b->cond, &b->mutex, &later), 0);
		b->turn = !b->turn;
		CHECK_IS(pthread_cond_signal(&b->cond), 0);
		CHECK_IS(pthread_mutex_unlock(&b->mutex), 0);
	}
	if (child == 0)
		_exit(0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK_IS(pthread_cond_destroy(&b->cond), 0);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 2000;

	destroyed_at_once(rounds / 4);
	c11(rounds);
	shared(rounds);
	return 0;
}
