/* SPDX-License-Identifier: MIT */
/*
 * shim.h - makes the system calls of the library fail, as the kernel would: a seccomp filter stands between. Two ways, which may be combined:
 *
 *   fault_refuse   installed before the program starts: as a container or an old kernel refuses, for everybody, libc included
 *   fault_catch    installed by the program, for calls made by the program's own text alone, which is where a statically linked library
 *                  makes its own: each is decided by a function, which may carry it out, and how, and what it seems to have returned
 *
 * Nothing in the library knows of it. The program must be linked without PIE: its text has to be where the filter expects it.
 */
#ifndef TEST_SHIM_H
#define TEST_SHIM_H

#include <stdbool.h>
#include <stdint.h>

struct fault_call {
	long number, args[6];
};

/* What becomes of a call: its result. fault_carry_out makes the call. May run at any time in any thread: no lock, no allocation. */
typedef long (*fault_answer)(const struct fault_call *call, uint64_t *random);
long fault_carry_out(const struct fault_call *call);

/* From now on, in this process and its children. numbers end with -1, at most 16. False if the kernel takes no filter. */
bool fault_catch(const int *numbers, fault_answer answer, uint64_t seed);
bool fault_refuse(const int *numbers, int error);

/* How many calls were decided, and how many of them were not simply carried out (those the answers count themselves). */
extern uint32_t fault_caught, fault_hit;
void fault_count_hit(void);

/* One in so many. */
bool fault_chance(uint64_t *random, uint32_t once_in);

#endif
