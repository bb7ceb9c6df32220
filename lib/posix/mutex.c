/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - pthread_mutex_t on the adaptive lock.
 *
 * WORD    the lock word of lib/sync at offset 0; where libc has its owner, the kernel's id of the holder; behind it how often, if recursive.
 *         The kind is libc's, is written by init and destroy alone, and is read at every call.
 * STATES  by kind: normal and adaptive ask for no owner; errorcheck and recursive go by it. Every other kind is libc's object, whole.
 * INVARIANTS
 *         Q1  owner and count are written by the thread that holds the word, before it gives it back; owner is 0 in the kinds that do
 *             not go by it.
 *         Q2  a thread finds its own id in owner iff it holds the mutex. In a forked child its id is another, so that it is nobody's owner,
 *             as under libc: it can neither unlock nor relock what recursive or errorcheck mutexes its parent held.
 * ORDER, FAIRNESS, LIFETIME: those of lib/sync/lockword.c. owner is relaxed: a thread can find its own id only if it wrote that itself.
 * WRONG WAYS  a table of locks by address: nothing tells when a std::mutex ends. Asking at init whose object it is: static ones have no init.
 */
#include "preload.h"
#include "real.h"
#include "../sync/mutex_word.h"
#include "../sys/clock.h"
#include "../sys/fatal.h"
#include "../sys/thread.h"

__thread struct fsyi_self fsyi_self __attribute__((tls_model("initial-exec")));

FSY_COLD uint32_t
fsyi_self_ask(void)
{
	fsyi_self.tid = fsyi_thread_id();
	fsyi_self.generation = fsyi_fork_generation();
	return fsyi_self.tid;
}

/* Neither asks for an owner nor is looked at. */
static FSY_ALWAYS_INLINE bool
is_plain(const struct fsyi_mutex *m)
{
	return FSY_LIKELY(((m->kind | fsyi_policy.watch) & ~FSYI_MUTEX_ELISION) == 0);
}

static bool
goes_by_owner(const struct fsyi_mutex *m)
{
	int type = m->kind & FSYI_MUTEX_TYPE;

	return type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK;
}

/* Whose owner is written: besides theirs that of every lock that is looked at, for debuggers. Else it would cost a plain lock a tenth. */
static bool
has_owner(const struct fsyi_mutex *m)
{
	return goes_by_owner(m) || fsyi_policy.watch;
}

/* How a caller wants the lock: time NULL waits for ever. */
struct request {
	const struct timespec *time;
	clockid_t clock;
	const void *site;
};

static int
take(struct fsyi_mutex *m, const struct request *r)
{
	fsy_deadline_t deadline = FSY_FOREVER;
	int64_t start = 0;
	int error;

	if (!fsyi_mutex_acquire(m)) {
		if (r->time != NULL && (error = fsyi_deadline(r->clock, r->time, &deadline)) != 0)
			return error;
		start = fsyi_policy.watch ? fsyi_now() : 0;
		error = fsy_mutex_lock_until_slow_(&m->lock, deadline);
		if (error != 0)
			return error;
	}
	if (fsyi_policy.watch)
		fsyi_report_taken(m, FSYI_A_MUTEX, r->site, start ? fsyi_now() - start : 0);
	return 0;
}

static FSY_NOINLINE int
lock_ours(struct fsyi_mutex *m, const struct request *r)
{
	uint32_t tid;
	int error;

	if (!goes_by_owner(m)) {
		error = take(m, r);
		if (error == 0 && has_owner(m))
			fsy_atomic_u32_store_rlx(&m->owner, fsyi_tid());
		return error;
	}
	tid = fsyi_tid();
	if (fsy_atomic_u32_load_rlx(&m->owner) == tid) {
		if ((m->kind & FSYI_MUTEX_TYPE) == PTHREAD_MUTEX_ERRORCHECK)
			return EDEADLK;
		if (m->count == UINT32_MAX)
			return EAGAIN;
		m->count++;
		return 0;
	}
	error = take(m, r);
	if (error == 0) {
		fsy_atomic_u32_store_rlx(&m->owner, tid);
		m->count = 1;
	}
	return error;
}

static FSY_NOINLINE int
lock_other(pthread_mutex_t *mutex, const void *site)
{
	struct request r = { NULL, 0, site };

	return fsyi_mutex_is_ours(fsyi_mutex(mutex)) ? lock_ours(fsyi_mutex(mutex), &r) : fsyi_real_pthread_mutex_lock(mutex);
}

FSYI_EXPORT int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
	struct fsyi_mutex *m = fsyi_mutex(mutex);

	if (!is_plain(m) || FSY_UNLIKELY(!fsyi_mutex_acquire(m)))
		return lock_other(mutex, __builtin_return_address(0));
	return 0;
}

static int
timed(pthread_mutex_t *mutex, const struct request *r)
{
	struct fsyi_mutex *m = fsyi_mutex(mutex);

	if (FSY_UNLIKELY(!fsyi_mutex_is_ours(m)))
		return r->clock == CLOCK_REALTIME ? fsyi_real_pthread_mutex_timedlock(mutex, r->time)
						  : fsyi_real_pthread_mutex_clocklock(mutex, r->clock, r->time);
	return lock_ours(m, r);
}

FSYI_EXPORT int
pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time)
{
	struct request r = { time, CLOCK_REALTIME, __builtin_return_address(0) };

	return timed(mutex, &r);
}

FSYI_EXPORT int
pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time)
{
	struct request r = { time, clock, __builtin_return_address(0) };

	return fsyi_clock_is_valid(clock) ? timed(mutex, &r) : EINVAL;
}

FSYI_EXPORT int
pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	struct fsyi_mutex *m = fsyi_mutex(mutex);

	if (FSY_UNLIKELY(!fsyi_mutex_is_ours(m)))
		return fsyi_real_pthread_mutex_trylock(mutex);
	if (goes_by_owner(m) && fsy_atomic_u32_load_rlx(&m->owner) == fsyi_tid()) {
		if ((m->kind & FSYI_MUTEX_TYPE) == PTHREAD_MUTEX_ERRORCHECK)
			return EBUSY;
		if (m->count == UINT32_MAX)
			return EAGAIN;
		m->count++;
		return 0;
	}
	if (!fsyi_mutex_acquire(m) && !fsy_mutex_trylock_slow_(&m->lock))
		return EBUSY;
	if (fsyi_policy.watch)
		fsyi_report_taken(m, FSYI_A_MUTEX, __builtin_return_address(0), 0);
	if (has_owner(m)) {
		fsy_atomic_u32_store_rlx(&m->owner, fsyi_tid());
		m->count = 1;
	}
	return 0;
}

/* What an unlock that was not a plain store has left to do. The object may be gone. */
static FSY_NOINLINE int
finish(struct fsyi_mutex *m, enum fsy_release_ how)
{
	struct fsyi_lockword lock = fsyi_mutex_word(&m->lock);

	if (how == FSY_SUSPECT_)
		how = fsyi_lockword_unlock_suspect(&lock);
	if (how == FSY_SUSPECT_ && fsyi_policy.strict)
		fsyi_fatal("unlock of unlocked mutex %p", (void *)m);
	if (how == FSY_RELEASED_WAKE_) {
		fsyi_fork_check();
		fsyi_lockword_wake(&lock, FSYI_WAKE_LATER);
	}
	return 0;                               /* programs do unlock what is not locked, and libc lets them */
}

static FSY_ALWAYS_INLINE int
give_back(struct fsyi_mutex *m)
{
	enum fsy_release_ how = fsy_lockword_release_(&m->lock.word_, &m->lock.held_);

	return FSY_LIKELY(how == FSY_RELEASED_) ? 0 : finish(m, how);
}

static FSY_NOINLINE int
unlock_other(pthread_mutex_t *mutex)
{
	struct fsyi_mutex *m = fsyi_mutex(mutex);
	bool last;
	int error;

	if (!fsyi_mutex_is_ours(m))
		return fsyi_real_pthread_mutex_unlock(mutex);
	error = fsyi_mutex_leave(m, &last);
	return error == 0 && last ? give_back(m) : error;
}

FSYI_EXPORT int
pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	return is_plain(fsyi_mutex(mutex)) ? give_back(fsyi_mutex(mutex)) : unlock_other(mutex);
}

int
fsyi_mutex_leave(struct fsyi_mutex *m, bool *last)
{
	*last = true;
	if (goes_by_owner(m)) {
		if (fsy_atomic_u32_load_rlx(&m->owner) != fsyi_tid())
			return EPERM;
		if ((m->kind & FSYI_MUTEX_TYPE) == PTHREAD_MUTEX_RECURSIVE && --m->count != 0) {
			*last = false;
			return 0;
		}
	}
	if (has_owner(m))
		fsy_atomic_u32_store_rlx(&m->owner, 0);
	return 0;
}

void
fsyi_mutex_come_back(struct fsyi_mutex *m)
{
	uint32_t tid;

	if (!has_owner(m))
		return;
	tid = fsyi_tid();
	if ((m->kind & FSYI_MUTEX_TYPE) == PTHREAD_MUTEX_RECURSIVE)
		m->count = fsy_atomic_u32_load_rlx(&m->owner) == tid ? m->count + 1 : 1;
	fsy_atomic_u32_store_rlx(&m->owner, tid);
}

/* The attribute is asked through libc's getters. What is not private and plain in every respect becomes libc's. */
FSYI_EXPORT int
pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attribute)
{
	int type = PTHREAD_MUTEX_NORMAL, robust = 0, shared = 0, protocol = 0;

	if (attribute != NULL) {
		pthread_mutexattr_gettype(attribute, &type);
		pthread_mutexattr_getrobust(attribute, &robust);
		pthread_mutexattr_getpshared(attribute, &shared);
		pthread_mutexattr_getprotocol(attribute, &protocol);
		if (robust != PTHREAD_MUTEX_STALLED || shared != PTHREAD_PROCESS_PRIVATE || protocol != PTHREAD_PRIO_NONE ||
		    (type & ~FSYI_MUTEX_TYPE) != 0)
			return fsyi_real_pthread_mutex_init(mutex, attribute);
	}
	__builtin_memset(mutex, 0, sizeof(*mutex));
	fsyi_mutex(mutex)->kind = type;
	return 0;
}

FSYI_EXPORT int
pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	struct fsyi_mutex *m = fsyi_mutex(mutex);

	if (!fsyi_mutex_is_ours(m))
		return fsyi_real_pthread_mutex_destroy(mutex);
	if (fsy_atomic_u32_load_rlx(&m->lock.word_) & LW_LOCKED)
		return EBUSY;
	m->kind = -1;                           /* libc's mark of a destroyed one: from here on it answers EINVAL */
	return 0;
}

FSYI_SAME(__pthread_mutex_init, pthread_mutex_init);
FSYI_SAME(__pthread_mutex_destroy, pthread_mutex_destroy);
FSYI_SAME(__pthread_mutex_lock, pthread_mutex_lock);
FSYI_SAME(__pthread_mutex_unlock, pthread_mutex_unlock);
FSYI_SAME(__pthread_mutex_trylock, pthread_mutex_trylock);
