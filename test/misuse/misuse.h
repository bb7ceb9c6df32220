/* SPDX-License-Identifier: MIT */
/* misuse.h - rows of the table of threats (docs/testing.md): what a program may do to the library, and what it gets for it. */
#ifndef TEST_MISUSE_H
#define TEST_MISUSE_H

#include "test/support/child.h"

struct misuse {
	const char *name;                /* begins with the number of the threat */
	int (*body)(void *arg);          /* in a child; its result is its status */
	const char *line;                /* NULL: ends with 0, and writes nothing. Else: aborts after this line alone (a pattern, for addresses) */
	int signal;                      /* not 0: killed by it */
};

/* Tables, each ended by a nameless row. */
extern const struct misuse misuse_objects[], misuse_threads[], misuse_process[];

/* A body of garbage.c; and what the program that row 36 makes is to do. */
int misuse_garbage(void *arg);
int misuse_setuid(void *arg);

/* A body's way to say that it cannot be tried here. */
enum { MISUSE_SKIPPED = 77 };

#endif
