/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <dlfcn.h>

__attribute__((noinline)) void
pair_inline(fsy_mutex_t *m)
{
	fsy_mutex_lock(m);
	fsy_mutex_unlock(m);
}

__attribute__((noinline)) void
pair_until(fsy_mutex_t *m)
{
	if (fsy_mutex_lock_until(m, FSY_FOREVER) == 0)
		fsy_mutex_unlock(m);
}

static void (*twin_lock)(fsy_mutex_t *), (*twin_unlock)(fsy_mutex_t *);

__attribute__((constructor)) static void
find_twins(void)
{
	*(void **)&twin_lock = dlsym(RTLD_DEFAULT, "fsy_mutex_lock");
	*(void **)&twin_unlock = dlsym(RTLD_DEFAULT, "fsy_mutex_unlock");
}

__attribute__((noinline)) void
pair_twin(fsy_mutex_t *m)
{
	twin_lock(m);
	twin_unlock(m);
}

__attribute__((noinline)) void
pair_many(fsy_mutex_t *m, long count)
{
	for (long i = 0; i < count; i++)
		pair_inline(m);
}
