/* SPDX-License-Identifier: MIT */
/*
 * tbb.cc - oneTBB. mutex and rw_mutex sleep; spin_mutex and spin_rw_mutex spin and yield; queuing_mutex spins in arrival order.
 */
#include "module.h"

#include "../loop_wait.h"

#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/queuing_mutex.h>
#include <oneapi/tbb/rw_mutex.h>
#include <oneapi/tbb/spin_mutex.h>
#include <oneapi/tbb/spin_rw_mutex.h>
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

template <typename Lock> struct shared {
	Lock lock;
	uint64_t words[2] = {0, 0};
	uint32_t torn = 0;
};
using sleeping_rw = shared<tbb::rw_mutex>;
using spinning_rw = shared<tbb::spin_rw_mutex>;

FSYB_WORDS_DATUM(sleeping_rw_datum, sleeping_rw)
FSYB_WORDS_DATUM(spinning_rw_datum, spinning_rw)
FSYB_RW_LOOP(sleeping_rw_run, sleeping_rw, (void)0, self->lock.lock_shared(), self->lock.unlock_shared(), self->lock.lock(),
             self->lock.unlock())
FSYB_RW_LOOP(spinning_rw_run, spinning_rw, (void)0, self->lock.lock_shared(), self->lock.unlock_shared(), self->lock.lock(),
             self->lock.unlock())

FSYB_MILLION_OF(mutexes, tbb::mutex, new (object) tbb::mutex, object->lock(); object->unlock())
FSYB_MILLION_OF(rw_mutexes, tbb::rw_mutex, new (object) tbb::rw_mutex, object->lock_shared(); object->unlock_shared())

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
		{FSYB_RW, "tbb rw", version, sizeof(tbb::rw_mutex), 1, 0, fsyb_create<sleeping_rw>, fsyb_destroy<sleeping_rw>,
		 sleeping_rw_run, sleeping_rw_datum, FSYB_PEER},
		{FSYB_RW, "tbb spin rw", version, sizeof(tbb::spin_rw_mutex), 0, 8 * fsyb_cpus(), fsyb_create<spinning_rw>,
		 fsyb_destroy<spinning_rw>, spinning_rw_run, spinning_rw_datum, FSYB_PEER},
		{FSYB_MILLION, "tbb mutex", version, sizeof(tbb::mutex), 1, 0, mutexes_create, free, nullptr, nullptr, FSYB_PEER},
		{FSYB_MILLION, "tbb rw_mutex", version, sizeof(tbb::rw_mutex), 1, 0, rw_mutexes_create, free, nullptr, nullptr,
		 FSYB_PEER},
		{},
	};

	return abi == FSYB_PEER_ABI ? impls : nullptr;
}
