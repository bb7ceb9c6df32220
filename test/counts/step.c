/* SPDX-License-Identifier: MIT */
/*
 * step.c - counts what the processor executes between the call of a function and its return, one instruction at
 * a time, on the machine itself: the path that ships, membarrier and all, which no emulator runs.
 *
 *   step [single]       prints "NAME instructions locked-instructions" for each kind of pair; 77: ptrace refused
 *   step many COUNT     runs COUNT pairs, for callgrind
 */
#include "pair.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static fsy_mutex_t mutex;
static bool single;             /* the program has one thread */
static int never[2];

static void *
idle(void *arg)
{
	char byte;

	return read(never[0], &byte, 1) < 0 ? arg : NULL;
}

/* A second thread, since glibc and we leave out lock prefixes in a program that has only one. */
static void
second_thread(void)
{
	pthread_t thread;

	if (pipe(never) != 0 || pthread_create(&thread, NULL, idle, NULL) != 0)
		exit(1);
}

/* A lock prefix, or an exchange with memory, which implies one. */
static int
is_locked(pid_t child, unsigned long rip)
{
	unsigned char code[16];
	int at = 0;

	for (int i = 0; i < 2; i++) {
		long word = ptrace(PTRACE_PEEKTEXT, child, rip + 8 * (unsigned long)i, NULL);

		memcpy(code + 8 * i, &word, 8);
	}
	while (code[at] == 0x66 || code[at] == 0x67 || code[at] == 0xf2 || code[at] == 0xf3)
		at++;
	if (code[at] == 0xf0)
		return 1;
	if ((code[at] & 0xf0) == 0x40)
		at++;
	return (code[at] == 0x86 || code[at] == 0x87) && (code[at + 1] & 0xc0) != 0xc0;
}

static int
step_to(pid_t child, struct user_regs_struct *regs)
{
	int status;

	return ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0 && waitpid(child, &status, 0) == child &&
	       WIFSTOPPED(status) && ptrace(PTRACE_GETREGS, child, NULL, regs) == 0;
}

static int
count(const char *name, void (*pair)(fsy_mutex_t *))
{
	struct user_regs_struct regs;
	unsigned long back, steps = 1, locked = 0;
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (!single)
			second_thread();
		for (int i = 0; i < 3; i++)
			pair(&mutex);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(77);
		raise(SIGSTOP);
		pair(&mutex);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	do
		if (!step_to(child, &regs))
			return 1;
	while (regs.rip != (unsigned long)pair);
	back = (unsigned long)ptrace(PTRACE_PEEKDATA, child, regs.rsp, NULL);
	for (; regs.rip != back; steps++) {
		locked += (unsigned long)is_locked(child, regs.rip);
		if (!step_to(child, &regs))
			return 1;
	}
	printf("%s %lu %lu\n", name, steps - 1, locked);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; void (*pair)(fsy_mutex_t *); } pairs[] = {
		{ "inline", pair_inline }, { "twin", pair_twin }, { "until", pair_until },
		{ "group", pair_group }, { "group-twin", pair_group_twin }, { "poison", pair_poison },
		{ "tell", pair_tell },
		{ "once", pair_once }, { "once_try", pair_once_try }, { "lazy", pair_lazy }, { "pool", pair_pool },
		{ "pool-three", pair_pool_three } };

	if (argc == 3 && strcmp(argv[1], "many") == 0) {
		second_thread();
		pair_many(&mutex, atol(argv[2]));
		return 0;
	}
	single = argc == 2 && strcmp(argv[1], "single") == 0;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		int error = count(pairs[i].name, pairs[i].pair);

		if (error != 0)
			return error;
	}
	return 0;
}
