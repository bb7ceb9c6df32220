/* SPDX-License-Identifier: MIT */
/*
 * fair_rwlock.c - a price list that somebody always reads: each reader lets go only when the other has got in, so that there is no moment
 * without one. Where readers go first (glibc's default) a writer waits for as long as they read; here it comes after those who were there
 * before it, and goes on as a reader without letting anybody in between.
 * Notice: a writer that does not finish is no reader's problem: whoever locks next is told, repairs, and says so.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

enum { READERS = 2, UPDATES = 5 };
static fsy_fair_rwlock_t lock = FSY_FAIR_RWLOCK_INIT;
static int net = 100, gross = 120;               /* guarded by lock; gross is 120 % of net */
static fsy_atomic_i32 inside, stop, mixed;

static void *
read_prices(void *unused)
{
	(void)unused;
	while (!fsy_atomic_i32_load(&stop)) {
		int error = fsy_fair_rwlock_rlock(&lock);

		if (error == 0 && gross * 100 != net * 120)
			fsy_atomic_i32_add(&mixed, 1);
		if (fsy_atomic_i32_add(&inside, 1) == 0) {
			fsy_deadline_t patience = fsy_after_ns(200000);

			while (fsy_atomic_i32_load(&inside) < 2 && !fsy_atomic_i32_load(&stop) && fsy_now() < patience)
				;                /* until the other is inside, or waits behind a writer */
		}
		fsy_atomic_i32_add(&inside, -1);
		fsy_fair_rwlock_runlock(&lock);
	}
	return NULL;
}

static int
update(int fresh)
{
	FSY_FAIR_WRITE_GUARD(guard, &lock);

	if (guard.error == FSY_EPOISONED) {
		printf("told that a writer did not finish: net %d, gross %d\n", net, gross);
		fsy_fair_rwlock_clear_poison(&lock);
	}
	net = fresh;
	if (fresh < 0)
		return -1;                       /* out of the scope, without a commit */
	gross = fresh * 120 / 100;
	fsy_fair_write_guard_commit(&guard);
	return 0;
}

int
main(void)
{
	pthread_t readers[READERS];

	for (int i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_prices, NULL);
	for (int i = 1; i <= UPDATES; i++)
		update(100 * i);
	puts("5 updates while somebody always reads");
	update(-1);
	update(700);
	if (fsy_fair_rwlock_lock(&lock) == 0) {
		net = 1000;
		gross = 1200;
		fsy_fair_rwlock_downgrade(&lock);
		printf("still as written: net %d, gross %d\n", net, gross);
		fsy_fair_rwlock_runlock(&lock);
	}
	fsy_atomic_i32_store(&stop, 1);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	printf("%d mixed prices seen\n", fsy_atomic_i32_load(&mixed));
	return 0;
}
