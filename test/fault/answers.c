/* SPDX-License-Identifier: MIT */
/* answers.c - what becomes of a system call under a fault. */
#include "fault.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

enum { FUTEX2_WAIT = 455 };

static long
hit(long result)
{
	fault_count_hit();
	return result;
}

static bool
waits(const struct fault_call *call)
{
	return call->number == FUTEX2_WAIT || (call->number == SYS_futex && (call->args[1] & FUTEX_CMD_MASK) != FUTEX_WAKE);
}

/* Every other sleep, or every one, ends before it has begun. */
long
fault_interrupted(const struct fault_call *call, uint64_t *random)
{
	return waits(call) && fault_chance(random, 2) ? hit(-EINTR) : fault_carry_out(call);
}

long
fault_other_value(const struct fault_call *call, uint64_t *random)
{
	return waits(call) && fault_chance(random, 2) ? hit(-EAGAIN) : fault_carry_out(call);
}

long
fault_spurious(const struct fault_call *call, uint64_t *random)
{
	return waits(call) && fault_chance(random, 2) ? hit(0) : fault_carry_out(call);
}

/* Deadlines there are all the same: the library counts on the kernel for those. */
long
fault_never_sleeps(const struct fault_call *call, uint64_t *random)
{
	const struct timespec *limit = (const struct timespec *)(uintptr_t)call->args[call->number == SYS_futex ? 3 : 4];
	struct timespec now;

	(void)random;
	if (!waits(call))
		return fault_carry_out(call);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (limit != NULL && (now.tv_sec > limit->tv_sec || (now.tv_sec == limit->tv_sec && now.tv_nsec >= limit->tv_nsec)))
		return fault_carry_out(call);
	return hit(0);
}

/* A wake finds everybody who sleeps there, whoever it was meant for. */
long
fault_wakes_all(const struct fault_call *call, uint64_t *random)
{
	struct fault_call many = *call;

	(void)random;
	if (!waits(call))
		many.args[2] = hit(0x7fffffff);
	return fault_carry_out(&many);
}

/* Wakes come late, sleepers return late. */
long
fault_late(const struct fault_call *call, uint64_t *random)
{
	struct timespec moment = { 0, (long)((*random >> 20) % 300000) };
	struct fault_call sleep = { SYS_nanosleep, { (long)&moment, 0 } };
	long result;

	if (waits(call)) {
		result = fault_carry_out(call);
		if (fault_chance(random, 4))
			fault_carry_out(&sleep);
		return result;
	}
	if (fault_chance(random, 2))
		hit(fault_carry_out(&sleep));
	return fault_carry_out(call);
}

long
fault_not_permitted(const struct fault_call *call, uint64_t *random)
{
	(void)call, (void)random;
	return hit(-EPERM);
}

long
fault_not_there(const struct fault_call *call, uint64_t *random)
{
	(void)call, (void)random;
	return hit(-ENOSYS);
}

long
fault_invalid(const struct fault_call *call, uint64_t *random)
{
	(void)call, (void)random;
	return hit(-EINVAL);
}

long
fault_pretends(const struct fault_call *call, uint64_t *random)
{
	(void)call, (void)random;
	return hit(0);
}

long
fault_no_memory(const struct fault_call *call, uint64_t *random)
{
	(void)call, (void)random;
	return hit(-ENOMEM);
}

long
fault_memory_at_times(const struct fault_call *call, uint64_t *random)
{
	return fault_hit == 0 || fault_chance(random, 2) ? hit(-ENOMEM) : fault_carry_out(call);  /* there are few calls */
}

long
fault_refused_at_times(const struct fault_call *call, uint64_t *random)
{
	return fault_chance(random, 4) ? hit(-ENOSYS) : fault_carry_out(call);
}

/* Granted at first: the registration, the trial, and a few more. */
long
fault_refused_later(const struct fault_call *call, uint64_t *random)
{
	(void)random;
	return __atomic_load_n(&fault_caught, __ATOMIC_RELAXED) > 12 ? hit(-EPERM) : fault_carry_out(call);
}

long
fault_registers_only(const struct fault_call *call, uint64_t *random)
{
	(void)random;
	return call->args[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED ? hit(-EPERM) : fault_carry_out(call);
}

/* Two bytes at a time (files of the kernel's may be unreadable one by one), with interruptions. */
long
fault_in_morsels(const struct fault_call *call, uint64_t *random)
{
	struct fault_call little = *call;

	if (fault_chance(random, 3))
		return hit(-EINTR);
	if (little.args[2] > 2)
		little.args[2] = 2;
	return fault_carry_out(&little);
}
