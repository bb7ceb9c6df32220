/* SPDX-License-Identifier: MIT */
/*
 * error.h - error codes and what the library says when it is misused.
 *
 * A call that can fail returns 0 or a positive errno value; errno itself is never touched.
 * Misuse that no return value could report (unlock of an unlocked mutex) prints one line to
 * stderr and aborts; a program may replace the reporter, not the abort.
 */
#ifndef FASTSYNC_ERROR_H
#define FASTSYNC_ERROR_H

#include <fastsync/base.h>
#include <errno.h>

FSY_BEGIN_DECLS

#define FSY_ERROR_MAP(X)                                            \
	X(FSY_EAGAIN, EAGAIN, "resource temporarily unavailable")       \
	X(FSY_EBUSY, EBUSY, "object is in use")                         \
	X(FSY_EDEADLK, EDEADLK, "operation would deadlock")             \
	X(FSY_EINVAL, EINVAL, "invalid argument")                       \
	X(FSY_ENOMEM, ENOMEM, "out of memory")                          \
	X(FSY_EPERM, EPERM, "caller does not own the lock")             \
	X(FSY_EPOISONED, EOWNERDEAD, "lock is poisoned")                \
	X(FSY_ETIMEDOUT, ETIMEDOUT, "deadline passed")

enum {
#define FSY_X_(name, value, text) name = value,
	FSY_ERROR_MAP(FSY_X_)
#undef FSY_X_
};

/* A constant English description of a code returned by this library; "success" for 0,
 * "unknown error" for a code it never returns. Never NULL; async-signal-safe. */
FSY_API const char *fsy_strerror(int error);

/*
 * Called with one complete line (no newline) before the library aborts. The default writes the
 * line to stderr. A reporter that returns is followed by abort(); one that does not (longjmp,
 * exit) leaves the object it complains about in an unspecified state. NULL restores the default.
 * Returns the previous reporter. Thread-safe.
 */
typedef void (*fsy_fatal_fn)(const char *message);
FSY_API fsy_fatal_fn fsy_set_fatal(fsy_fatal_fn reporter);

FSY_END_DECLS

#endif
