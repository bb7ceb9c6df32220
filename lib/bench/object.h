/* SPDX-License-Identifier: MIT */
/* object.h - what the implementations in this folder share: objects, and the loop over a million locks. */
#ifndef FSYB_OBJECT_H
#define FSYB_OBJECT_H

#include "bench/peers/loop.h"
#include <stdlib.h>
#include <string.h>

/* Zeroed, on a pair of cache lines of its own. */
static inline void *
fsyb_object_new(size_t size)
{
	void *memory = aligned_alloc(128, (size + 127) & ~(size_t)127);

	if (memory)
		memset(memory, 0, (size + 127) & ~(size_t)127);
	return memory;
}

/* create_NAME, destroy_NAME and datum_NAME of a struct NAME { TYPE lock; uint64_t datum; }. */
#define FSYB_OBJECT(NAME, TYPE, INIT, DESTROY)                                                                         \
	struct NAME {                                                                                                  \
		TYPE lock;                                                                                             \
		uint64_t datum;                                                                                        \
	};                                                                                                             \
	static void *create_##NAME(unsigned threads)                                                                   \
	{                                                                                                              \
		struct NAME *self = fsyb_object_new(sizeof *self);                                                     \
		(void)threads;                                                                                         \
		if (self)                                                                                              \
			INIT;                                                                                          \
		return self;                                                                                           \
	}                                                                                                              \
	static void destroy_##NAME(void *object)                                                                       \
	{                                                                                                              \
		struct NAME *self = object;                                                                            \
		(void)self;                                                                                            \
		DESTROY;                                                                                               \
		free(object);                                                                                          \
	}                                                                                                              \
	static uint64_t __attribute__((unused)) datum_##NAME(void *object)                                                                   \
	{                                                                                                              \
		return ((struct NAME *)object)->datum;                                                                 \
	}

/* The kind "array": bare locks side by side, each used once by create, then one drawn at random per operation. */
#define FSYB_ARRAY_LOCKS 1000000u
#define FSYB_ARRAY_OBJECT(NAME, TYPE, INIT, LOCK, UNLOCK)                                                              \
	struct NAME {                                                                                                  \
		TYPE lock[FSYB_ARRAY_LOCKS];                                                                           \
	};                                                                                                             \
	static void *create_##NAME(unsigned threads)                                                                   \
	{                                                                                                              \
		struct NAME *self = malloc(sizeof *self);                                                              \
		(void)threads;                                                                                         \
		for (uint32_t i = 0; self && i < FSYB_ARRAY_LOCKS; i++) {                                              \
			TYPE *lock = &self->lock[i];                                                                   \
			INIT;                                                                                          \
			LOCK;                                                                                          \
			UNLOCK;                                                                                        \
		}                                                                                                      \
		return self;                                                                                           \
	}                                                                                                              \
	FSYB_LOOP_(run_##NAME, struct NAME, TYPE *lock; uint64_t random = worker->random,                              \
	           lock = &self->lock[(fsyb_random(&random) >> 32) * FSYB_ARRAY_LOCKS >> 32]; LOCK; FSYB_ACQUIRED_;    \
	           UNLOCK, worker->random = random)

#endif
