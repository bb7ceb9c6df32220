/* SPDX-License-Identifier: MIT */
/* cnd.c - C11's condition variables: the same objects under other names, as with the mutexes of c11.c. */
#include "preload.h"

static pthread_cond_t *
posix(cnd_t *c)
{
	return (pthread_cond_t *)(void *)c;
}

FSYI_EXPORT int
cnd_init(cnd_t *c)
{
	return fsyi_thrd_error(pthread_cond_init(posix(c), NULL));
}

FSYI_EXPORT void
cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy(posix(c));
}

FSYI_EXPORT int
cnd_signal(cnd_t *c)
{
	return fsyi_thrd_error(pthread_cond_signal(posix(c)));
}

FSYI_EXPORT int
cnd_broadcast(cnd_t *c)
{
	return fsyi_thrd_error(pthread_cond_broadcast(posix(c)));
}

FSYI_EXPORT int
cnd_wait(cnd_t *c, mtx_t *m)
{
	return fsyi_thrd_error(pthread_cond_wait(posix(c), (pthread_mutex_t *)(void *)m));
}

FSYI_EXPORT int
cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict time)
{
	return fsyi_thrd_error(pthread_cond_timedwait(posix(c), (pthread_mutex_t *)(void *)m, time));
}
