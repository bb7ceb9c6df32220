/* SPDX-License-Identifier: MIT */
/*
 * sim_machine.h - the atomics of the simulated machine, under the real library code.
 *
 * Compile with -DFSYI_MACHINE='"sim_machine.h"' -Itest/sim. Each access becomes a call that is one step
 * of the schedule; the size is passed because the lock word is accessed as a byte, a half and a word.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Accesses zero-extend to 64 bits; order is a __ATOMIC_ constant. */
uint64_t sim_load(const volatile void *p, unsigned size, int order);
void sim_store(volatile void *p, unsigned size, uint64_t value, int order);
uint64_t sim_swap(volatile void *p, unsigned size, uint64_t value, int order);
bool sim_cas(volatile void *p, unsigned size, void *seen, uint64_t value, int ok, int bad);
uint64_t sim_add(volatile void *p, unsigned size, uint64_t value, int order);
uint64_t sim_and(volatile void *p, unsigned size, uint64_t value, int order);
uint64_t sim_or(volatile void *p, unsigned size, uint64_t value, int order);

/* The running thread's part of <fastsync/owner.h>. */
struct fsy_self_ *sim_self_locals(void);

/* What a compiler barrier promises: earlier stores have been issued, later loads have not. */
void sim_light_barrier(void);

#define SIM_TYPE_(p)                      __typeof__((void)0, *(p))
#define FSY_CELL_(V)                      V
#define FSY_RAW_LOAD_(p, order)           ((SIM_TYPE_(p))sim_load(p, sizeof(*(p)), order))
#define FSY_RAW_STORE_(p, v, order)       sim_store(p, sizeof(*(p)), (uint64_t)(v), order)
#define FSY_RAW_SWAP_(p, v, order)        ((SIM_TYPE_(p))sim_swap(p, sizeof(*(p)), (uint64_t)(v), order))
#define FSY_RAW_CAS_(p, seen, v, ok, bad) sim_cas(p, sizeof(*(p)), seen, (uint64_t)(v), ok, bad)
#define FSY_RAW_ADD_(p, v, order)         ((SIM_TYPE_(p))sim_add(p, sizeof(*(p)), (uint64_t)(v), order))
#define FSY_RAW_AND_(p, v, order)         ((SIM_TYPE_(p))sim_and(p, sizeof(*(p)), (uint64_t)(v), order))
#define FSY_RAW_OR_(p, v, order)          ((SIM_TYPE_(p))sim_or(p, sizeof(*(p)), (uint64_t)(v), order))
#define FSY_LIGHT_BARRIER_()              sim_light_barrier()
#define FSY_SELF_                         sim_self_locals()

#endif
