/* SPDX-License-Identifier: MIT */
/*
 * name: FASTSYNC_RWLOCK: who may read while a writer waits
 * short: all
 * native: no
 */
#include <sys/wait.h>
#include "check.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static _Atomic int tid;

static void *
write_once(void *arg)
{
	(void)arg;
	tid = gettid();
	CHECK_IS(pthread_rwlock_wrlock(&lock), 0);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	return NULL;
}

static void *
try_once(void *arg)
{
	int error = pthread_rwlock_tryrdlock(&lock);

	(void)arg;
	if (error == 0)
		CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	return (void *)(intptr_t)error;
}

static int
one(int other, int own)
{
	pthread_t writer;

	for (int i = 0; i < 100; i++)
		CHECK_IS(pthread_rwlock_rdlock(&lock) + pthread_rwlock_unlock(&lock), 0);
	CHECK_IS(pthread_rwlock_rdlock(&lock), 0);
	writer = start(write_once, NULL);
	while (tid == 0)
		sched_yield();
	wait_asleep(tid);
	CHECK_IS((int)(intptr_t)join(start(try_once, NULL)), other);
	CHECK_IS((int)(intptr_t)try_once(NULL), own);
	CHECK_IS(pthread_rwlock_unlock(&lock), 0);
	join(writer);
	return 0;
}

int
main(int argc, char **argv)
{
	static const char *const policies[] = { "", "fair", "prefer-reader", "nonrecursive", "nonsense" };
	int status;

	if (argc > 1 && strcmp(argv[1], "all") != 0)
		return one(strcmp(argv[1], "prefer-reader") == 0 ? 0 : EBUSY, strcmp(argv[1], "nonrecursive") == 0 ? EBUSY : 0);
	for (int i = 0; i < 5; i++) {
		pid_t child = fork();

		CHECK(child >= 0);
		if (child == 0) {
			if (i > 0)
				setenv("FASTSYNC_RWLOCK", policies[i], 1);
			execl(argv[0], argv[0], i > 0 ? policies[i] : "none", (char *)NULL);
			_exit(127);
		}
		CHECK(waitpid(child, &status, 0) == child);
		CHECK_IS(status, 0);
	}
	return 0;
}
