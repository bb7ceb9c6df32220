/* SPDX-License-Identifier: MIT */
/*
 * What clang's -Wthread-safety must accept, and, with -DWRONG, what it must warn about: exactly the lines that end in a comment
 * that says so. The same text is C and C++.
 */
#include <fastsync.h>

static fsy_mutex_t mutex;
static fsy_poison_mutex_t poison;
static fsy_rwmutex_t rw;
static fsy_cond_t cond;
static long by_mutex FSY_GUARDED_BY(mutex);
static long by_poison FSY_GUARDED_BY(poison);
static long by_rw FSY_GUARDED_BY(rw);
static long *pointer FSY_PT_GUARDED_BY(mutex);

long right(void *arg);
long wrong(void *arg);
static void settle(void) FSY_REQUIRES(mutex);
static void begin(void) FSY_ACQUIRE(mutex);
static void end(void) FSY_RELEASE(mutex);
static bool ready(void *arg);

static void settle(void) { by_mutex = 0; *pointer = 0; }
static void begin(void) { fsy_mutex_lock(&mutex); }
static void end(void) { fsy_mutex_unlock(&mutex); }
static bool ready(void *arg) { return arg == NULL; }

static void
scopes(void)
{
	FSY_LOCK_SCOPE(&mutex);
	FSY_POISON_GUARD(guard, &poison);
	FSY_WLOCK_SCOPE(&rw);

	by_mutex++;
	by_poison++;
	by_rw++;
	fsy_poison_guard_commit(&guard);
}

static long
read_scope(void)
{
	FSY_RLOCK_SCOPE(&rw);

	return by_rw;
}

static void
poisons(void)
{
	int error = fsy_poison_mutex_lock(&poison);

	by_poison += error;
	fsy_poison_mutex_unlock(&poison);
	if (fsy_poison_mutex_trylock(&poison) == 0) {
		by_poison++;
		fsy_poison_mutex_unlock(&poison);
	} else if (fsy_poison_mutex_is_poisoned(&poison)) {
		fsy_poison_mutex_assert_held(&poison);
		by_poison = 0;
		fsy_poison_mutex_unlock(&poison);
	}
}

long
right(void *arg)
{
	long sum = read_scope();

	begin();
	settle();
	fsy_cond_wait(&cond, &mutex);
	fsy_cond_wait_while(&cond, &mutex, ready, arg);
	end();
	fsy_mutex_lock(&mutex);
	by_mutex++;
	fsy_mutex_unlock_fair(&mutex);
	if (fsy_mutex_trylock(&mutex)) {
		by_mutex++;
		fsy_mutex_unlock(&mutex);
	}
	if (fsy_mutex_lock_until(&mutex, fsy_after_ms(1)) == 0) {
		sum += by_mutex;
		fsy_mutex_unlock(&mutex);
	}
	fsy_rwmutex_rlock(&rw);
	sum += by_rw;
	fsy_rwmutex_runlock(&rw);
	if (fsy_rwmutex_tryrlock(&rw)) {
		sum += by_rw;
		fsy_rwmutex_runlock(&rw);
	}
	fsy_rwmutex_lock(&rw);
	by_rw = sum;
	fsy_rwmutex_unlock(&rw);
	scopes();
	poisons();
	return sum;
}

#ifdef WRONG
static void
keeps(void)
{
	fsy_mutex_lock(&mutex);
} /* warns */

static void
gives_back_what_it_has_not(void)
{
	fsy_poison_mutex_unlock(&poison); /* warns */
}

static void
locks_twice(void)
{
	fsy_mutex_lock(&mutex);
	fsy_mutex_lock(&mutex); /* warns */
	fsy_mutex_unlock(&mutex);
}

static void
takes_trylock_for_granted(void)
{
	int error = fsy_poison_mutex_trylock(&poison);

	if (error != 0)
		by_poison++; /* warns */
	else
		fsy_poison_mutex_unlock(&poison);
}

long
wrong(void *arg)
{
	long sum = by_mutex; /* warns */

	by_poison = 1; /* warns */
	*pointer = 1; /* warns */
	settle(); /* warns */
	fsy_cond_wait_while(&cond, &mutex, ready, arg); /* warns */
	fsy_rwmutex_rlock(&rw);
	by_rw = 1; /* warns */
	fsy_rwmutex_unlock(&rw); /* warns */
	fsy_rwmutex_lock(&rw);
	by_rw = 2;
	fsy_rwmutex_unlock(&rw);
	sum += by_rw; /* warns */
	keeps();
	gives_back_what_it_has_not();
	locks_twice();
	takes_trylock_for_granted();
	return sum;
}
#endif
