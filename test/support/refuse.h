/* SPDX-License-Identifier: MIT */
/* refuse.h - a seccomp filter that makes system calls fail, as a container's or a sandbox's does; and memory that has come to its end. */
#ifndef TEST_REFUSE_H
#define TEST_REFUSE_H

#include <stdbool.h>

/* From now on, in this process and all it starts, the calls with these numbers fail with error. False if the kernel
 * takes no filter. At most 16 numbers. */
bool refuse_calls(const int *numbers, int count, int error);

/* From now on the kernel gives this process no memory, and what the library had in stock, for any node, is used up. False: it may still get some. */
bool refuse_memory(void);

#endif
