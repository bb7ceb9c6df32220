/* SPDX-License-Identifier: MIT */
/*
 * module.h - what the C and C++ modules share besides the loops: making and unmaking objects, and table entries.
 */
#ifndef FSYB_MODULE_H
#define FSYB_MODULE_H

#ifdef __cplusplus
#include <cstddef>
#include <cstdint>
extern "C" {
#include "../../peer.h"
}
#endif
#include "../loop.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#include <new>
#define FSYB_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define FSYB_EXPORT __attribute__((visibility("default")))
#endif

/* The build defines it as text: the library's name and version. */
#ifndef PEER_VERSION
#define PEER_VERSION NULL
#endif

/* CPUs this process may use: what a FIFO lock whose waiters spin can take. */
static inline unsigned
fsyb_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

#ifdef __cplusplus
/* Objects and their functions; C++ constructs, C zero-fills (or does what INIT says). */
template <typename T>
void *
fsyb_create(unsigned)
{
	void *memory = aligned_alloc(128, (sizeof(T) + 127) / 128 * 128);

	return memory != nullptr ? new (memory) T() : nullptr;
}

template <typename T>
void
fsyb_destroy(void *object)
{
	static_cast<T *>(object)->~T();
	free(object);
}
#else
#define FSYB_MAKE(TYPE, INIT, FINI)                                                                                  \
	static void *TYPE##_create(unsigned threads)                                                                   \
	{                                                                                                              \
		size_t bytes = (sizeof(struct TYPE) + 127) / 128 * 128;                                                \
		struct TYPE *self = aligned_alloc(128, bytes);                                                         \
                                                                                                                       \
		(void)threads;                                                                                         \
		if (self == NULL)                                                                                      \
			return NULL;                                                                                   \
		memset(self, 0, bytes);                                                                                \
		INIT;                                                                                                  \
		return self;                                                                                           \
	}                                                                                                              \
	static void TYPE##_destroy(void *object)                                                                       \
	{                                                                                                              \
		struct TYPE *self = object;                                                                            \
                                                                                                                       \
		(void)self;                                                                                            \
		FINI;                                                                                                  \
		free(object);                                                                                          \
	}
#endif

/* Readers of what the loops protect; the object has no users any more. */
#define FSYB_DATUM(function, TYPE)                                                                                     \
	static uint64_t function(void *object)                                                                         \
	{                                                                                                              \
		return ((TYPE *)object)->datum;                                                                        \
	}
#define FSYB_WORDS_DATUM(function, TYPE)                                                                               \
	static uint64_t function(void *object)                                                                         \
	{                                                                                                              \
		return ((TYPE *)object)->torn ? UINT64_MAX : ((TYPE *)object)->words[0];                               \
	}

#endif
