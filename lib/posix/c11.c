/* SPDX-License-Identifier: MIT */
/* c11.c - mtx_* and call_once: the same objects under other names. libc's own would call libc's mutexes directly, on objects that are ours. */
#include "preload.h"

FSYI_EXPORT int
mtx_init(mtx_t *m, int type)
{
	__builtin_memset(m, 0, sizeof(*m));
	fsyi_mutex((pthread_mutex_t *)(void *)m)->kind = type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL;
	return thrd_success;
}

FSYI_EXPORT void
mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy((pthread_mutex_t *)(void *)m);
}

FSYI_EXPORT int
mtx_lock(mtx_t *m)
{
	return fsyi_thrd_error(pthread_mutex_lock((pthread_mutex_t *)(void *)m));
}

FSYI_EXPORT int
mtx_trylock(mtx_t *m)
{
	return fsyi_thrd_error(pthread_mutex_trylock((pthread_mutex_t *)(void *)m));
}

FSYI_EXPORT int
mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict time)
{
	return fsyi_thrd_error(pthread_mutex_timedlock((pthread_mutex_t *)(void *)m, time));
}

FSYI_EXPORT int
mtx_unlock(mtx_t *m)
{
	return fsyi_thrd_error(pthread_mutex_unlock((pthread_mutex_t *)(void *)m));
}

FSYI_EXPORT void
call_once(once_flag *flag, void (*fn)(void))
{
	pthread_once((pthread_once_t *)(void *)flag, fn);
}
