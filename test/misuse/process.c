/* SPDX-License-Identifier: MIT */
/* process.c - processes that spawn, gain rights, or come with a strange environment. */
#include "misuse.h"
#include "lib/sys/fork.h"
#include "lib/sys/topology.h"
#include "lib/sys/tune.h"
#include "lib/sys/init.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <elf.h>
#include <fastsync/atomic.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SPAWNS = 200, FUZZ = 3000 };

/* 23: children that share our memory until they exec something else. */
static fsy_mutex_t fought_for = FSY_MUTEX_INIT;
static fsy_atomic_u32 over;
static long fought;

static void *
fight(void *arg)
{
	(void)arg;
	while (!fsy_atomic_u32_load(&over)) {
		fsy_mutex_lock(&fought_for);
		fought++;
		fsy_mutex_unlock(&fought_for);
	}
	return NULL;
}

static int
spawn_under_contention(void *arg)
{
	static char *const words[] = { (char *)(uintptr_t)"true", NULL };
	pthread_t threads[2];
	int status;

	(void)arg;
	for (int i = 0; i < 2; i++)
		threads[i] = worker_start(fight, NULL);
	for (int i = 0; i < SPAWNS; i++) {
		pid_t pid;

		fsy_mutex_lock(&fought_for);
		CHILD_CHECK(posix_spawnp(&pid, "true", NULL, NULL, words, environ) == 0);
		fsy_mutex_unlock(&fought_for);
		CHILD_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	fsy_atomic_u32_store(&over, 1);
	for (int i = 0; i < 2; i++)
		worker_join(threads[i]);
	CHILD_CHECK(at_rest(&fought_for) && fought > 0 && fsyi_fork_generation() == 0);
	return 0;
}

/* 36: a program with more rights than its caller does not listen to it. */
int
misuse_setuid(void *arg)
{
	(void)arg;
	if (getauxval(AT_SECURE) == 0)
		return MISUSE_SKIPPED;
	return fsyi_tune_error() != NULL || fsyi_topology()->fake;
}

static bool
copy_program(int to)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char piece[65536];
	ssize_t got = -1;

	while (from >= 0 && (got = read(from, piece, sizeof(piece))) > 0)
		if (write(to, piece, (size_t)got) != got)
			return false;
	close(from);
	return got == 0;
}

static int
more_rights(void *arg)
{
	char path[] = "/tmp/fastsync-misuse-XXXXXX";
	int file = mkstemp(path), status = -1;
	pid_t pid;

	(void)arg;
#ifdef FSYI_COVERAGE
	fprintf(stderr, "it may not write the counts of the coverage build\n");
	unlink(path);
	return MISUSE_SKIPPED;
#endif
	CHILD_CHECK(file >= 0 && copy_program(file));
	if (fchown(file, 65534, 65534) != 0 || fchmod(file, 04755) != 0) {
		fprintf(stderr, "only root can make such a program\n");
		unlink(path);
		return MISUSE_SKIPPED;
	}
	close(file);
	setenv("FASTSYNC_SPIN_NS", "nonsense", 1);
	setenv("FASTSYNC_TOPOLOGY", "4", 1);
	pid = fork();
	if (pid == 0) {
		execl(path, path, "--child", "setuid", (char *)NULL);
		_exit(MISUSE_SKIPPED);
	}
	CHILD_CHECK(waitpid(pid, &status, 0) == pid);
	unlink(path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == MISUSE_SKIPPED)
		fprintf(stderr, "the file system takes no setuid programs\n");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* 37: whatever stands in the environment, numbers stay within their limits, and the topology is one. */
static void
check_limits(const struct fsyi_tunable *t, void *arg)
{
	(void)arg;
	CHILD_CHECK(*t->value >= t->min && *t->value <= t->max);
}

static const char *const spices[] = { "%s%n", "9223372036854775807", "0-", "@", ",,", "1e9", "0x10", "-1", "4", "8x16", "0-3;4-7@10,21", ";", "\xff\xfe", " " };

static void
cook(char *text, size_t size, uint64_t *random)
{
	size_t used = 0, parts = test_random(random) % 6;

	text[0] = '\0';
	while (parts-- > 0 && used + 40 < size) {
		if (test_random(random) % 2 == 0)
			used += (size_t)snprintf(text + used, size - used, "%s", spices[test_random(random) % (sizeof(spices) / sizeof(spices[0]))]);
		else if (test_random(random) % 2 == 0)
			used += (size_t)snprintf(text + used, size - used, "%llu", (unsigned long long)(test_random(random) >> (test_random(random) % 64)));
		else
			text[used++] = (char)(1 + test_random(random) % 255), text[used] = '\0';
	}
}

static int
strange_environment(void *arg)
{
	static const char *const names[] = { "FASTSYNC_SPIN_NS", "FASTSYNC_NODE_BATCH", "FASTSYNC_TURN_MIN_NS", "FASTSYNC_POOL_IDLE_NS" };
	static char text[300], why[100], huge[100001];
	uint64_t seed = test_seed();
	int error, null = open("/dev/null", O_WRONLY);

	(void)arg;
	dup2(null, STDERR_FILENO);                       /* where the complaints go; a false check is seen by the status */
	for (int i = 0; i < FUZZ; i++) {
		cook(text, sizeof(text), &seed);
		CHILD_CHECK(setenv(names[i % 4], text, 1) == 0);
		fsyi_tune_init();
		fsyi_tune_each(check_limits, NULL);
		error = fsyi_topology_from_spec(text, why, sizeof(why));
		CHILD_CHECK(error == 0 || (error > 0 && why[0] != '\0' && strlen(why) < sizeof(why)));
		CHILD_CHECK(fsyi_topology()->nodes >= 1 && fsyi_topology_distance(0, 0) > 0);
	}
	memset(huge, '7', sizeof(huge) - 1);
	CHILD_CHECK(setenv(names[0], huge, 1) == 0);
	fsyi_tune_init();
	fsyi_tune_each(check_limits, NULL);
	CHILD_CHECK(fsyi_topology_from_spec(huge, why, sizeof(why)) != 0);
	return 0;
}

/* 35: the library's thread-local storage comes out of what the loader keeps for those who come late: some 1.5 KB for all. */
static int
little_tls(void *arg)
{
	char path[PATH_MAX];
	const Elf64_Phdr *segment;
	const Elf64_Ehdr *elf;
	struct stat stat;
	char *slash;
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 30);
	int file;

	(void)arg;
	CHILD_CHECK(length > 0);
	path[length] = '\0';
	for (int up = 0; up < 3 && (slash = strrchr(path, '/')) != NULL; up++)
		*slash = '\0';
	strcat(path, "/libfastsync.so.1");
	file = open(path, O_RDONLY);
	if (file < 0) {
		fprintf(stderr, "no %s\n", path);
		return MISUSE_SKIPPED;
	}
	CHILD_CHECK(fstat(file, &stat) == 0);
	elf = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	CHILD_CHECK(elf != MAP_FAILED && elf->e_phentsize == sizeof(*segment));
	segment = (const Elf64_Phdr *)(const void *)((const char *)elf + elf->e_phoff);
	for (int i = 0; i < elf->e_phnum; i++)
		CHILD_CHECK(segment[i].p_type != PT_TLS || segment[i].p_memsz <= 512);
	return 0;
}

const struct misuse misuse_process[] = {
	{ "23 spawning under contention", spawn_under_contention, NULL, 0 },
	{ "35 thread-local storage", little_tls, NULL, 0 },
	{ "36 more rights than the caller", more_rights, NULL, 0 },
	{ "37 a strange environment", strange_environment, NULL, 0 },
	{ NULL, NULL, NULL, 0 },
};
