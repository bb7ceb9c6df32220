/* SPDX-License-Identifier: MIT */
/*
 * name: no futex call is made where nobody waits, and a timed lock's deadline goes to the kernel by its own clock
 * item: 18
 * short: all
 *
 * A seccomp filter traps every futex call; the handler looks at it, counts it, and answers for the kernel.
 */
#include "try.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

static int trapped, realtime, monotonic;

/* A wait says that its time is over, for then it was one for a deadline; everything else is well. */
static void
trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
#if defined(__x86_64__)
	long op = u->uc_mcontext.gregs[REG_RSI], clock = u->uc_mcontext.gregs[REG_R9], flags = u->uc_mcontext.gregs[REG_R10];
	greg_t *result = &u->uc_mcontext.gregs[REG_RAX];
#elif defined(__aarch64__)
	long op = (long)u->uc_mcontext.regs[1], clock = (long)u->uc_mcontext.regs[5], flags = (long)u->uc_mcontext.regs[3];
	unsigned long long *result = &u->uc_mcontext.regs[0];
#endif

	(void)signal;
	(void)flags;
	trapped++;
	*result = 0;
	if (info->si_syscall == SYS_futex) {
		if ((op & FUTEX_CMD_MASK) != FUTEX_WAIT_BITSET)
			return;
		clock = op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	} else if (info->si_syscall != 455) {           /* futex_wait */
		return;
	}
	realtime += clock == CLOCK_REALTIME;
	monotonic += clock == CLOCK_MONOTONIC;
	*result = -ETIMEDOUT;
}

static void
trap_futexes(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 457, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 454, 1, 0), /* futex_wake, futex_wait, futex_requeue */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	struct sigaction action = { .sa_sigaction = trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		skip("no seccomp filter can be had");
}

static void *
nothing(void *arg)
{
	return arg;
}

static void
use_all(void)
{
	pthread_mutex_t kinds[4] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
				     PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP };
	struct timespec t = in_ms(CLOCK_REALTIME, 1000);
	pthread_spinlock_t spin;
	pthread_barrier_t alone;
	sem_t sem;

	pthread_spin_init(&spin, 0);
	pthread_barrier_init(&alone, NULL, 1);
	sem_init(&sem, 0, 1);
	for (int i = 0; i < 1000; i++) {
		for (int k = 0; k < 4; k++) {
			TRY_IS(pthread_mutex_lock(&kinds[k]), 0);
			TRY_IS(pthread_mutex_unlock(&kinds[k]), 0);
			TRY_IS(pthread_mutex_timedlock(&kinds[k], &t), 0);
			TRY_IS(pthread_mutex_unlock(&kinds[k]), 0);
		}
		pthread_spin_lock(&spin);
		pthread_spin_unlock(&spin);
		TRY_IS(sem_wait(&sem), 0);
		TRY_IS(sem_post(&sem), 0);
	}
}

int
main(void)
{
	pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
	struct timespec t;
	int before;
	sem_t empty;

	pthread_join(start(nothing, NULL), NULL);       /* from here on it is a program with threads */
	sem_init(&empty, 0, 0);
	trap_futexes();
	use_all();
	TRY_IS(trapped, 0);
	pthread_mutex_lock(&held);
	t = in_ms(CLOCK_REALTIME, 200);
	TRY_IS(pthread_mutex_timedlock(&held, &t), ETIMEDOUT);
	TRY(realtime > 0);
	TRY_IS(monotonic, 0);
	before = realtime;
	t = in_ms(CLOCK_MONOTONIC, 200);
	TRY_IS(pthread_mutex_clocklock(&held, CLOCK_MONOTONIC, &t), ETIMEDOUT);
	TRY(monotonic > 0);
	TRY_IS(realtime, before);
	t = in_ms(CLOCK_REALTIME, 200);
	TRY_IS(sem_timedwait(&empty, &t), -1);
	TRY(realtime > before);
	before = monotonic;
	TRY_IS(sem_clockwait(&empty, CLOCK_MONOTONIC, &t), -1);
	TRY(monotonic > before);
	return errors != 0;
}
