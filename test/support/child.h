/* SPDX-License-Identifier: MIT */
/*
 * child.h - running a piece of a test in a process of its own: one that may abort, or that must start with
 * another environment. What it wrote to stderr and how it ended come back.
 */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include <stdbool.h>

/* Whether a sanitizer's own needs (memory, threads, handlers) stand in the way of what a test does to its child. */
#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#define THREAD_SANITIZED 1
#else
#define THREAD_SANITIZED 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED THREAD_SANITIZED
#endif

struct child {
	bool exited;                             /* else killed by signal */
	int status, signal;
	char err[8192];                          /* what it wrote to stderr, cut to size */
};

/* A body's result is its exit status; CHILD_CHECK says what was false and leaves with 99. */
#define CHILD_CHECK(condition) \
	do { \
		if (!(condition)) \
			child_failed(#condition, __FILE__, __LINE__); \
	} while (0)

__attribute__((noreturn)) void child_failed(const char *condition, const char *file, int line);

/* Who runs longer than that hangs, and is killed: after whatever waits in it has given up by itself (TEST_PATIENCE_MS). */
enum { CHILD_SECONDS = 150 };

/* In a forked copy of this process, which goes on as it is. */
struct child child_fork(int (*body)(void *arg), void *arg);

/*
 * In a fresh run of this program. environment: "NAME=value" words, NULL-terminated. prepare is run before the new
 * program starts (NULL: nothing), to install what it is to start under: limits, a seccomp filter. main() must begin with
 * if (child_wanted(argc)) return child_main(argv, bodies);
 */
struct child_body {
	const char *name;
	int (*body)(void *arg);
};

struct child child_exec(const char *name, const char *const environment[], void (*prepare)(void));
bool child_wanted(int argc);
int child_main(char **argv, const struct child_body *bodies);

/* cmocka asserts: it exited with 0, wrote nothing to stderr; or it aborted after writing this. */
void child_assert_clean(const struct child *child);
void child_assert_aborted(const struct child *child, const char *text);

/* cmocka asserts: in each of these environments (a list that ends with NULL) the body aborts, and its first and only line begins like this. */
void child_assert_dies(const char *name, const char *const *const *environments, const char *prefix);

#endif
