/* SPDX-License-Identifier: MIT */
/*
 * real.h - libc's own functions, for the objects that only libc can serve: fsyi_real_pthread_mutex_lock(m) and so on, each as its
 * original. Found once, by the constructor or at the first call before it; never called for an object of ours.
 */
#ifndef FSYI_POSIX_REAL_H
#define FSYI_POSIX_REAL_H

#include <fastsync/base.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define OWN(name)
#define ALIAS(name, of)
#define LEFT(name, why)

enum fsyi_real_name {
#define DELEGATES(result, name, parameters, arguments, ...) FSYI_REAL_##name,
#include "interpose.def"
#undef DELEGATES
	FSYI_REAL_COUNT
};

/* The address of libc's function of that name; ends the program if there is none. */
typedef void (*fsyi_real_fn)(void);
fsyi_real_fn fsyi_real(enum fsyi_real_name name);

#define DELEGATES(result, name, parameters, arguments, ...) \
	static inline result fsyi_real_##name parameters { return ((result (*) parameters)fsyi_real(FSYI_REAL_##name)) arguments; }
#include "interpose.def"
#undef DELEGATES
#undef OWN
#undef ALIAS
#undef LEFT

#endif
