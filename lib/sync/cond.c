/* SPDX-License-Identifier: MIT */
/*
 * cond.c - Go's Cond: waiters in the lot, signalled first come, first served, and moved to the queue of their mutex.
 *
 * WORD    QUEUED (1): somebody is parked on the word's address. UNEQUAL (2): not all of them can wait for one mutex together. The rest is 0.
 * STATES  of a waiter: running, holds the mutex -> queued here, still holds it -> queued here, has unlocked it
 *            -> signalled: moved to the mutex's queue (its key changes) -> owner, as one who waited for the mutex
 *                          or woken: as the mutex's searcher (its key has changed), or to lock it like anybody
 *            -> left: its deadline came first
 * INVARIANTS
 *         C1  QUEUED is set iff the queue is not empty; it changes only under the bucket lock (I4).
 *         C2  A waiter is queued before it unlocks the mutex. So whoever changes something with the mutex held, and signals then or
 *             later, finds every waiter that has not seen the change.
 *         C3  A signal takes the eldest from the queue under the bucket lock, and a broadcast all of them in one such step: they
 *             cannot reach anybody who comes later, and nobody else can use them up.
 *         C4  A waiter whose deadline passes and who is no longer in this queue has been signalled (I7).
 *         C5  All in the queue name the same mutex, and it is alive: each of them will lock it before it returns. Or UNEQUAL is set: one
 *             names another, or holds it still; those who are signalled are woken then, and none is moved.
 *         C6  A move to the mutex's queue keeps the lock word's L2 (fsyi_lockword_admit). At most one of those who are moved is woken by it;
 *             the others by unlocks (lockword_wake.c).
 * ORDER   nothing of its own: the word is read without the bucket lock by signallers only, for whom the mutex orders it. The mutex's
 *         word is read, by mutex_of, as a guess. A signal is ordered before the return of the wait that it ends
 *         by K1 -> K2, or, through the mutex's queue, by B1 -> B2 and then K1 -> K2.
 * FAIRNESS first come, first served; then the mutex's.
 * LIFETIME the word is not read or written after the queue's last waiter was taken from it: the signaller clears it before that
 *         thread can run, a waiter does not touch it once it was queued, and who finds no queue keeps away from it (I1).
 * WRONG WAYS  counting signals, and letting waiters take what they find: one that came later takes the signal of one who sleeps (glibc
 *         before 2.41, BZ 25847). Unlocking the mutex before queueing: the signal finds nobody. Waking all on a broadcast: each but one
 *         finds the mutex locked and sleeps again. Moving waiters to a locked mutex where nobody knows of them: they sleep for ever.
 * REFS    wait morphing: Birrell's Taos threads, WebKit's parking lot, nsync; ticket order: Go's notifyList.
 */
#include "cond_wait.h"
#include "mutex_word.h"
#include <fastsync/error.h>
#include "../park/wait.h"
#include "../sys/clock.h"
#include "../sys/fatal.h"
#include "../sys/fork.h"

enum { COND_QUEUED = 1, COND_UNEQUAL = 2 };

/* One wait. */
struct wait {
	fsy_atomic_u32 *word;
	const struct fsyi_relock *relock;
	const void *other;              /* a mutex that somebody else waits with */
};

static bool
validate(struct fsyi_scene *scene, void *arg)
{
	struct wait *wait = (struct wait *)arg;
	uint32_t unequal = wait->relock->ways & FSYI_COND_KEEPS ? COND_UNEQUAL : 0;

	if (scene->queue != NULL && scene->queue->all.head->kind == FSYI_KIND_COND) {
		wait->other = scene->queue->all.head->relock_word;
		unequal |= fsy_atomic_u32_load_rlx(wait->word) & COND_UNEQUAL;
	}
	if (wait->other != NULL && wait->other != wait->relock->lock.word) {
		if (!(wait->relock->ways & FSYI_COND_ANY))
			return false;
		unequal = COND_UNEQUAL;
	}
	fsyi_thread_self()->relock = &wait->relock->lock;
	fsyi_thread_self()->relock_word = wait->relock->lock.word;
	fsy_atomic_u32_store_rlx(wait->word, COND_QUEUED | unequal);
	return true;
}

/* C2: only now that it stands in the queue. */
static bool
unlock(void *arg)
{
	const struct fsyi_relock *relock = ((struct wait *)arg)->relock;

	relock->release(relock->mutex);
	return true;
}

static void
timed_out(struct fsyi_scene *scene, void *arg)
{
	if (scene->queue == NULL)
		fsy_atomic_u32_store_rlx(((struct wait *)arg)->word, 0);
}

static const struct fsyi_park_op wait_ops[2] = {
	{ validate, NULL, unlock, timed_out, FSYI_PARK_MOVES | FSYI_PARK_LINGERS },
	{ validate, NULL, unlock, timed_out, FSYI_PARK_MOVES | FSYI_PARK_LINGERS | FSYI_PARK_CANCELLABLE },
};

static const struct fsyi_park_op *
op_of(const struct fsyi_relock *relock)
{
	return &wait_ops[(relock->ways & FSYI_COND_CANCELLABLE) != 0];
}

/* No queue will have it: it looks again, by itself, and so does its caller. */
static int
nap(const struct fsyi_relock *relock, fsy_deadline_t deadline)
{
	relock->release(relock->mutex);
	fsyi_word_nap(deadline);
	return fsyi_over(deadline, fsyi_now()) ? FSY_ETIMEDOUT : 0;
}

/* Woken; the lock itself, if it was moved to the lock's queue. */
static bool
resume(const struct fsyi_relock *relock, enum fsyi_parked parked)
{
	if (fsy_atomic_ptr_load_rlx(&fsyi_thread_self()->key) != (void *)relock->lock.word)
		return false;
	fsyi_lockword_resume(&relock->lock, parked);
	return true;
}

int
fsyi_cond_wait(fsy_cond_t *c, const struct fsyi_relock *relock, fsy_deadline_t deadline, bool *taken)
{
	struct wait wait = { &c->word_, relock, NULL };
	enum fsyi_parked parked;

	fsyi_fork_check();
	*taken = false;
	if (!(relock->ways & FSYI_COND_ANY) && !(fsy_atomic_u32_load_rlx(relock->lock.word) & LW_LOCKED))
		fsyi_fatal("wait with an unlocked mutex %p, cond %p", relock->mutex, (void *)c);
	parked = fsyi_park(&fsyi_lot, &c->word_, FSYI_KIND_COND, op_of(relock), &wait, deadline);
	switch (parked) {
	case FSYI_PARK_INVALID:
		fsyi_fatal("cond is waited for with two mutexes %p, %p and %p", (void *)c, wait.other, relock->mutex);
	case FSYI_PARK_NO_RECORD:
		return nap(relock, deadline);
	case FSYI_PARK_TIMEDOUT:
		return FSY_ETIMEDOUT;
	default:
		*taken = resume(relock, parked);
		return 0;
	}
}

bool
fsyi_cond_break_off(fsy_cond_t *c, const struct fsyi_relock *relock, bool *taken)
{
	struct wait wait = { &c->word_, relock, NULL };
	enum fsyi_parked parked = fsyi_park_break_off(&fsyi_lot, &c->word_, op_of(relock), &wait);

	*taken = parked != FSYI_PARK_TIMEDOUT && resume(relock, parked);
	return parked != FSYI_PARK_TIMEDOUT;
}

static void
release_mutex(void *mutex)
{
	fsyi_mutex_unlock_leaving((fsy_mutex_t *)mutex);
}

int
fsy_cond_wait_until(fsy_cond_t *c, fsy_mutex_t *m, fsy_deadline_t deadline)
{
	struct fsyi_relock relock = { fsyi_mutex_word(m), m, release_mutex, 0 };
	bool taken;
	int error = fsyi_cond_wait(c, &relock, deadline, &taken);

	if (!taken)
		fsy_mutex_lock(m);
	return error;
}

void
fsy_cond_wait(fsy_cond_t *c, fsy_mutex_t *m)
{
	int error = fsy_cond_wait_until(c, m, FSY_FOREVER);

	FSYI_ASSERT(error == 0);
	(void)error;
}

struct signal {
	fsy_atomic_u32 *word;
	bool all;
	bool unsettled;                 /* out: and this is the lock */
	struct fsyi_lockword lock;
};

/* Where signalled waiters go on waiting; NULL: nobody waits, or they have to be woken. One alone is woken if the mutex looks free: to have it
 * join the searchers there would cost a second bucket, and another lock of that. */
static const void *
mutex_of(const struct fsyi_scene *scene, void *arg)
{
	const struct signal *signal = (const struct signal *)arg;
	const fsy_atomic_u32 *mutex;

	if (scene->queue == NULL || scene->queue->all.head->kind != FSYI_KIND_COND || !fsyi_lockword_admits())
		return NULL;
	if (fsy_atomic_u32_load_rlx(signal->word) & COND_UNEQUAL)
		return NULL;
	mutex = scene->queue->all.head->relock_word;
	if (!(signal->all && scene->queue->count > 1) && !(fsy_atomic_u32_load_rlx(mutex) & LW_BUSY))
		return NULL;
	return mutex;
}

static void
pass_on(struct fsyi_scene *scene, struct fsyi_scene *target, void *arg)
{
	struct signal *signal = (struct signal *)arg;
	uint32_t count;

	/* Only a waiter of our kind proves that the object is alive, and a condition variable. */
	if (scene->queue == NULL || scene->queue->all.head->kind != FSYI_KIND_COND)
		return;
	count = signal->all ? scene->queue->count : 1;
	if (count == scene->queue->count)
		fsy_atomic_u32_store_rlx(signal->word, 0);
	if (target != NULL) {
		signal->lock = *scene->queue->all.head->relock;
		signal->unsettled = fsyi_lockword_admit(target, &signal->lock, scene, count);
	} else if (signal->all)
		fsyi_scene_wake_all(scene, FSYI_KIND_COND, FSYI_TOKEN_NORMAL);
	else
		fsyi_scene_wake(scene, scene->queue->all.head, FSYI_TOKEN_NORMAL);
}

static void
signal_some(fsy_cond_t *c, bool all)
{
	struct signal signal = { .word = &c->word_, .all = all };

	fsyi_fork_check();
	fsyi_visit_two(&fsyi_lot, &c->word_, mutex_of, pass_on, &signal);
	if (signal.unsettled)
		fsyi_lockword_settle(&signal.lock);
}

FSY_NOINLINE void
fsy_cond_signal_slow_(fsy_cond_t *c)
{
	signal_some(c, false);
}

FSY_NOINLINE void
fsy_cond_broadcast_slow_(fsy_cond_t *c)
{
	signal_some(c, true);
}

static void
count_waiters(struct fsyi_scene *scene, void *arg)
{
	*(uint32_t *)arg = scene->queue == NULL || scene->queue->all.head->kind != FSYI_KIND_COND ? 0 : scene->queue->count;
}

uint32_t
fsyi_cond_waiters(fsy_cond_t *c)
{
	uint32_t waiters = 0;

	fsyi_fork_check();
	if (fsy_atomic_u32_load_rlx(&c->word_) != 0)
		fsyi_visit(&fsyi_lot, &c->word_, count_waiters, &waiters);
	return waiters;
}

void
fsy_cond_destroy(fsy_cond_t *c)
{
	if (fsyi_cond_waiters(c) > 0)
		fsyi_fatal("destroy of cond with waiters %p", (void *)c);
	*c = (fsy_cond_t)FSY_COND_INIT;
}
