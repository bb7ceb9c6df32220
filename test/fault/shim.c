/* SPDX-License-Identifier: MIT */
/* shim.c - see shim.h. */
#include "shim.h"
#include "test/support/refuse.h"
#include "test/support/worker.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

uint32_t fault_caught, fault_hit;

static fault_answer answer_now;
static uint64_t seed_now;
static __thread uint64_t random_state;

/* The one system call of the text that the filter lets pass. */
long fault_raw(long number, long a, long b, long c, long d, long e, long f);
extern const char fault_raw_return[], __executable_start[], etext[];

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
__asm__(".text\n"
	".globl fault_raw\n"
	".type fault_raw, @function\n"
	"fault_raw:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	".globl fault_raw_return\n"
	"fault_raw_return:\n"
	"	ret\n");
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#define ARGS(context) \
	{ (context)->uc_mcontext.gregs[REG_RDI], (context)->uc_mcontext.gregs[REG_RSI], (context)->uc_mcontext.gregs[REG_RDX], \
	  (context)->uc_mcontext.gregs[REG_R10], (context)->uc_mcontext.gregs[REG_R8], (context)->uc_mcontext.gregs[REG_R9] }
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
__asm__(".text\n"
	".globl fault_raw\n"
	".type fault_raw, @function\n"
	"fault_raw:\n"
	"	mov x8, x0\n"
	"	mov x0, x1\n"
	"	mov x1, x2\n"
	"	mov x2, x3\n"
	"	mov x3, x4\n"
	"	mov x4, x5\n"
	"	mov x5, x6\n"
	"	svc 0\n"
	".globl fault_raw_return\n"
	"fault_raw_return:\n"
	"	ret\n");
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#define ARGS(context) \
	{ (long)(context)->uc_mcontext.regs[0], (long)(context)->uc_mcontext.regs[1], (long)(context)->uc_mcontext.regs[2], \
	  (long)(context)->uc_mcontext.regs[3], (long)(context)->uc_mcontext.regs[4], (long)(context)->uc_mcontext.regs[5] }
#endif

long
fault_carry_out(const struct fault_call *call)
{
	return fault_raw(call->number, call->args[0], call->args[1], call->args[2], call->args[3], call->args[4], call->args[5]);
}

void
fault_count_hit(void)
{
	__atomic_add_fetch(&fault_hit, 1, __ATOMIC_RELAXED);
}

bool
fault_chance(uint64_t *random, uint32_t once_in)
{
	return (test_random(random) >> 32) % once_in == 0;
}

/* In the place of the call, whose result it leaves behind. */
static void
decide(int number, siginfo_t *info, void *arg)
{
	ucontext_t *context = arg;
	struct fault_call call = { info->si_syscall, ARGS(context) };

	(void)number;
	__atomic_add_fetch(&fault_caught, 1, __ATOMIC_RELAXED);
	if (random_state == 0)
		random_state = seed_now ^ (uint64_t)(uintptr_t)&random_state;
	RESULT(context) = answer_now(&call, &random_state);
}

bool
fault_catch(const int *numbers, fault_answer answer, uint64_t seed)
{
	struct sigaction action = { .sa_sigaction = decide, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART };
	unsigned int start = (unsigned int)(uintptr_t)__executable_start, end = (unsigned int)(uintptr_t)etext;
	struct sock_filter code[32];
	struct sock_fprog program = { 0, code };
	unsigned int n = 0, count = 0;

	answer_now = answer;
	seed_now = seed;
	while (numbers[count] >= 0)
		count++;
	if ((uintptr_t)etext >> 32 != 0 || count > 16 || sigaction(SIGSYS, &action, NULL) != 0)
		return false;
#define LOAD(field) code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned int)offsetof(struct seccomp_data, field))
#define JUMP(how, value, yes, no) \
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | (how) | BPF_K, (unsigned int)(value), (unsigned char)(yes), (unsigned char)(no))
	LOAD(arch);
	JUMP(BPF_JEQ, ARCH, 0, count + 7);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned int)offsetof(struct seccomp_data, instruction_pointer) + 4);
	JUMP(BPF_JEQ, 0, 0, count + 5);
	LOAD(instruction_pointer);
	JUMP(BPF_JGE, start, 0, count + 3);
	JUMP(BPF_JGT, end, count + 2, 0);
	JUMP(BPF_JEQ, (uintptr_t)fault_raw_return, count + 1, 0);
	LOAD(nr);
	for (unsigned int i = 0; i < count; i++)
		JUMP(BPF_JEQ, numbers[i], count - i, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	program.len = (unsigned short)n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool
fault_refuse(const int *numbers, int error)
{
	int count = 0;

	while (numbers[count] >= 0)
		count++;
	return refuse_calls(numbers, count, error);
}
