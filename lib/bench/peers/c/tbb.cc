/* SPDX-License-Identifier: MIT */
/*
 * tbb.cc - oneTBB. mutex and rw_mutex sleep; spin_mutex spins and yields; queuing_mutex spins in arrival order.
 */
#include "module.h"

#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/queuing_mutex.h>
#include <oneapi/tbb/rw_mutex.h>
#include <oneapi/tbb/spin_mutex.h>
#include <oneapi/tbb/version.h>

namespace {

template <typename Lock> struct counted {
	Lock lock;
	uint64_t datum = 0;
};
using sleeping = counted<tbb::mutex>;
using spinning = counted<tbb::spin_mutex>;
using queuing = counted<tbb::queuing_mutex>;

FSYB_DATUM(sleeping_datum, sleeping)
FSYB_DATUM(spinning_datum, spinning)
FSYB_DATUM(queuing_datum, queuing)
FSYB_MUTEX_LOOP(sleeping_run, sleeping, (void)0, self->lock.lock(), self->lock.unlock())
FSYB_MUTEX_LOOP(spinning_run, spinning, (void)0, self->lock.lock(), self->lock.unlock())
FSYB_MUTEX_LOOP(queuing_run, queuing, tbb::queuing_mutex::scoped_lock place, place.acquire(self->lock),
                place.release())

struct shared {
	tbb::rw_mutex lock;
	uint64_t words[2] = {0, 0};
	uint32_t torn = 0;
};
FSYB_WORDS_DATUM(shared_datum, shared)
FSYB_RW_LOOP(shared_run, shared, (void)0, self->lock.lock_shared(), self->lock.unlock_shared(), self->lock.lock(),
             self->lock.unlock())

} // namespace

FSYB_EXPORT const struct fsyb_impl *
fsyb_peer(int abi)
{
	static const char *version = "oneTBB " TBB_VERSION_STRING;
	static const struct fsyb_impl impls[] = {
		{FSYB_MUTEX, "tbb mutex", version, sizeof(tbb::mutex), 1, 0, fsyb_create<sleeping>,
		 fsyb_destroy<sleeping>, sleeping_run, sleeping_datum, 1},
		{FSYB_MUTEX, "tbb spin", version, sizeof(tbb::spin_mutex), 0, 0, fsyb_create<spinning>,
		 fsyb_destroy<spinning>, spinning_run, spinning_datum, 1},
		{FSYB_MUTEX, "tbb queuing", version, sizeof(tbb::queuing_mutex), 0, fsyb_cpus(), fsyb_create<queuing>,
		 fsyb_destroy<queuing>, queuing_run, queuing_datum, 1},
		{FSYB_RW, "tbb rw", version, sizeof(tbb::rw_mutex), 1, 0, fsyb_create<shared>, fsyb_destroy<shared>,
		 shared_run, shared_datum, 1},
		{},
	};

	return abi == FSYB_PEER_ABI ? impls : nullptr;
}
