/* SPDX-License-Identifier: MIT */
/*
 * fastsync.h - all of libfastsync. Each header also stands alone.
 */
#ifndef FASTSYNC_H
#define FASTSYNC_H

#define FASTSYNC_VERSION_MAJOR 0
#define FASTSYNC_VERSION_MINOR 1
#define FASTSYNC_VERSION_PATCH 0
#define FASTSYNC_VERSION "0.1.0"

#include <fastsync/atomic.h>
#include <fastsync/barrier.h>
#include <fastsync/bench.h>
#include <fastsync/cond.h>
#include <fastsync/error.h>
#include <fastsync/fairlock.h>
#include <fastsync/lazy.h>
#include <fastsync/mutex.h>
#include <fastsync/once.h>
#include <fastsync/pool.h>
#include <fastsync/poison.h>
#include <fastsync/rwmutex.h>
#include <fastsync/stats.h>
#include <fastsync/time.h>
#include <fastsync/waitgroup.h>

FSY_BEGIN_DECLS

/* The version of the library at run time, "0.1.0". */
FSY_API const char *fsy_version(void);

FSY_END_DECLS

#endif
