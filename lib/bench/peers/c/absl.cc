/* SPDX-License-Identifier: MIT */
/*
 * absl.cc - Abseil's Mutex, as mutex and as reader-writer lock, and call_once. Distributions build Abseil with its
 * assertions on, which more than doubles the cost of a lock: such a build is named so that nobody quotes it.
 */
#include "module.h"

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

} // namespace

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
		{},
	};

	return abi == FSYB_PEER_ABI ? impls : nullptr;
}
