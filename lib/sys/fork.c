/* SPDX-License-Identifier: MIT */
/* fork.c - the generation word and the recovery of a forked child. */
#include "fork.h"
#include "futex.h"
#include "init.h"
#include "membarrier.h"
#include "thread.h"
#include "kernel.h"
#include "tune.h"

#include <pthread.h>
#include <sys/mman.h>

enum { WIPED, RECOVERED, RECOVERING };
#define UNSETTLED UINT32_MAX                      /* a child that has yet to recover, and perhaps will while it forks */

static fsy_atomic_u32 fallback = { RECOVERED };
static fsy_atomic_u32 *word = &fallback;         /* written by the constructor only */
fsy_atomic_u32 fsyi_forks;
static fsy_atomic_u32 forks_before;              /* when this process was last forked from */

static __attribute__((cold, noinline)) void
recover(void)
{
	uint32_t seen = WIPED;
	bool alone;

	if (!fsy_atomic_u32_cas_acq(word, &seen, RECOVERING)) {
		/* The child has made threads before its first slow path, and one of them is at it. */
		while (seen == RECOVERING) {
			fsyi_futex_wait(word, RECOVERING, FSY_FOREVER);
			seen = fsy_atomic_u32_load_acq(word);
		}
		return;
	}
	fsy_atomic_u32_add_rlx(&fsyi_forks, 1);
	fsyi_membarrier_fork_child();
	fsyi_lot_fork_child();
	fsyi_thread_fork_child();
	alone = fsyi_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) == fsyi_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	fsyi_owner_fork_child(alone);
	fsyi_reader_fork_child(alone);
	fsyi_fair_fork_child(alone);
	fsy_atomic_u32_store_rel(word, RECOVERED);
	fsyi_futex_wake(word, INT32_MAX);
}

void
fsyi_fork_check(void)
{
	if (FSY_UNLIKELY(fsy_atomic_u32_load_acq(word) != RECOVERED))
		recover();
}

static void
before_fork(void)
{
	bool settled = fsy_atomic_u32_load_acq(word) == RECOVERED;

	fsy_atomic_u32_store_rlx(&forks_before, settled ? fsy_atomic_u32_load_rlx(&fsyi_forks) : UNSETTLED);
}

/* Does what the kernel should have: some emulators say that they will, and do not. Unless another library's handler has brought about recovery. */
static void
after_fork(void)
{
	uint32_t before = fsy_atomic_u32_load_rlx(&forks_before);

	if (before == UNSETTLED || before == fsy_atomic_u32_load_rlx(&fsyi_forks))
		fsy_atomic_u32_store_rlx(word, WIPED);
	/* Where there are readers' lines the child must recover while it has one thread: that one may go on for long without a slow path, and its
	 * line must not be taken for that of a thread that is no more, nor theirs be left because another thread of the child was the first to look.
	 * The same holds of what others have left in fair locks that this thread holds. */
	if (fsyi_reader_any() || fsyi_fair_holds_any())
		fsyi_fork_check();
}

void
fsyi_fork_init(void)
{
	long page;

	pthread_atfork(before_fork, NULL, after_fork);
	if (fsyi_switch_on("FASTSYNC_WIPEONFORK")) {
		page = fsyi_syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page > 0 && fsyi_syscall(SYS_madvise, page, 4096, MADV_WIPEONFORK, 0, 0, 0) == 0) {
			word = (fsy_atomic_u32 *)(uintptr_t)page;
			fsy_atomic_u32_store_rlx(word, RECOVERED);
			return;
		}
		if (page > 0)
			fsyi_syscall(SYS_munmap, page, 4096, 0, 0, 0, 0);
	}
}
