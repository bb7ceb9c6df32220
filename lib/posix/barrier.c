/* SPDX-License-Identifier: MIT */
/* barrier.c - pthread_barrier_t on fsy_barrier_t. Nobody touches it on the way out, so that destroy has nothing to wait for. */
#include "preload.h"
#include "real.h"

#include <limits.h>

FSYI_EXPORT int
pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attribute, unsigned int count)
{
	int shared = PTHREAD_PROCESS_PRIVATE;

	if (count == 0 || count >= UINT_MAX / 2)
		return EINVAL;
	if (attribute != NULL)
		pthread_barrierattr_getpshared(attribute, &shared);
	if (shared != PTHREAD_PROCESS_PRIVATE)
		return fsyi_real_pthread_barrier_init(barrier, attribute, count);
	__builtin_memset(barrier, 0, sizeof(*barrier));
	fsy_barrier_init(&fsyi_barrier(barrier)->barrier, count);
	return 0;
}

FSYI_EXPORT int
pthread_barrier_wait(pthread_barrier_t *barrier)
{
	if (FSY_UNLIKELY(fsyi_barrier(barrier)->shared != 0))
		return fsyi_real_pthread_barrier_wait(barrier);
	return fsy_barrier_wait(&fsyi_barrier(barrier)->barrier) ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

FSYI_EXPORT int
pthread_barrier_destroy(pthread_barrier_t *barrier)
{
	return FSY_UNLIKELY(fsyi_barrier(barrier)->shared != 0) ? fsyi_real_pthread_barrier_destroy(barrier) : 0;
}
