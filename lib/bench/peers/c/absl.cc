/* SPDX-License-Identifier: MIT */
/*
 * absl.cc - Abseil's Mutex, as mutex and as reader-writer lock, CondVar and call_once. Distributions build Abseil with its
 * assertions on, which more than doubles the cost of a lock: such a build is named so that nobody quotes it.
 */
#include "module.h"

#include "../loop_wait.h"

#include <absl/base/call_once.h>
#include <absl/synchronization/mutex.h>

#ifdef PEER_ABSL_NDEBUG
#define ABSL_NAME "absl"
#else
#define ABSL_NAME "absl (Debian, with assertions: not quotable)"
#endif

namespace {

struct counted {
	absl::Mutex lock;
	uint64_t datum = 0;
};
FSYB_DATUM(counted_datum, counted)
FSYB_MUTEX_LOOP(counted_run, counted, (void)0, self->lock.Lock(), self->lock.Unlock())

struct shared {
	absl::Mutex lock;
	uint64_t words[2] = {0, 0};
	uint32_t torn = 0;
};
FSYB_WORDS_DATUM(shared_datum, shared)
FSYB_RW_LOOP(shared_run, shared, (void)0, self->lock.ReaderLock(), self->lock.ReaderUnlock(), self->lock.Lock(),
             self->lock.Unlock())

struct once {
	absl::once_flag flag;
	uint64_t datum = 0;

	static void initialise(once *self) { self->datum++; }
	once() { absl::call_once(flag, initialise, this); }
};
FSYB_DATUM(once_datum, once)
FSYB_ONCE_LOOP(once_run, once, absl::call_once(self->flag, once::initialise, self))

inline void
absl_init(absl::Mutex *mutex, absl::CondVar *cond, absl::CondVar *back)
{
	new (mutex) absl::Mutex;
	new (cond) absl::CondVar;
	new (back) absl::CondVar;
}
inline void
absl_fini(absl::Mutex *mutex, absl::CondVar *cond, absl::CondVar *back)
{
	back->~CondVar();
	cond->~CondVar();
	mutex->~Mutex();
}
inline void absl_lock(absl::Mutex *mutex) { mutex->Lock(); }
inline void absl_unlock(absl::Mutex *mutex) { mutex->Unlock(); }
inline void absl_wait(absl::CondVar *cond, absl::Mutex *mutex) { cond->Wait(mutex); }
inline void absl_signal(absl::CondVar *cond) { cond->Signal(); }
inline void absl_broadcast(absl::CondVar *cond) { cond->SignalAll(); }
FSYB_COND_LOOPS(absl, absl::Mutex, absl::CondVar)

/* Abseil's own BlockingCounter and Barrier can be used once only. */
FSYB_GROUP_OF_COND(absl, absl::Mutex, absl::CondVar)
#define group_add absl_g_add
#define group_done absl_g_done
#define group_wait absl_g_wait
inline void
group_make(struct absl_group *group, int64_t count)
{
	new (&group->lock) absl::Mutex;
	new (&group->zero) absl::CondVar;
	group->count = count;
}
FSYB_GROUP_LOOPS(group, struct absl_group, group_make(&seat->group[0], 0); group_make(&seat->group[1], 1);
                 group_make(&seat->back, 0), (void)0)

FSYB_MILLION_OF(mutexes, absl::Mutex, new (object) absl::Mutex, object->Lock(); object->Unlock())
FSYB_MILLION_OF(conds, absl::CondVar, new (object) absl::CondVar, object->Signal())
FSYB_MILLION_OF(onces, absl::once_flag, new (object) absl::once_flag, absl::call_once(*object, [] {}))

} // namespace

#define MILLION(NAME, TYPE, CREATE)                                                                                    \
	{                                                                                                              \
		FSYB_MILLION, NAME, PEER_VERSION, sizeof(TYPE), 1, 0, CREATE, free, nullptr, nullptr, FSYB_PEER        \
	}

FSYB_EXPORT const struct fsyb_impl *
fsyb_peer(int abi)
{
	static const struct fsyb_impl impls[] = {
		{FSYB_MUTEX, ABSL_NAME, PEER_VERSION, sizeof(absl::Mutex), 1, 0, fsyb_create<counted>,
		 fsyb_destroy<counted>, counted_run, counted_datum, 1},
		{FSYB_RW, ABSL_NAME, PEER_VERSION, sizeof(absl::Mutex), 1, 0, fsyb_create<shared>,
		 fsyb_destroy<shared>, shared_run, shared_datum, 1},
		{FSYB_ONCE, ABSL_NAME, PEER_VERSION, sizeof(absl::once_flag), 1, 0, fsyb_create<once>,
		 fsyb_destroy<once>, once_run, once_datum, 1},
		{FSYB_COND, ABSL_NAME, PEER_VERSION, sizeof(absl::CondVar), 1, 0, absl_create, absl_destroy, absl_turns,
		 absl_datum, FSYB_PEER},
		{FSYB_BROADCAST, ABSL_NAME, PEER_VERSION, sizeof(absl::CondVar), 1, 0, absl_create, absl_destroy, absl_all,
		 absl_datum, FSYB_PEER},
		{FSYB_WAITGROUP, ABSL_NAME, PEER_VERSION, sizeof(struct absl_group), 1, 0, group_create, group_destroy,
		 group_turns, group_datum, FSYB_PEER},
		{FSYB_FANOUT, ABSL_NAME, PEER_VERSION, sizeof(struct absl_group), 1, 0, group_create, group_destroy,
		 group_all, group_wrong, FSYB_PEER},
		MILLION("absl Mutex", absl::Mutex, mutexes_create),
		MILLION("absl CondVar", absl::CondVar, conds_create),
		MILLION("absl once", absl::once_flag, onces_create),
		{},
	};

	return abi == FSYB_PEER_ABI ? impls : nullptr;
}
