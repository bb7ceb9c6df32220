/* SPDX-License-Identifier: MIT */
/* refuse.c - see refuse.h. */
#include "refuse.h"
#include "lib/sys/mem.h"
#include "lib/sys/topology.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

bool
refuse_calls(const int *numbers, int count, int error)
{
	struct sock_filter code[2 * 16 + 2];
	struct sock_fprog program = { 0, code };
	int n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr));
	for (int i = 0; i < count && i < 16; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool
refuse_memory(void)
{
	struct rlimit none = { 1, 1 };

	if (setrlimit(RLIMIT_AS, &none) != 0)
		return false;
	for (int node = -1; node < fsyi_topology()->nodes; node++)
		while (fsyi_mem_alloc(64, node) != NULL)
			;
	return true;
}
