/* SPDX-License-Identifier: MIT */
/*
 * poison_recovery.c - a thread dies in the middle of an update; whoever locks next is told, and repairs what it left.
 *
 * Money moves between two accounts in two steps, and the thread that moves it ends between them. A mutex of another kind
 * would stay locked for ever, or, had it been unlocked on the way out, would hand the half-done update to the next as if
 * nothing had happened.
 * Notice: FSY_EPOISONED is not a failure to lock. The lock is held; what it guards is in doubt.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

static fsy_poison_mutex_t lock = FSY_POISON_MUTEX_INIT;
static struct { long checking, savings; } now, last_good; /* guarded by lock */

static void
transfer(long amount)
{
	FSY_POISON_GUARD(guard, &lock);

	if (guard.error == FSY_EPOISONED) {
		printf("poisoned, recovering: %ld + %ld is not what it was\n", now.checking, now.savings);
		now = last_good;
		fsy_poison_mutex_clear_poison(&lock);
	}
	now.checking -= amount;
	if (amount > now.savings)
		pthread_exit(NULL);     /* stands for a bug; an exception or cancellation would do as well */
	now.savings += amount;
	last_good = now;
	fsy_poison_guard_commit(&guard);
}

static void *
worker(void *amount)
{
	transfer(*(long *)amount);
	return NULL;
}

/* What others see who only look, and do not repair. */
static void
show(const char *when)
{
	int error = fsy_poison_mutex_lock(&lock);

	printf("%s: %ld + %ld (%s)\n", when, now.checking, now.savings, error == 0 ? "sound" : fsy_strerror(error));
	fsy_poison_mutex_unlock(&lock);
}

int
main(void)
{
	long amounts[] = { 10, 500, 20 };

	now.checking = now.savings = 100;
	last_good = now;
	show("before");
	for (int i = 0; i < 3; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, worker, &amounts[i]) != 0)
			return 1;
		pthread_join(thread, NULL);
		show(i == 0 ? "after 10" : i == 1 ? "after 500, which died" : "after 20");
	}
	return fsy_poison_mutex_is_poisoned(&lock);
}
