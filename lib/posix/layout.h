/* SPDX-License-Identifier: MIT */
/*
 * layout.h - where our objects lie inside libc's, and which objects are ours.
 *
 * State lives in the object, for nothing tells when an object comes or goes: statically initialised ones are never announced, and C++
 * destroys most of them without a call. What libc needs to recognise its own kinds (the kind of a mutex or rwlock, the flags of a
 * condition variable, the sharing of semaphores and barriers) keeps its place and meaning, is read at every call, and decides.
 */
#ifndef FSYI_POSIX_LAYOUT_H
#define FSYI_POSIX_LAYOUT_H

#include <fastsync/barrier.h>
#include <fastsync/mutex.h>
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

/* 0: ours. What follows it lies where libc has its owner and, up to the kind, what it does not use in our kinds. */
struct fsyi_mutex {
	fsy_mutex_t lock;
	fsy_atomic_u32 owner;           /* kernel id of the thread that holds it, in the kinds that go by it; or 0 */
	uint32_t count;                 /* how often, if recursive */
	int kind;                       /* libc's */
};

FSY_STATIC_ASSERT(offsetof(struct fsyi_mutex, kind) == offsetof(pthread_mutex_t, __data.__kind), "the kind stays where it is");
FSY_STATIC_ASSERT(offsetof(struct fsyi_mutex, owner) == offsetof(pthread_mutex_t, __data.__owner), "debuggers look for the owner here");
FSY_STATIC_ASSERT(sizeof(struct fsyi_mutex) <= sizeof(pthread_mutex_t), "a mutex fits");
FSY_STATIC_ASSERT(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t), "C11's are the same objects");

/* The kind is a type, and flags. Hardware lock elision, which an attribute may forbid, is not ours to do. */
#define FSYI_MUTEX_TYPE     0x003
#define FSYI_MUTEX_ELISION  0x300

static inline struct fsyi_mutex *
fsyi_mutex(pthread_mutex_t *m)
{
	return (struct fsyi_mutex *)(void *)m;
}

/* Not robust, with a priority protocol, shared between processes, destroyed or never initialised. */
static inline bool
fsyi_mutex_is_ours(const struct fsyi_mutex *m)
{
	return (m->kind & ~(FSYI_MUTEX_TYPE | FSYI_MUTEX_ELISION)) == 0;
}

/* 24 bytes of libc's private semaphore, to the letter: value and waiters are one 64-bit word there. */
struct fsyi_sem {
	fsy_atomic_u64 word;            /* value, and in the upper half how many wait */
	int shared;                     /* libc's: 0 is private */
	int pad;
};

FSY_STATIC_ASSERT(sizeof(struct fsyi_sem) <= sizeof(sem_t), "a semaphore fits");
#define FSYI_SEM_WAITER (UINT64_C(1) << 32)

static inline struct fsyi_sem *
fsyi_sem(sem_t *s)
{
	return (struct fsyi_sem *)(void *)s;
}

/* libc's counters lie unused in front of the flag that says whose it is. */
struct fsyi_barrier {
	uint32_t unused[3];
	int shared;                     /* libc's: 0 is private */
	fsy_barrier_t barrier;
};

FSY_STATIC_ASSERT(sizeof(struct fsyi_barrier) <= sizeof(pthread_barrier_t), "a barrier fits");

static inline struct fsyi_barrier *
fsyi_barrier(pthread_barrier_t *b)
{
	return (struct fsyi_barrier *)(void *)b;
}

/* A condition variable of libc's has its flags at the end: bit 0 process-shared, bit 1 CLOCK_MONOTONIC. */
FSY_STATIC_ASSERT(offsetof(pthread_cond_t, __data.__wrefs) == 36, "the flags of a condition variable");
#define FSYI_COND_SHARED    1u
#define FSYI_COND_MONOTONIC 2u

FSY_STATIC_ASSERT(offsetof(pthread_rwlock_t, __data.__shared) >= 16, "room for ours in front of the flags of an rwlock");
FSY_STATIC_ASSERT(offsetof(pthread_rwlock_t, __data.__flags) >= 16, "room for ours in front of the kind of an rwlock");

FSY_STATIC_ASSERT(sizeof(pthread_once_t) == 4 && sizeof(once_flag) == 4 && sizeof(pthread_spinlock_t) == 4, "one word each");

#endif
