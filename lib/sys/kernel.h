/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - system calls that return -errno and leave errno alone. They pass by libc's
 * wrappers, so that none of them is a cancellation point or can be interposed.
 */
#ifndef FSYI_KERNEL_H
#define FSYI_KERNEL_H

#include <fastsync/base.h>
#include <sys/syscall.h>

FSY_STATIC_ASSERT(sizeof(long) == 8 && sizeof(void *) == 8, "a 64-bit kernel interface is assumed");

#define FSYI_ARG(pointer) ((long)(uintptr_t)(pointer))

#if defined(__x86_64__) && !defined(__ILP32__)

static inline long
fsyi_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__)

static inline long
fsyi_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#else

#include <errno.h>
long syscall(long number, ...);

static inline long
fsyi_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long result = syscall(number, a, b, c, d, e, f);

	if (result == -1)
		result = -errno;
	errno = saved;
	return result;
}

#endif

#endif
