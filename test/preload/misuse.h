/* SPDX-License-Identifier: MIT */
/* misuse.h - what the cases of the misuse_*.c have in common. */
#ifndef PRELOAD_MISUSE_H
#define PRELOAD_MISUSE_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct misuse {
	const char *name;
	void (*fn)(int arg);
	int arg;
};

struct elsewhere {
	int (*fn)(void *);
	void *object;
	int result;
};

extern const struct misuse misuses[];
extern size_t depth_at;

void make(pthread_mutex_t *m, int kind, bool robust);
void told(const char *what, int error);
int of_call(int result);                        /* errno, if a call failed that way */
int elsewhere(int (*fn)(void *), void *object); /* in another thread */

void i_am_here(void);                            /* says a thread, and another one: */
void until_it_sleeps(void);

void waits_times(int kind);
void waits_sem_limits(int arg);
void waits_barrier_limits(int arg);
void waits_interrupted(int restart);
void waits_interrupted_mutex(int arg);
void waits_cancelled(int arg);
void waits_cancelled_sem(int arg);
void waits_not_cancelled(int what);
void waits_clocks(int arg);
void waits_cond_unheld(int kind);
void waits_cond_destroy(int arg);
void waits_barrier_destroy(int arg);
void waits_once_recursive(int arg);
void waits_once_cancelled(int arg);
void waits_once_forked(int arg);

#endif
