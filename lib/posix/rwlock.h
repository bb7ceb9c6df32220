/* SPDX-License-Identifier: MIT */
/* rwlock.h - between the parts of the rwlock: rwlock.c (readers), rwlock_join.c (readers that wait, or join), rwlock_write.c. */
#ifndef FSYI_POSIX_RWLOCK_H
#define FSYI_POSIX_RWLOCK_H

#include "preload.h"
#include "../sync/rwmutex.h"

/* 0: ours. Libc has its writer's id where we have it, and between ours and that what we do not use. */
struct fsyi_rwlock {
	fsy_rwmutex_t lock;
	fsy_atomic_u32 late;            /* how many times readers have lost patience with waiting writers, since one was let in */
	uint32_t unused;
	fsy_atomic_u32 writer;          /* see rwlock.c */
	int shared;                     /* libc's: 0 is private */
	uint32_t unused2[4];
	int kind;                       /* libc's */
};

FSY_STATIC_ASSERT(offsetof(struct fsyi_rwlock, writer) == offsetof(pthread_rwlock_t, __data.__cur_writer), "debuggers look for the writer here");
FSY_STATIC_ASSERT(offsetof(struct fsyi_rwlock, shared) == offsetof(pthread_rwlock_t, __data.__shared), "the sharing stays where it is");
FSY_STATIC_ASSERT(offsetof(struct fsyi_rwlock, kind) == offsetof(pthread_rwlock_t, __data.__flags), "the kind stays where it is");
FSY_STATIC_ASSERT(sizeof(struct fsyi_rwlock) <= sizeof(pthread_rwlock_t), "an rwlock fits");

static inline struct fsyi_rwlock *
fsyi_rwlock(pthread_rwlock_t *l)
{
	return (struct fsyi_rwlock *)(void *)l;
}

/* The values of writer: a thread's id, which has it; that with ENTERING; LEAVING; or 0. */
#define FSYI_RW_ENTERING 0x80000000u
#define FSYI_RW_LEAVING  0xffffffffu

static inline bool
fsyi_rwlock_is_written(uint32_t writer)
{
	return writer != 0 && !(writer & FSYI_RW_ENTERING);
}

/* Whether the calling thread has it for writing, and would wait for itself. */
static inline bool
fsyi_rwlock_is_mine(struct fsyi_rwlock *l)
{
	uint32_t writer = fsy_atomic_u32_load_rlx(&l->writer);

	return FSY_UNLIKELY(fsyi_rwlock_is_written(writer)) && writer == fsyi_tid();
}

/* Whether the calling thread's slot names it. */
static inline bool
fsyi_rwlock_names(const struct fsyi_rwlock *l)
{
	return fsy_atomic_ptr_load_rlx(fsy_reader_slot_(&l->lock.readers_)) == &l->lock.readers_;
}

/* Whether it is one that a thread may read again while a writer waits. The calling thread's table, of such locks: one counted hold more,
 * and one less. */
bool fsyi_rwlock_is_recursive(const struct fsyi_rwlock *l);
void fsyi_rwlock_note(const struct fsyi_rwlock *l);
void fsyi_rwlock_forget(const struct fsyi_rwlock *l);

/* After an attempt has failed: one that disregards writers that wait, if that is the calling thread's right; and waiting: 0, or ETIMEDOUT. */
bool fsyi_rwlock_join(struct fsyi_rwlock *l);
int fsyi_rwlock_wait(struct fsyi_rwlock *l, fsy_deadline_t deadline);

/* By whoever has it for writing. */
void fsyi_rwlock_unlock_write(struct fsyi_rwlock *l);

#endif
