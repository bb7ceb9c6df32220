/* SPDX-License-Identifier: MIT */
/* fiber.c - one stack per virtual thread, and its part of the library's thread-local data. */
#include "cost.h"
#include "engine.h"

#include <link.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { STACK = 64 * 1024, LOCALS = 512 };

static char stacks[COST_THREADS][STACK] __attribute__((aligned(64)));
static char locals[COST_THREADS][LOCALS];
static jmp_buf contexts[COST_THREADS], home;
static ucontext_t starting;
static void (*run)(int thread);
static char *tls;
static const void *tls_image;
static size_t tls_size, tls_filled;

static int
find_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS) {
			tls = info->dlpi_tls_data;
			tls_image = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
			tls_size = info->dlpi_phdr[i].p_memsz;
			tls_filled = info->dlpi_phdr[i].p_filesz;
		}
	return 1;                               /* the first object is the program */
}

static void
fiber(int id)
{
	ucontext_t unused;

	if (_setjmp(contexts[id]) == 0)
		swapcontext(&unused, &starting);
	run(id);
	cost_thread_ends();
}

void
cost_make(int id, void (*body)(int thread))
{
	ucontext_t context;

	if (tls == NULL)
		dl_iterate_phdr(find_tls, NULL);
	if (tls_size > LOCALS)
		cost_fail("%zu bytes of thread-local data", tls_size);
	memcpy(locals[id], tls_image, tls_filled);
	run = body;
	getcontext(&context);
	context.uc_stack.ss_sp = stacks[id];
	context.uc_stack.ss_size = STACK;
	context.uc_link = NULL;
	makecontext(&context, (void (*)(void))fiber, 1, id);
	swapcontext(&starting, &context);
}

void
cost_switch(int from, int to)
{
	if (from >= 0)
		memcpy(locals[from], tls, tls_size);
	if (to >= 0)
		memcpy(tls, locals[to], tls_size);
	if (_setjmp(from < 0 ? home : contexts[from]) == 0)
		_longjmp(to < 0 ? home : contexts[to], 1);
}
