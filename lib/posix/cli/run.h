/* SPDX-License-Identifier: MIT */
/* run.h - between the parts of fastsync-run. */
#ifndef FSYI_POSIX_RUN_H
#define FSYI_POSIX_RUN_H

#include <stdbool.h>
#include <stddef.h>

/* The file that a program's name stands for, as execvp finds it. False: there is none. */
bool find_program(const char *name, char *path, size_t size);

/* Whether the preload library would come into that program: NULL, or why not. What it says of depends on the file alone. */
const char *why_not(const char *path);

#endif
