/* SPDX-License-Identifier: MIT */
/*
 * dlopen.c - what becomes of RTLD_DEEPBIND. A plugin opened with it finds libc's functions before ours, and locks by libc's protocol what
 * the rest of the program locks by ours. So the flag is dropped, with one line on stderr, unless FASTSYNC_DEEPBIND=keep: that is for
 * plugins which share no lock with their program, and need the flag for other symbols.
 *
 * dlopen takes its caller for more than an address to return to: the RUNPATH in which it searches, $ORIGIN and the namespace
 * are those of the object that the call came from. So the call is not repeated but passed on: a jump, with the caller's return address
 * where it was.
 */
#include "preload.h"
#include "real.h"
#include "../sys/fatal.h"

#include <dlfcn.h>

struct passed {
	long mode;
	fsyi_real_fn real;
};

__attribute__((used)) struct passed fsyi_dlopen_prepare(const char *file, int mode);

struct passed
fsyi_dlopen_prepare(const char *file, int mode)
{
	static fsy_atomic_bool said;
	struct passed passed = { mode, fsyi_real(FSYI_REAL_dlopen) };

	if (!(mode & RTLD_DEEPBIND) || fsyi_policy.keep_deepbind || file == NULL)
		return passed;
	passed.mode = mode & ~RTLD_DEEPBIND;
	if (!fsy_atomic_bool_swap(&said, true))
		fsyi_warn("fastsync: RTLD_DEEPBIND ignored for %s: its locks are the program's (FASTSYNC_DEEPBIND=keep keeps the flag)", file);
	return passed;
}

#if defined(__x86_64__)
__asm__(".text\n"
	".p2align 4\n"
	".globl dlopen\n"
	".type dlopen, @function\n"
	"dlopen:\n"
	".cfi_startproc\n"
	"	endbr64\n"
	"	push %rdi\n"
	".cfi_adjust_cfa_offset 8\n"
	"	push %rsi\n"
	".cfi_adjust_cfa_offset 8\n"
	"	sub $8, %rsp\n"
	".cfi_adjust_cfa_offset 8\n"
	"	call fsyi_dlopen_prepare\n"
	"	add $8, %rsp\n"
	".cfi_adjust_cfa_offset -8\n"
	"	pop %rsi\n"
	".cfi_adjust_cfa_offset -8\n"
	"	pop %rdi\n"
	".cfi_adjust_cfa_offset -8\n"
	"	mov %eax, %esi\n"
	"	jmp *%rdx\n"
	".cfi_endproc\n"
	".size dlopen, .-dlopen\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".p2align 4\n"
	".globl dlopen\n"
	".type dlopen, %function\n"
	"dlopen:\n"
	".cfi_startproc\n"
	"	hint #34\n"                     /* bti c */
	"	stp x29, x30, [sp, #-32]!\n"
	".cfi_def_cfa_offset 32\n"
	".cfi_offset 29, -32\n"
	".cfi_offset 30, -24\n"
	"	mov x29, sp\n"
	"	str x0, [sp, #16]\n"
	"	bl fsyi_dlopen_prepare\n"
	"	mov x16, x1\n"
	"	mov w1, w0\n"
	"	ldr x0, [sp, #16]\n"
	"	ldp x29, x30, [sp], #32\n"
	".cfi_restore 30\n"
	".cfi_restore 29\n"
	".cfi_def_cfa_offset 0\n"
	"	br x16\n"
	".cfi_endproc\n"
	".size dlopen, .-dlopen\n");
#else
#error "dlopen: pass the caller's return address on, as above"
#endif
