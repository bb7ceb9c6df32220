/* SPDX-License-Identifier: MIT */
/*
 * name: pthread_once whose function is cancelled, exits its thread, is cut off by a fork, or is asked for by many
 * short: 200
 * long: 10000
 */
#include "try.h"

enum { THREADS = 8 };

static pthread_once_t once;
static int runs, cleaned;
static int entered[2], leave[2];        /* pipes: the function has begun; it may end */

static void
count(void)
{
	runs++;
}

static void *
ask(void *arg)
{
	(void)arg;
	TRY_IS(pthread_once(&once, count), 0);
	TRY_IS(runs, 1);
	return NULL;
}

static void
try_many(void)
{
	pthread_t thread[THREADS];

	once = PTHREAD_ONCE_INIT;
	runs = 0;
	for (int i = 0; i < THREADS; i++)
		thread[i] = start(ask, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	TRY_IS(runs, 1);
	TRY_IS(once, 2);
}

static void
cleanup(void *arg)
{
	(void)arg;
	cleaned++;
}

static void
hold(void)
{
	char byte = 0;

	pthread_cleanup_push(cleanup, NULL);
	TRY_IS(write(entered[1], &byte, 1), 1);
	TRY_IS(read(leave[0], &byte, 1), 1);    /* is cancelled here, or goes on */
	pthread_cleanup_pop(1);
}

static void *
run_hold(void *arg)
{
	(void)arg;
	pthread_once(&once, hold);
	return NULL;
}

static void
quit(void)
{
	pthread_cleanup_push(cleanup, NULL);
	pthread_exit((void *)7);
	pthread_cleanup_pop(1);
}

static void *
run_quit(void *arg)
{
	(void)arg;
	pthread_once(&once, quit);
	return NULL;
}

static void
try_leaving(void)
{
	pthread_t runner, waiter;
	void *result;
	char byte;

	once = PTHREAD_ONCE_INIT;
	runs = cleaned = 0;
	runner = start(run_hold, NULL);
	TRY_IS(read(entered[0], &byte, 1), 1);
	waiter = start(ask, NULL);
	pthread_cancel(runner);
	pthread_join(runner, &result);
	TRY(result == PTHREAD_CANCELED);
	pthread_join(waiter, NULL);
	TRY_IS(cleaned, 1);
	TRY_IS(runs, 1);
	TRY_IS(once, 2);

	once = PTHREAD_ONCE_INIT;
	runs = cleaned = 0;
	pthread_join(start(run_quit, NULL), &result);
	TRY(result == (void *)7);
	TRY_IS(cleaned, 1);
	TRY_IS(once, 0);
	ask(NULL);
}

/* In the child nobody runs it any more. */
static void
try_fork(void)
{
	pthread_t runner;
	char byte = 0;
	pid_t child;

	once = PTHREAD_ONCE_INIT;
	runs = cleaned = 0;
	runner = start(run_hold, NULL);
	TRY_IS(read(entered[0], &byte, 1), 1);
	child = fork();
	if (child == 0) {
		errors = 0;
		ask(NULL);
		_exit(errors != 0);
	}
	TRY_IS(ended_well(child), 1);
	TRY_IS(write(leave[1], &byte, 1), 1);
	pthread_join(runner, NULL);
	TRY_IS(once, 2);
	TRY_IS(cleaned, 1);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;

	if (pipe(entered) != 0 || pipe(leave) != 0)
		return 1;
	for (int i = 0; i < rounds; i++) {
		try_many();
		try_leaving();
	}
	for (int i = 0; i < 5; i++)
		try_fork();
	return errors != 0;
}
