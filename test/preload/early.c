/* SPDX-License-Identifier: MIT */
/*
 * name: locks before main, in constructors of libraries the program needs, and after the last exit handler
 * item: 6
 * short: all
 * with: needed
 * needs: needed
 */
#include "try.h"

extern int needed_ran;
extern void needed_use(void);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void
at_exit(void)
{
	needed_use();
	if (pthread_mutex_lock(&mutex) != 0 || pthread_mutex_unlock(&mutex) != 0)
		_exit(5);
}

__attribute__((destructor)) static void
last(void)
{
	at_exit();
}

__attribute__((constructor(101))) static void
first(void)
{
	at_exit();
}

int
main(void)
{
	TRY_IS(needed_ran, 1);
	needed_use();
	atexit(at_exit);
	return errors != 0;
}
