/* SPDX-License-Identifier: MIT */
/* fault.h - the table of faults: what is made to fail, and what is expected of the library then. */
#ifndef TEST_FAULT_H
#define TEST_FAULT_H

#include "shim.h"

struct fault {
	const char *name;
	/* For everybody, before the program starts: these calls fail with error. */
	int error;
	const int *refused;
	/* For the library, before its constructor: these calls are decided by answer. */
	const int *caught;
	fault_answer answer;
	const char *environment;         /* NULL, or "NAME=value" */
	const char *dies;                /* NULL: all loads pass. Else: the program aborts, and this is the line that it wrote */
	bool (*before)(void);            /* NULL, or: what is to be true, or to be prepared, before the loads */
	bool (*after)(void);             /* NULL, or: what is to be true after them */
};

/* Ends with a nameless one. */
extern const struct fault faults[];

/* Answers (answers.c). */
long fault_interrupted(const struct fault_call *call, uint64_t *random);
long fault_other_value(const struct fault_call *call, uint64_t *random);
long fault_spurious(const struct fault_call *call, uint64_t *random);
long fault_never_sleeps(const struct fault_call *call, uint64_t *random);
long fault_wakes_all(const struct fault_call *call, uint64_t *random);
long fault_late(const struct fault_call *call, uint64_t *random);
long fault_not_permitted(const struct fault_call *call, uint64_t *random);
long fault_not_there(const struct fault_call *call, uint64_t *random);
long fault_invalid(const struct fault_call *call, uint64_t *random);
long fault_pretends(const struct fault_call *call, uint64_t *random);
long fault_no_memory(const struct fault_call *call, uint64_t *random);
long fault_memory_at_times(const struct fault_call *call, uint64_t *random);
long fault_refused_at_times(const struct fault_call *call, uint64_t *random);
long fault_refused_later(const struct fault_call *call, uint64_t *random);
long fault_registers_only(const struct fault_call *call, uint64_t *random);
long fault_in_morsels(const struct fault_call *call, uint64_t *random);

/* Puts the process on a machine of two nodes, whose memory policies are asked of the kernel (run.c). */
bool two_kernel_nodes(void);

/* What the functions that stand in for libc's and libnuma's do (stand_ins.c). */
enum { CPU_KNOWN, CPU_REFUSED, CPU_ABSURD };
extern int getcpu_does;
enum { NUMA_WORKS, NUMA_MISSING, NUMA_NO_MASK, NUMA_NO_CPUS, NUMA_NO_DISTANCE };
extern int numa_does;

#endif
