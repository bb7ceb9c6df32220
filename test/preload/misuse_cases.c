/* SPDX-License-Identifier: MIT */
/* misuse_cases.c - the table, numbered as threats are, and those of its cases that do not wait. */
#include "misuse.h"

#include <limits.h>
#include <sys/wait.h>

#define PRIORITY_CEILING 0x40

void
make(pthread_mutex_t *m, int kind, bool robust)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, kind);
	if (robust)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &attr);
}

static int lock(void *m) { return pthread_mutex_lock(m); }
static int trylock(void *m) { return pthread_mutex_trylock(m); }
static int unlock(void *m) { return pthread_mutex_unlock(m); }
static int trywrlock(void *m) { return pthread_rwlock_trywrlock(m); }
static int tryrdlock(void *m) { return pthread_rwlock_tryrdlock(m); }

static void
lock_null(int arg)
{
	pthread_mutex_t *volatile none = NULL;

	(void)arg;
	signal(SIGSEGV, SIG_DFL);
	told("lock", pthread_mutex_lock(none));
}

static void
corrupt(int byte)
{
	pthread_mutex_t m;

	memset(&m, byte, sizeof(m));
	told("lock", pthread_mutex_lock(&m));
	told("trylock", pthread_mutex_trylock(&m));
	told("unlock", pthread_mutex_unlock(&m));
	told("destroy", pthread_mutex_destroy(&m));
}

/* Each kind that a byte can name: what lock and unlock answer where it is not EINVAL. */
static void
kinds(int arg)
{
	(void)arg;
	for (int kind = 0; kind < 256; kind++) {
		pthread_mutex_t m;
		int locked, unlocked;

		if (kind & PRIORITY_CEILING)
			continue;               /* it aborts: the scheduler's priorities are not what they look like */
		memset(&m, 0, sizeof(m));
		m.__data.__kind = kind;
		locked = pthread_mutex_trylock(&m);
		unlocked = pthread_mutex_unlock(&m);
		if (locked != EINVAL || unlocked != EINVAL)
			dprintf(1, " %x:%d/%d", (unsigned)kind, locked, unlocked);
	}
}

static void
copied(int arg)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER, copy;

	(void)arg;
	pthread_mutex_lock(&m);
	memcpy(&copy, &m, sizeof(m));
	told("trylock of the copy", elsewhere(trylock, &copy));
	told("its unlock", pthread_mutex_unlock(&copy));
	told("lock of the copy", pthread_mutex_lock(&copy));
	told("trylock of the first", elsewhere(trylock, &m));
}

static void
unlock_unlocked(int kind)
{
	pthread_mutex_t m;

	make(&m, kind, false);
	told("unlock", pthread_mutex_unlock(&m));
	told("lock", pthread_mutex_lock(&m));
	told("trylock elsewhere", elsewhere(trylock, &m));
	told("unlock", pthread_mutex_unlock(&m));
	told("unlock", pthread_mutex_unlock(&m));
	told("destroy", pthread_mutex_destroy(&m));
}

static void
rwlock_unlocked(int arg)
{
	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;

	(void)arg;
	pthread_rwlock_wrlock(&rw);
	pthread_rwlock_unlock(&rw);
	told("unlock", pthread_rwlock_unlock(&rw));
	told("trywrlock", pthread_rwlock_trywrlock(&rw));
}

static void
unlock_elsewhere(int kind)
{
	pthread_mutex_t m;

	make(&m, kind, false);
	pthread_mutex_lock(&m);
	told("unlock elsewhere", elsewhere(unlock, &m));
	told("trylock elsewhere", elsewhere(trylock, &m));
	told("unlock", pthread_mutex_unlock(&m));
}

static void
relock(int kind)
{
	pthread_mutex_t m;

	make(&m, kind, false);
	pthread_mutex_lock(&m);
	told("trylock", pthread_mutex_trylock(&m));
	told("lock", pthread_mutex_lock(&m));
	told("unlock", pthread_mutex_unlock(&m));
	told("trylock elsewhere", elsewhere(trylock, &m));
}

static void
relock_rwlock(int which)
{
	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;

	which & 1 ? pthread_rwlock_wrlock(&rw) : pthread_rwlock_rdlock(&rw);
	told("trywrlock", pthread_rwlock_trywrlock(&rw));
	told("tryrdlock elsewhere", elsewhere(tryrdlock, &rw));
	told("trywrlock elsewhere", elsewhere(trywrlock, &rw));
	told(which & 2 ? "wrlock" : "rdlock", which & 2 ? pthread_rwlock_wrlock(&rw) : pthread_rwlock_rdlock(&rw));
}

static void
depth(int arg)
{
	pthread_mutex_t m;

	(void)arg;
	make(&m, PTHREAD_MUTEX_RECURSIVE, false);
	pthread_mutex_lock(&m);
	*(uint32_t *)((char *)&m + depth_at) = UINT_MAX;
	told("lock", pthread_mutex_lock(&m));
	told("trylock", pthread_mutex_trylock(&m));
	told("unlock", pthread_mutex_unlock(&m));
}

static void
destroy_held(int kind)
{
	pthread_mutex_t m;

	make(&m, kind, false);
	pthread_mutex_lock(&m);
	told("destroy", pthread_mutex_destroy(&m));
	told("unlock", pthread_mutex_unlock(&m));
	told("destroy", pthread_mutex_destroy(&m));
	told("lock", pthread_mutex_lock(&m));
	told("unlock", pthread_mutex_unlock(&m));
	told("destroy", pthread_mutex_destroy(&m));
}

static void
destroy_held_rwlock(int arg)
{
	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;

	arg ? pthread_rwlock_wrlock(&rw) : pthread_rwlock_rdlock(&rw);
	told("destroy", pthread_rwlock_destroy(&rw));
}

static void
fork_held(int kind)
{
	pthread_mutex_t m;
	pid_t child;

	make(&m, kind, false);
	pthread_mutex_lock(&m);
	child = fork();
	if (child == 0) {
		told("in the child trylock", elsewhere(trylock, &m));
		told("unlock", pthread_mutex_unlock(&m));
		told("trylock", elsewhere(trylock, &m));
		_exit(0);
	}
	waitpid(child, NULL, 0);
	told("in the parent unlock", pthread_mutex_unlock(&m));
}

static void
fork_held_rwlock(int arg)
{
	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
	pid_t child;

	(void)arg;
	pthread_rwlock_wrlock(&rw);
	child = fork();
	if (child == 0) {
		told("in the child unlock", pthread_rwlock_unlock(&rw));
		told("tryrdlock", elsewhere(tryrdlock, &rw));
		_exit(0);
	}
	waitpid(child, NULL, 0);
	told("in the parent unlock", pthread_rwlock_unlock(&rw));
}

static void
left_held(int arg)
{
	pthread_mutex_t m;

	make(&m, arg & 3, arg & 4);
	elsewhere(lock, &m);
	told("trylock", pthread_mutex_trylock(&m));
	told("unlock", pthread_mutex_unlock(&m));
	told("trylock", pthread_mutex_trylock(&m));
	told("lock", pthread_mutex_lock(&m));
}

#define EACH_KIND(name, fn) { name ", normal", fn, PTHREAD_MUTEX_NORMAL }, { name ", recursive", fn, PTHREAD_MUTEX_RECURSIVE }, \
	{ name ", errorcheck", fn, PTHREAD_MUTEX_ERRORCHECK }, { name ", adaptive", fn, PTHREAD_MUTEX_ADAPTIVE_NP }

const struct misuse misuses[] = {
	{ "1 lock of NULL", lock_null, 0 },
	{ "2 a mutex of bytes ff", corrupt, 0xff },
	{ "2 a mutex of bytes 5a", corrupt, 0x5a },
	{ "2 kinds of mutexes", kinds, 0 },
	{ "3 a copied mutex", copied, 0 },
	EACH_KIND("4 unlock of an unlocked mutex", unlock_unlocked),
	{ "5 unlock of an unlocked rwlock", rwlock_unlocked, 0 },
	EACH_KIND("6 unlock by another thread", unlock_elsewhere),
	EACH_KIND("7 lock of a mutex by its owner", relock),
	{ "7 rdlock after rdlock", relock_rwlock, 0 },
	{ "7 rdlock after wrlock", relock_rwlock, 1 },
	{ "7 wrlock after rdlock", relock_rwlock, 2 },
	{ "7 wrlock after wrlock", relock_rwlock, 3 },
	{ "8 depth of a recursive mutex at its limit", depth, 0 },
	{ "11 semaphores at their limits", waits_sem_limits, 0 },
	{ "12 barriers at their limits", waits_barrier_limits, 0 },
	{ "12 destroy of a barrier while one waits", waits_barrier_destroy, 0 },
	{ "13 recursive once", waits_once_recursive, 0 },
	{ "13 cancelled once", waits_once_cancelled, 0 },
	{ "13 fork in a once", waits_once_forked, 0 },
	EACH_KIND("14 destroy of a held mutex", destroy_held),
	{ "14 destroy of an rwlock held for reading", destroy_held_rwlock, 0 },
	{ "14 destroy of an rwlock held for writing", destroy_held_rwlock, 1 },
	{ "14 destroy of a condition variable while one waits", waits_cond_destroy, 0 },
	EACH_KIND("17 times that are none", waits_times),
	{ "17 clocks that are none", waits_clocks, 0 },
	EACH_KIND("18 wait with a mutex that is not held", waits_cond_unheld),
	{ "20 signal without SA_RESTART", waits_interrupted, 0 },
	{ "20 signal with SA_RESTART", waits_interrupted, 1 },
	{ "20 signal while waiting for a mutex", waits_interrupted_mutex, 0 },
	EACH_KIND("22 fork by the owner", fork_held),
	{ "22 fork by the writer", fork_held_rwlock, 0 },
	EACH_KIND("24 a thread ends with a mutex", left_held),
	{ "24 a thread ends with a robust mutex", left_held, 4 },
	{ "25 cancelled wait for a condition", waits_cancelled, 0 },
	{ "25 cancelled wait for a semaphore", waits_cancelled_sem, 0 },
	{ "25 no cancellation point: mutex", waits_not_cancelled, 0 },
	{ "25 no cancellation point: rwlock", waits_not_cancelled, 1 },
	{ "25 no cancellation point: barrier", waits_not_cancelled, 2 },
	{ NULL, NULL, 0 },
};
