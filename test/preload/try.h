/* SPDX-License-Identifier: MIT */
/* try.h - checks for programs that know nothing of the library under test: what fails is told on stderr, and counted. */
#ifndef TRY_H
#define TRY_H

#include "clock.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int errors;

#define TRY(condition)                                                                          \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);                       \
		}                                                                               \
	} while (0)

#define TRY_IS(call, value)                                                                                              \
	do {                                                                                                             \
		long is_ = (long)(call), should_ = (long)(value);                                                        \
		if (is_ != should_) {                                                                                    \
			fprintf(stderr, "%s:%d: %s is %ld, not %ld\n", __FILE__, __LINE__, #call, is_, should_);         \
			__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);                                                \
		}                                                                                                        \
	} while (0)

static inline void
skip(const char *why)
{
	puts(why);
	exit(77);
}

static inline pthread_t
start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, arg) != 0) {
		fputs("no thread can be started\n", stderr);
		exit(1);
	}
	return thread;
}

/* Whether a child ended well; -1 if it hangs. */
static inline int
ended_well(pid_t child)
{
	int status;

	for (int i = 0; i < 6000; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		usleep(10000);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return -1;
}

#endif
