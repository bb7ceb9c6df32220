/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <dlfcn.h>
#include <fastsync/cond.h>
#include <fastsync/lazy.h>
#include <fastsync/pool.h>

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

static fsy_waitgroup_t group;

__attribute__((noinline)) void
pair_group(fsy_mutex_t *unused)
{
	(void)unused;
	fsy_waitgroup_add(&group, 1);
	fsy_waitgroup_done(&group);
	fsy_waitgroup_wait(&group);
}

__attribute__((noinline)) void
pair_poison(fsy_mutex_t *m)
{
	fsy_poison_mutex_t *poison = (fsy_poison_mutex_t *)(void *)m;

	if (fsy_poison_mutex_lock(poison) == 0)
		fsy_poison_mutex_unlock(poison);
}

static fsy_cond_t nobody_waits;

__attribute__((noinline)) void
pair_tell(fsy_mutex_t *unused)
{
	(void)unused;
	fsy_cond_signal(&nobody_waits);
	fsy_cond_broadcast(&nobody_waits);
}

static fsy_once_t once, once_try;
static fsy_lazy_t lazy;
static int value, runs;
static void plain(void *arg) { ++*(int *)arg; }
static int fallible(void *arg) { return ++*(int *)arg > 10; }
static int make(void **made, void *arg) { *made = arg; return 0; }

__attribute__((noinline)) void
pair_once(fsy_mutex_t *m)
{
	(void)m;
	fsy_once_do(&once, plain, &runs);
}

__attribute__((noinline)) void
pair_once_try(fsy_mutex_t *m)
{
	(void)m;
	value = fsy_once_try(&once_try, fallible, &runs);
}

__attribute__((noinline)) void
pair_lazy(fsy_mutex_t *m)
{
	void *found;

	(void)m;
	if (fsy_lazy_get_or_init(&lazy, make, &value, &found) == 0)
		*(int *)found = 1;
}

static fsy_pool_t *pool;

__attribute__((constructor)) static void
make_pool(void)
{
	pool = fsy_pool_new(&(fsy_pool_config_t){ .object_size = 64 });
}

__attribute__((noinline)) void
pair_pool(fsy_mutex_t *unused)
{
	(void)unused;
	fsy_pool_put(pool, fsy_pool_get(pool));
}

__attribute__((noinline)) void
pair_pool_three(fsy_mutex_t *unused)
{
	void *one = fsy_pool_get(pool), *two = fsy_pool_get(pool), *three = fsy_pool_get(pool);

	(void)unused;
	fsy_pool_put(pool, three);
	fsy_pool_put(pool, two);
	fsy_pool_put(pool, one);
}

static void (*twin_lock)(fsy_mutex_t *), (*twin_unlock)(fsy_mutex_t *);
static void (*twin_add)(fsy_waitgroup_t *, int), (*twin_done)(fsy_waitgroup_t *), (*twin_wait)(fsy_waitgroup_t *);

__attribute__((constructor)) static void
find_twins(void)
{
	*(void **)&twin_lock = dlsym(RTLD_DEFAULT, "fsy_mutex_lock");
	*(void **)&twin_unlock = dlsym(RTLD_DEFAULT, "fsy_mutex_unlock");
	*(void **)&twin_add = dlsym(RTLD_DEFAULT, "fsy_waitgroup_add");
	*(void **)&twin_done = dlsym(RTLD_DEFAULT, "fsy_waitgroup_done");
	*(void **)&twin_wait = dlsym(RTLD_DEFAULT, "fsy_waitgroup_wait");
}

__attribute__((noinline)) void
pair_twin(fsy_mutex_t *m)
{
	twin_lock(m);
	twin_unlock(m);
}

__attribute__((noinline)) void
pair_group_twin(fsy_mutex_t *unused)
{
	(void)unused;
	twin_add(&group, 1);
	twin_done(&group);
	twin_wait(&group);
}

__attribute__((noinline)) void
pair_many(fsy_mutex_t *m, long count)
{
	for (long i = 0; i < count; i++)
		pair_inline(m);
}
