/* SPDX-License-Identifier: MIT */
/* nth.c - see nth.h. */
#include "nth.h"
#include "test/fault/shim.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>

static __thread int countdown, counted;
static __thread bool counting, sticks, failed;
static int blocks;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *arg);
int __real_pthread_setspecific(pthread_key_t key, const void *value);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *arg);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);

static bool
fails(void)
{
	if (!counting)
		return false;
	counted++;
	if (countdown <= 0 || (--countdown > 0))
		return false;
	countdown = sticks ? 1 : 0;
	failed = true;
	return true;
}

static void *
given(void *memory)
{
	if (memory != NULL)
		__atomic_add_fetch(&blocks, 1, __ATOMIC_RELAXED);
	return memory;
}

/* As the real ones do. */
static void *
refused(void)
{
	errno = ENOMEM;
	return NULL;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? refused() : given(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails() ? refused() : given(__real_calloc(count, size));
}

void *
__wrap_realloc(void *memory, size_t size)
{
	void *moved;

	if (fails())
		return refused();
	moved = __real_realloc(memory, size);
	return memory == NULL ? given(moved) : moved;
}

void *
__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? refused() : given(__real_aligned_alloc(alignment, size));
}

void
__wrap_free(void *memory)
{
	if (memory != NULL)
		__atomic_add_fetch(&blocks, -1, __ATOMIC_RELAXED);
	__real_free(memory);
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *arg)
{
	return fails() ? errno = EAGAIN : __real_pthread_create(thread, attributes, body, arg);
}

int
__wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	return fails() ? errno = ENOMEM : __real_pthread_setspecific(key, value);
}

static long
map(const struct fault_call *call, uint64_t *random)
{
	(void)random;
	return fails() ? -ENOMEM : fault_carry_out(call);
}

void
nth_fails(int n, bool for_good)
{
	countdown = n;
	sticks = for_good;
	failed = false;
	counted = 0;
	counting = true;
}

bool
nth_over(void)
{
	counting = false;
	countdown = 0;
	return failed;
}

int
nth_count(void)
{
	return counted;
}

int
nth_blocks(void)
{
	return __atomic_load_n(&blocks, __ATOMIC_RELAXED);
}

bool
nth_begin(void)
{
	static const int numbers[] = { SYS_mmap, -1 };

	return fault_catch(numbers, map, 1);
}
