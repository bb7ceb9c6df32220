/* SPDX-License-Identifier: MIT */
/* faults.c - the table: one row per way in which the machine may let the library down. */
#include "fault.h"
#include "lib/park/lot.h"
#include "lib/sys/cpu.h"
#include "lib/sys/fork.h"
#include "lib/sys/futex.h"
#include "lib/sys/membarrier.h"
#include "lib/sys/thread.h"
#include "lib/sys/topology.h"

#include <errno.h>
#include <fastsync/mutex.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FUTEX_WAITV = 449, FUTEX2_WAKE = 454, FUTEX2_WAIT = 455, MOVE_PAGES = SYS_move_pages };

/* What container run-times forbid, or do not know of. (clone3 forbidden, and not unknown, is the end of all threads in glibc.) */
static const int container[] = { SYS_membarrier, FUTEX_WAITV, FUTEX2_WAKE, FUTEX2_WAIT, SYS_mbind, SYS_get_mempolicy, SYS_set_mempolicy, MOVE_PAGES,
				 SYS_rseq, -1 };
static const int only_clone3[] = { SYS_clone3, -1 }, only_rseq[] = { SYS_rseq, -1 }, only_membarrier[] = { SYS_membarrier, -1 };
static const int only_policy[] = { SYS_mbind, SYS_get_mempolicy, SYS_set_mempolicy, MOVE_PAGES, -1 };
static const int futexes[] = { SYS_futex, FUTEX2_WAKE, FUTEX2_WAIT, -1 }, futex2s[] = { FUTEX2_WAKE, FUTEX2_WAIT, -1 };
static const int only_mmap[] = { SYS_mmap, -1 }, only_madvise[] = { SYS_madvise, -1 }, only_open[] = { SYS_openat, -1 };
static const int only_mbind[] = { SYS_mbind, -1 }, only_read[] = { SYS_read, -1 };
static const int trifles[] = { SYS_sched_getaffinity, SYS_sched_yield, SYS_munmap, -1 };
static const int only_write[] = { SYS_write, -1 };

static bool
was_hit(void)
{
	return fault_hit > 0;
}

static bool
nothing_optional(void)
{
	return !fsyi_futex2_used() && !fsyi_cpu_rseq_used() && fsy_attention_ == NULL;
}

static bool
no_rseq(void)
{
	return !fsyi_cpu_rseq_used() && fsyi_cpu() >= 0;
}

static bool
no_membarrier(void)
{
	return fsy_attention_ == NULL;
}

static bool
with_membarrier(void)
{
	return fsy_attention_ != NULL;
}

static bool
membarrier_noticed(void)
{
	return fault_hit > 0 && fsyi_membarrier_lost();
}

static bool
futex2_given_up(void)
{
	return fault_hit > 0 && !fsyi_futex2_used();
}

static void
any_record(struct fsyi_thread *thread, void *arg)
{
	(void)thread;
	*(bool *)arg = true;
}

static bool
no_record(void)
{
	bool any = false;

	fsyi_thread_each(any_record, &any);
	return fault_hit > 0 && !any && fsyi_thread_self() == NULL;
}

/* Without the page that a fork wipes, the handler of pthread_atfork says that a fork has happened. */
static bool
notices_a_fork(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		fsyi_fork_check();
		_exit(fsyi_fork_generation() == 1 ? 0 : 1);
	}
	return fault_hit > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool
one_node(void)
{
	return fault_hit > 0 && fsyi_topology()->nodes == 1 && strcmp(fsyi_topology()->source, "one node") == 0;
}

static bool
from_sysfs(void)
{
	return fault_hit > 0 && strcmp(fsyi_topology()->source, "sysfs") == 0;
}

static bool
from_libnuma(void)
{
	return fault_hit > 0 && strcmp(fsyi_topology()->source, "libnuma") == 0 && fsyi_topology_distance(0, 0) == 10;
}

static bool
absurd_cpu(void)
{
	return fault_hit > 0 && fsyi_node() == 0;
}

static bool
affinity_unknown(void)
{
	return fault_hit > 0 && fsyi_cpu_count() == 2;
}

/* Complains, with no other thread there. */
static bool
unlock_unlocked(void)
{
	fsy_mutex_t free_lock = FSY_MUTEX_INIT;

	fsy_mutex_unlock(&free_lock);
	return false;
}


const struct fault faults[] = {
	{ .name = "container, EPERM", .error = EPERM, .refused = container, .before = nothing_optional },
	{ .name = "container, ENOSYS", .error = ENOSYS, .refused = container, .before = nothing_optional },
	{ .name = "no clone3", .error = ENOSYS, .refused = only_clone3 },
	{ .name = "no rseq", .error = ENOSYS, .refused = only_rseq, .before = no_rseq },
	{ .name = "no membarrier", .caught = only_membarrier, .answer = fault_not_there, .before = no_membarrier, .after = was_hit },
	{ .name = "membarrier registers, and is refused", .caught = only_membarrier, .answer = fault_registers_only, .before = no_membarrier, .after = was_hit },
	{ .name = "membarrier is refused later", .caught = only_membarrier, .answer = fault_refused_later, .before = with_membarrier, .after = membarrier_noticed },
	{ .name = "membarrier is refused at times", .caught = only_membarrier, .answer = fault_refused_at_times, .after = was_hit },
	{ .name = "memory policies are forbidden", .error = EPERM, .refused = only_policy },
	{ .name = "mbind is forbidden, two nodes", .caught = only_mbind, .answer = fault_not_permitted, .before = two_kernel_nodes, .after = was_hit },
	{ .name = "futex waits are interrupted", .caught = futexes, .answer = fault_interrupted, .after = was_hit },
	{ .name = "futex waits find another value", .caught = futexes, .answer = fault_other_value, .after = was_hit },
	{ .name = "futex waits end for no reason", .caught = futexes, .answer = fault_spurious, .after = was_hit },
	{ .name = "futex waits never sleep", .caught = futexes, .answer = fault_never_sleeps, .after = was_hit },
	{ .name = "futex wakes find strangers", .caught = futexes, .answer = fault_wakes_all, .after = was_hit },
	{ .name = "futex calls are late", .caught = futexes, .answer = fault_late, .after = was_hit },
	{ .name = "futex waits are interrupted, classic", .caught = futexes, .answer = fault_interrupted, .environment = "FASTSYNC_FUTEX2=off", .after = was_hit },
	{ .name = "futex2 is refused at times", .caught = futex2s, .answer = fault_refused_at_times, .after = futex2_given_up },
	{ .name = "futex is forbidden", .caught = futexes, .answer = fault_not_permitted, .dies = "fastsync: the futex call failed in a wa*: error 1\n" },
	{ .name = "futex is unknown", .caught = futexes, .answer = fault_not_there, .dies = "fastsync: the futex call failed in a wa*: error 38\n" },
	{ .name = "futex finds its arguments wrong", .caught = futexes, .answer = fault_invalid, .dies = "fastsync: the futex call failed in a wa*: error 22\n" },
	{ .name = "stderr takes little at a time", .caught = only_write, .answer = fault_in_morsels, .before = unlock_unlocked,
	  .dies = "fastsync: unlock of unlocked mutex 0x*[0-9a-f]\n" },
	{ .name = "no memory at all", .caught = only_mmap, .answer = fault_no_memory, .after = no_record },
	{ .name = "no memory at times", .caught = only_mmap, .answer = fault_memory_at_times, .after = was_hit },
	{ .name = "no page that a fork wipes", .caught = only_madvise, .answer = fault_invalid, .after = notices_a_fork },
	{ .name = "a page that a fork does not wipe, though asked", .caught = only_madvise, .answer = fault_pretends, .after = notices_a_fork },
	{ .name = "no affinity, no yield, no unmapping", .caught = trifles, .answer = fault_not_permitted, .after = affinity_unknown },
	{ .name = "no sysfs, no libnuma", .caught = only_open, .answer = fault_not_permitted, .environment = "TEST_NUMA=missing", .after = one_node },
	{ .name = "sysfs in morsels", .caught = only_read, .answer = fault_in_morsels, .environment = "TEST_NUMA=missing", .after = from_sysfs },
	{ .name = "libnuma without a mask", .environment = "TEST_NUMA=no mask", .after = from_sysfs },
	{ .name = "libnuma without CPUs", .environment = "TEST_NUMA=no cpus", .after = from_sysfs },
	{ .name = "libnuma without distances", .environment = "TEST_NUMA=no distance", .after = from_libnuma },
	{ .name = "getcpu is refused", .environment = "TEST_GETCPU=refused", .after = was_hit },
	{ .name = "getcpu is absurd", .environment = "TEST_GETCPU=absurd", .after = absurd_cpu },
	{ .name = NULL },
};
