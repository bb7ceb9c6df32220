/* SPDX-License-Identifier: MIT */
/*
 * FSY_POISON_GUARD in C, where a thread ends inside it. Built with -fexceptions the scope is left in good order; without, the
 * lock is still held in the thread's destructors, and its end poisons. Prints which it was; the outcome is the same.
 */
#include <fastsync.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static fsy_poison_mutex_t lock;
static fsy_mutex_t plain;
static pthread_key_t key;
static pthread_barrier_t inside;
static int seen_by_destructor;

static void
destructor(void *value)
{
	(void)value;
	seen_by_destructor = fsy_poison_mutex_trylock(&lock);
	if (seen_by_destructor != FSY_EBUSY)
		fsy_poison_mutex_unlock(&lock);
}

static void *
leaves(void *how)
{
	pthread_setspecific(key, &key);
	FSY_POISON_GUARD(guard, &lock);
	FSY_LOCK_SCOPE(&plain);

	if (guard.error != 0)
		return how;
	if (how == NULL)
		pthread_exit(NULL);
	pthread_barrier_wait(&inside);
	while (pause() < 0)
		;
	return how;
}

static int
end_one(const char *name, void *how)
{
	pthread_t thread;
	int error;

	if (pthread_create(&thread, NULL, leaves, how) != 0)
		return 1;
	if (how != NULL) {
		pthread_barrier_wait(&inside);
		pthread_cancel(thread);
	}
	pthread_join(thread, NULL);
	error = fsy_poison_mutex_lock(&lock);
	fsy_poison_mutex_clear_poison(&lock);
	fsy_poison_mutex_unlock(&lock);
	printf("%s: %s, scope %s\n", name, error == FSY_EPOISONED ? "poisoned" : fsy_strerror(error),
	       seen_by_destructor == FSY_EBUSY ? "never left" : "left");
	if (seen_by_destructor == FSY_EBUSY)
		fsy_mutex_unlock(&plain);       /* nobody else will: it has no owner */
	return !fsy_mutex_trylock(&plain) || (fsy_mutex_unlock(&plain), error != FSY_EPOISONED);
}

int
main(void)
{
	pthread_key_create(&key, destructor);
	pthread_barrier_init(&inside, NULL, 2);
	return end_one("exit", NULL) + end_one("cancel", &lock);
}
