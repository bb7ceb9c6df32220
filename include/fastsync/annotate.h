/* SPDX-License-Identifier: MIT */
/*
 * annotate.h - telling clang's thread-safety analysis (-Wthread-safety) which lock guards what. The locks of this library
 * are annotated with these words; a program uses them for its own data and functions. Other compilers see nothing.
 *
 *   static fsy_mutex_t lock;
 *   static long balance FSY_GUARDED_BY(lock);
 *   static void settle(void) FSY_REQUIRES(lock);
 *
 * A lock is named by the expression that stands for it where the annotation stands: a variable, a parameter, in C++ a member. C
 * has no name for "the lock in the same struct", before clang 20: there annotate variables and functions.
 *
 * The analysis believes what it is told: a lock that one function takes and another gives back needs both annotated. Calls
 * that lock and report an error are known by their 0; where such a call returned FSY_EPOISONED, which means locked,
 * say so with fsy_poison_mutex_assert_held.
 */
#ifndef FASTSYNC_ANNOTATE_H
#define FASTSYNC_ANNOTATE_H

#if defined(__clang__) && defined(__has_attribute)
#if __has_attribute(capability)
#define FSY_TELL_ANALYSIS_(attribute) __attribute__((attribute))
#endif
#endif
#ifndef FSY_TELL_ANALYSIS_
#define FSY_TELL_ANALYSIS_(attribute)
#endif

/* Types: a lock, by what messages call it; a C++ class that holds one from constructor to destructor. */
#define FSY_CAPABILITY(name)         FSY_TELL_ANALYSIS_(capability(name))
#define FSY_SCOPED_CAPABILITY        FSY_TELL_ANALYSIS_(scoped_lockable)

/* Data: the variable, or what it points to, is read with the lock held and written with it held exclusively. */
#define FSY_GUARDED_BY(lock)         FSY_TELL_ANALYSIS_(guarded_by(lock))
#define FSY_PT_GUARDED_BY(lock)      FSY_TELL_ANALYSIS_(pt_guarded_by(lock))

/* Locks: the order in which they are taken. */
#define FSY_ACQUIRED_BEFORE(...)     FSY_TELL_ANALYSIS_(acquired_before(__VA_ARGS__))
#define FSY_ACQUIRED_AFTER(...)      FSY_TELL_ANALYSIS_(acquired_after(__VA_ARGS__))

/* Functions: what the caller must hold, or must not; what the function takes and gives back. TRY: first the result that means it did. */
#define FSY_REQUIRES(...)            FSY_TELL_ANALYSIS_(requires_capability(__VA_ARGS__))
#define FSY_REQUIRES_SHARED(...)     FSY_TELL_ANALYSIS_(requires_shared_capability(__VA_ARGS__))
#define FSY_EXCLUDES(...)            FSY_TELL_ANALYSIS_(locks_excluded(__VA_ARGS__))
#define FSY_ACQUIRE(...)             FSY_TELL_ANALYSIS_(acquire_capability(__VA_ARGS__))
#define FSY_ACQUIRE_SHARED(...)      FSY_TELL_ANALYSIS_(acquire_shared_capability(__VA_ARGS__))
#define FSY_TRY_ACQUIRE(...)         FSY_TELL_ANALYSIS_(try_acquire_capability(__VA_ARGS__))
#define FSY_TRY_ACQUIRE_SHARED(...)  FSY_TELL_ANALYSIS_(try_acquire_shared_capability(__VA_ARGS__))
#define FSY_RELEASE(...)             FSY_TELL_ANALYSIS_(release_capability(__VA_ARGS__))
#define FSY_RELEASE_SHARED(...)      FSY_TELL_ANALYSIS_(release_shared_capability(__VA_ARGS__))

/* From this call on the lock is taken to be held. */
#define FSY_ASSERT_HELD(lock)        FSY_TELL_ANALYSIS_(assert_capability(lock))
#define FSY_ASSERT_HELD_SHARED(lock) FSY_TELL_ANALYSIS_(assert_shared_capability(lock))

/* The function returns a reference to the lock; its body is not analysed. */
#define FSY_RETURNS_LOCK(lock)       FSY_TELL_ANALYSIS_(lock_returned(lock))
#define FSY_NO_ANALYSIS              FSY_TELL_ANALYSIS_(no_thread_safety_analysis)

#endif
