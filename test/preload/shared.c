/* SPDX-License-Identifier: MIT */
/*
 * name: robust, PI, PP and process-shared objects work as without us, also with a process that runs without us
 * item: 3
 * short: all
 */
#include "try.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>

struct shared {
	pthread_mutex_t plain, robust, inherit;
	pthread_barrier_t barrier;
	pthread_spinlock_t spin;
	sem_t sem;
	long counter[3];
};

enum { ROUNDS = 5000 };

static void
init_mutex(pthread_mutex_t *m, int robust, int protocol, int shared)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	TRY_IS(pthread_mutexattr_setrobust(&a, robust), 0);
	TRY_IS(pthread_mutexattr_setprotocol(&a, protocol), 0);
	TRY_IS(pthread_mutexattr_setpshared(&a, shared), 0);
	TRY_IS(pthread_mutex_init(m, &a), 0);
	pthread_mutexattr_destroy(&a);
}

static void
work(struct shared *s)
{
	int barrier;

	for (int i = 0; i < ROUNDS; i++) {
		TRY_IS(pthread_mutex_lock(&s->plain), 0);
		s->counter[0]++;
		TRY_IS(pthread_mutex_unlock(&s->plain), 0);
		TRY_IS(pthread_mutex_lock(&s->inherit), 0);
		s->counter[1]++;
		TRY_IS(pthread_mutex_unlock(&s->inherit), 0);
		TRY_IS(pthread_spin_lock(&s->spin), 0);
		s->counter[2]++;
		TRY_IS(pthread_spin_unlock(&s->spin), 0);
		if (i % 100 == 0) {
			barrier = pthread_barrier_wait(&s->barrier);
			TRY(barrier == 0 || barrier == PTHREAD_BARRIER_SERIAL_THREAD);
		}
	}
	TRY_IS(sem_post(&s->sem), 0);
}

static void
init(struct shared *s)
{
	pthread_barrierattr_t a;

	init_mutex(&s->plain, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_SHARED);
	init_mutex(&s->robust, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_SHARED);
	init_mutex(&s->inherit, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_SHARED);
	pthread_barrierattr_init(&a);
	pthread_barrierattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	TRY_IS(pthread_barrier_init(&s->barrier, &a, 2), 0);
	TRY_IS(pthread_spin_init(&s->spin, PTHREAD_PROCESS_SHARED), 0);
	TRY_IS(sem_init(&s->sem, 1, 0), 0);
}

static void *
die_holding(void *m)
{
	TRY_IS(pthread_mutex_lock(m), 0);
	return NULL;
}

static void
try_robust(pthread_mutex_t *m)
{
	pthread_join(start(die_holding, m), NULL);
	TRY_IS(pthread_mutex_lock(m), EOWNERDEAD);
	TRY_IS(pthread_mutex_consistent(m), 0);
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(pthread_mutex_lock(m), 0);
	TRY_IS(pthread_mutex_unlock(m), 0);
	pthread_join(start(die_holding, m), NULL);
	TRY_IS(pthread_mutex_trylock(m), EOWNERDEAD);
	TRY_IS(pthread_mutex_unlock(m), 0);
	TRY_IS(pthread_mutex_lock(m), ENOTRECOVERABLE);
	TRY_IS(pthread_mutex_destroy(m), 0);
}

static void
try_ceiling(void)
{
	pthread_mutex_t m, plain = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutexattr_t a;
	int ceiling = -1, lowest = sched_get_priority_min(SCHED_FIFO), error;

	pthread_mutexattr_init(&a);
	TRY_IS(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT), 0);
	TRY_IS(pthread_mutexattr_setprioceiling(&a, lowest), 0);
	TRY_IS(pthread_mutex_init(&m, &a), 0);
	TRY_IS(pthread_mutex_getprioceiling(&m, &ceiling), 0);
	TRY_IS(ceiling, lowest);
	error = pthread_mutex_lock(&m);         /* needs the right to run in real time */
	TRY(error == 0 || error == EPERM || error == EINVAL);
	if (error == 0)
		TRY_IS(pthread_mutex_unlock(&m), 0);
	TRY_IS(pthread_mutex_getprioceiling(&plain, &ceiling), EINVAL);
	TRY_IS(pthread_mutex_consistent(&plain), EINVAL);
}

/* The child is forked, or the same program again, without a preload library. */
static void
try_processes(int fd, const char *program)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char number[16];
	pid_t child;

	memset(s, 0, sizeof(*s));
	init(s);
	child = fork();
	if (child == 0 && program != NULL) {
		snprintf(number, sizeof(number), "%d", fd);
		unsetenv("LD_PRELOAD");
		execl(program, program, "child", number, NULL);
		_exit(3);
	}
	work(s);
	if (child == 0)
		_exit(errors != 0);
	TRY_IS(ended_well(child), 1);
	for (int i = 0; i < 3; i++)
		TRY_IS(s->counter[i], 2 * ROUNDS);
	TRY_IS(sem_wait(&s->sem), 0);
	TRY_IS(sem_wait(&s->sem), 0);
	TRY_IS(sem_trywait(&s->sem), -1);
	child = fork();
	if (child == 0) {
		pthread_mutex_lock(&s->robust);
		_exit(0);
	}
	TRY_IS(ended_well(child), 1);
	TRY_IS(pthread_mutex_lock(&s->robust), EOWNERDEAD);
	munmap(s, sizeof(*s));
}

int
main(int argc, char **argv)
{
	pthread_mutex_t robust;
	int fd = argc > 2 ? atoi(argv[2]) : memfd_create("shared", 0);

	if (argc > 2) {
		work(mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
		return errors != 0;
	}
	if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0)
		return 1;
	init_mutex(&robust, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
	try_robust(&robust);
	init_mutex(&robust, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_PRIVATE);
	try_robust(&robust);
	try_ceiling();
	try_processes(fd, NULL);
	try_processes(fd, argv[0]);
	return errors != 0;
}
