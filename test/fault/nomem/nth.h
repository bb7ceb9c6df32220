/* SPDX-License-Identifier: MIT */
/*
 * nth.h - makes the n-th allocation of a thread fail: malloc and its kin, mmap, and what allocates behind the library's back (a thread, a key's
 * value). The functions go through the linker (-Wl,--wrap), mmap through the shim.
 */
#ifndef TEST_NTH_H
#define TEST_NTH_H

#include <stdbool.h>

/* From now on the n-th allocation of the calling thread fails; if for_good, every later one too. 0: none. */
void nth_fails(int n, bool for_good);

/* Ends that. True: an allocation has failed since. */
bool nth_over(void);

/* How many allocations the calling thread has made since nth_fails(0, ...). */
int nth_count(void);

/* Blocks of malloc that are not freed, of all threads: the difference tells what was leaked. */
int nth_blocks(void);

/* Once, before anything. */
bool nth_begin(void);

#endif
