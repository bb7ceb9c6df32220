/* SPDX-License-Identifier: MIT */
/*
 * observe.h - telling run-time checkers what locks do: ThreadSanitizer, and on request Helgrind or DRD. Private to the
 * locks; in any other build it is empty. A program so built calls the locks through functions that report each call.
 *
 *   -fsanitize=thread        FASTSYNC_TSAN=2 (default): locks are reported as mutexes, so that the tool sees lock orders and misuse,
 *                            also with a library that is not instrumented
 *                            FASTSYNC_TSAN=1: only what they order. For programs in which one thread locks and another
 *                            unlocks, or threads die with locks, which the tool takes for mistakes
 *                            FASTSYNC_TSAN=0: nothing; the library must be instrumented as well
 *   -DFASTSYNC_HELGRIND, -DFASTSYNC_DRD   with <valgrind/helgrind.h>, <valgrind/drd.h>: likewise for valgrind
 */
#ifndef FASTSYNC_OBSERVE_H
#define FASTSYNC_OBSERVE_H

#include <fastsync/annotate.h>
#include <fastsync/base.h>

#ifndef FASTSYNC_TSAN
#define FASTSYNC_TSAN 2
#endif
#if defined(__SANITIZE_THREAD__) && !defined(FSYI_MACHINE)
#define FSY_TSAN_ FASTSYNC_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FSY_TSAN_ FASTSYNC_TSAN
#endif
#endif
#ifndef FSY_TSAN_
#define FSY_TSAN_ 0
#endif

/* What a call does: FSY_SEES_READ_ shared, FSY_SEES_TRY_ it may come back without the lock. */
#define FSY_SEES_READ_ 8u
#define FSY_SEES_TRY_ 16u

#if FSY_TSAN_ > 0
#include <sanitizer/tsan_interface.h>
#define FSY_OBSERVED_ 1
#if FSY_TSAN_ > 1
#define FSY_LOCKING_(m, how)    __tsan_mutex_pre_lock((void *)(m), how)
#define FSY_LOCKED_(m, how, ok) __tsan_mutex_post_lock((void *)(m), (how) | ((ok) ? 0u : __tsan_mutex_try_lock_failed), 0)
#define FSY_UNLOCKING_(m, how)  ((void)__tsan_mutex_pre_unlock((void *)(m), how))
#define FSY_UNLOCKED_(m, how)   __tsan_mutex_post_unlock((void *)(m), how)
#else
#define FSY_LOCKING_(m, how)    ((void)0)
#define FSY_LOCKED_(m, how, ok) ((ok) ? __tsan_acquire((void *)(m)) : (void)0)
#define FSY_UNLOCKING_(m, how)  __tsan_release((void *)(m))
#define FSY_UNLOCKED_(m, how)   ((void)0)
#endif
#elif defined(FASTSYNC_HELGRIND) || defined(FASTSYNC_DRD)
#ifdef FASTSYNC_HELGRIND
#include <valgrind/helgrind.h>
#define FSY_PRIVATE_(m) VALGRIND_HG_DISABLE_CHECKING((m), sizeof(*(m)))
#else
#include <valgrind/drd.h>
#define FSY_PRIVATE_(m) DRD_IGNORE_VAR(*(m))
#endif
#define FSY_OBSERVED_ 1
#define FSY_LOCKING_(m, how)    FSY_PRIVATE_(m)
#define FSY_LOCKED_(m, how, ok) \
	do { if (ok) ANNOTATE_RWLOCK_ACQUIRED((m), !((how) & FSY_SEES_READ_)); } while (0)
#define FSY_UNLOCKING_(m, how)  ANNOTATE_RWLOCK_RELEASED((m), !((how) & FSY_SEES_READ_))
#define FSY_UNLOCKED_(m, how)   ((void)0)
#else
#define FSY_OBSERVED_ 0
#endif

/* One function per call of a lock, named after it: NAME_seen_. gets: whether the result of a call means locked. tells: its annotation. */
#define FSY_SEE_LOCK_(name, type, how, tells)                                          \
	static inline void name##_seen_(type *m) tells FSY_NO_ANALYSIS;                \
	static inline void name##_seen_(type *m)                                       \
	{ FSY_LOCKING_(m, how); (name)(m); FSY_LOCKED_(m, how, true); }
#define FSY_SEE_UNLOCK_(name, type, how, tells)                                        \
	static inline void name##_seen_(type *m) tells FSY_NO_ANALYSIS;                \
	static inline void name##_seen_(type *m)                                       \
	{ FSY_UNLOCKING_(m, how); (name)(m); FSY_UNLOCKED_(m, how); }
#define FSY_SEE_TRY_(name, result_type, type, how, gets, tells)                        \
	static inline FSY_MUST_CHECK result_type name##_seen_(type *m) tells FSY_NO_ANALYSIS; \
	static inline FSY_MUST_CHECK result_type name##_seen_(type *m)                 \
	{ result_type result; FSY_LOCKING_(m, (how) | FSY_SEES_TRY_); result = (name)(m); \
	  FSY_LOCKED_(m, (how) | FSY_SEES_TRY_, gets(result)); return result; }
#define FSY_SEE_UNTIL_(name, type, how, gets, tells)                                   \
	static inline FSY_MUST_CHECK int name##_seen_(type *m, fsy_deadline_t deadline) tells FSY_NO_ANALYSIS; \
	static inline FSY_MUST_CHECK int name##_seen_(type *m, fsy_deadline_t deadline) \
	{ int result; FSY_LOCKING_(m, (how) | FSY_SEES_TRY_); result = (name)(m, deadline); \
	  FSY_LOCKED_(m, (how) | FSY_SEES_TRY_, gets(result)); return result; }
#define FSY_IF_TRUE_(result) (result)
#define FSY_IF_ZERO_(result) ((result) == 0)
#define FSY_IF_LOCKED_(result) ((result) == 0 || (result) == (int)FSY_EPOISONED)

#endif
