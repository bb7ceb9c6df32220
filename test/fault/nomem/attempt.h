/* SPDX-License-Identifier: MIT */
/* attempt.h - one call whose n-th allocation fails, in a process of its own. */
#ifndef TEST_ATTEMPT_H
#define TEST_ATTEMPT_H

#include "nth.h"
#include "test/support/child.h"

#include <errno.h>

struct attempt {
	void (*body)(const struct attempt *attempt);
	int n;
	bool for_good;
	int load;
};

/* Whether an allocation has failed in this attempt. */
extern bool attempt_hit;

enum { UNTOUCHED = 77 };

/* Around a call under test. */
#define SCARCE(statement) \
	do { \
		nth_fails(attempt->n, attempt->for_good); \
		errno = UNTOUCHED; \
		statement; \
		CHILD_CHECK(errno == UNTOUCHED); \
		attempt_hit = nth_over(); \
	} while (0)

/* The calls, but for the locks, which are under load in nomem.c. */
struct attempt_call {
	const char *name;
	void (*body)(const struct attempt *attempt);
	bool slow;                       /* tried only on demand */
};
extern const struct attempt_call attempt_calls[];

#endif
