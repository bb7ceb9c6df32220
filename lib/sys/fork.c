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

/* kept is set once, by the constructor: who reads 0 there has had its page wiped, or descends from somebody who has. */
static struct page {
	fsy_atomic_u32 word, kept;
} fallback = { { RECOVERED }, { 1 } }, *page = &fallback;        /* the pointer is written by the constructor only */

fsy_atomic_u32 fsyi_forks;

static __attribute__((cold, noinline)) void
recover(void)
{
	uint32_t seen = WIPED;
	bool alone;

	if (!fsy_atomic_u32_cas_acq(&page->word, &seen, RECOVERING)) {
		/* The child has made threads before its first slow path, and one of them is at it. */
		while (seen == RECOVERING) {
			fsyi_futex_wait(&page->word, RECOVERING, FSY_FOREVER);
			seen = fsy_atomic_u32_load_acq(&page->word);
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
	fsy_atomic_u32_store_rel(&page->word, RECOVERED);
	fsyi_futex_wake(&page->word, INT32_MAX);
}

void
fsyi_fork_check(void)
{
	if (FSY_UNLIKELY(fsy_atomic_u32_load_acq(&page->word) != RECOVERED))
		recover();
}

/* Where nobody wipes the page a recovery that is under way must not be copied: the child would wait for its end. */
static void
before_fork(void)
{
	if (fsy_atomic_u32_load_rlx(&page->kept) != 0)
		fsyi_fork_check();
}

/* Does what the kernel has not: an old one, or an emulator that says that it will. Not by what recoveries there have been: another library's handler
 * may have run before, and begun one. */
static void
after_fork(void)
{
	if (fsy_atomic_u32_load_rlx(&page->kept) != 0)
		fsy_atomic_u32_store_rlx(&page->word, WIPED);
	/* Where there are readers' lines the child must recover while it has one thread: that one may go on for long without a slow path, and its
	 * line must not be taken for that of a thread that is no more, nor theirs be left because another thread of the child was the first to look.
	 * The same holds of what others have left in fair locks that this thread holds. */
	if (fsyi_reader_any() || fsyi_fair_holds_any())
		fsyi_fork_check();
}

void
fsyi_fork_init(void)
{
	long fresh;

	pthread_atfork(before_fork, NULL, after_fork);
	if (fsyi_switch_on("FASTSYNC_WIPEONFORK")) {
		fresh = fsyi_syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (fresh > 0 && fsyi_syscall(SYS_madvise, fresh, 4096, MADV_WIPEONFORK, 0, 0, 0) == 0) {
			page = (struct page *)(uintptr_t)fresh;
			*page = fallback;
			return;
		}
		if (fresh > 0)
			fsyi_syscall(SYS_munmap, fresh, 4096, 0, 0, 0, 0);
	}
}
