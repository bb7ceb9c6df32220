/* SPDX-License-Identifier: MIT */
/*
 * base.h - the words every other header is written in.
 *
 * Name classes:  fsy_x   public
 *                fsy_x_  exported, but private to this library's inline code: do not call it
 *                FSY_X   public macro or constant
 */
#ifndef FASTSYNC_BASE_H
#define FASTSYNC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define FSY_BEGIN_DECLS extern "C" {
#define FSY_END_DECLS   }
#define FSY_STATIC_ASSERT(condition, why) static_assert(condition, why)
#else
#define FSY_BEGIN_DECLS
#define FSY_END_DECLS
#define FSY_STATIC_ASSERT(condition, why) _Static_assert(condition, why)
#endif

#ifndef FSY_API                         /* the preload library keeps all names to itself */
#define FSY_API          __attribute__((visibility("default")))
#endif
#define FSY_COLD         __attribute__((cold, noinline))
#define FSY_NOINLINE     __attribute__((noinline))
#define FSY_MUST_CHECK   __attribute__((warn_unused_result))
#define FSY_ALWAYS_INLINE __attribute__((always_inline)) inline
#define FSY_LIKELY(x)    __builtin_expect(!!(x), 1)
#define FSY_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define FSY_CACHELINE    64

/*
 * Every fast path is written once, in a header. In a program FSY_INLINE makes it a static
 * inline function; lib/abi.c compiles the same text into the exported twin that foreign
 * languages and the preload library call.
 */
#ifndef FSY_INLINE
#define FSY_INLINE static inline
#endif

/* A program built with -DFASTSYNC_CHECKED takes the slow path on every call, where the
 * library's observers see it. */
#ifdef FASTSYNC_CHECKED
#define FSY_FAST 0
#else
#define FSY_FAST 1
#endif

/* A nameless variable whose end is a call. */
#define FSY_SCOPE_(type, value, leave)              FSY_SCOPE_NAMED_(type, value, leave, __COUNTER__)
#define FSY_SCOPE_NAMED_(type, value, leave, id)    FSY_SCOPE_PASTED_(type, value, leave, id)
#define FSY_SCOPE_PASTED_(type, value, leave, id) \
	__attribute__((cleanup(leave), unused)) type fsy_scope_##id##_ = value

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "fastsync: the lock word's layout assumes a little-endian machine"
#endif

#endif
