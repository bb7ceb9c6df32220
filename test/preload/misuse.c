/* SPDX-License-Identifier: MIT */
/*
 * misuse.c - every way to misuse a lock that libc answers, and what the answer is: one line for each on stdout, for misuse.sh to compare.
 *
 * misuse OFFSET: where in a recursive mutex its depth lies. Each case runs in a process of its own. One that does not end is told by all of
 * its threads being asleep, and staying so.
 */
#include "misuse.h"

#include <dirent.h>
#include <limits.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MOST 128
#define SURE 10                         /* looks in a row */

static const char *errors[] = { [EPERM] = "EPERM", [EINTR] = "EINTR", [EAGAIN] = "EAGAIN", [EBUSY] = "EBUSY", [EINVAL] = "EINVAL",
	[EDEADLK] = "EDEADLK", [ETIMEDOUT] = "ETIMEDOUT", [EOVERFLOW] = "EOVERFLOW", [ENOTRECOVERABLE] = "ENOTRECOVERABLE",
	[EOWNERDEAD] = "EOWNERDEAD", [ENOTSUP] = "ENOTSUP", [ENOSYS] = "ENOSYS" };
size_t depth_at;
static int tid;

void
told(const char *what, int error)
{
	if (error >= 0 && error < (int)(sizeof(errors) / sizeof(errors[0])) && errors[error] != NULL)
		dprintf(1, "; %s %s", what, errors[error]);
	else
		dprintf(1, "; %s %d", what, error);
}

int
of_call(int result)
{
	return result == -1 ? errno : result;
}

void
i_am_here(void)
{
	__atomic_store_n(&tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
}

/* Until the thread that said so is asleep. */
void
until_it_sleeps(void)
{
	char path[64], text[512];

	for (;;) {
		char *end = NULL;
		FILE *f;
		int thread = __atomic_load_n(&tid, __ATOMIC_ACQUIRE);

		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
		f = thread != 0 ? fopen(path, "r") : NULL;
		if (f != NULL) {
			if (fgets(text, sizeof(text), f) != NULL)
				end = strrchr(text, ')');
			fclose(f);
		}
		if (end != NULL && end[1] == ' ' && end[2] == 'S')
			return;
		usleep(1000);
	}
}

static void *
beyond(void *arg)
{
	struct elsewhere *e = arg;

	e->result = e->fn(e->object);
	return NULL;
}

int
elsewhere(int (*fn)(void *), void *object)
{
	struct elsewhere e = { fn, object, 0 };
	pthread_t thread;

	pthread_create(&thread, NULL, beyond, &e);
	pthread_join(thread, NULL);
	return e.result;
}

static bool
all_asleep(pid_t child)
{
	char path[300], text[512];
	struct dirent *entry;
	bool asleep = true;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", child);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		char *end = NULL;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", child, entry->d_name);
		if (entry->d_name[0] == '.' || (f = fopen(path, "r")) == NULL)
			continue;
		if (fgets(text, sizeof(text), f) != NULL)
			end = strrchr(text, ')');
		fclose(f);
		asleep &= end != NULL && end[1] == ' ' && end[2] == 'S';
	}
	closedir(dir);
	return asleep;
}

static struct running {
	pid_t child;
	int out, asleep, status;
} running[MOST];

/* Whether it has ended, if need be because it sleeps. */
static bool
ended(struct running *r)
{
	if (r->child == 0)
		return true;
	if (waitpid(r->child, &r->status, WNOHANG) != 0) {
		r->child = 0;
		return true;
	}
	r->asleep = all_asleep(r->child) ? r->asleep + 1 : 0;
	if (r->asleep < SURE)
		return false;
	kill(r->child, SIGKILL);
	waitpid(r->child, &r->status, 0);
	r->child = 0;
	return true;
}

static void
print(const struct running *r, const char *name)
{
	char text[4096];
	ssize_t length = read(r->out, text, sizeof(text));

	printf("%s%.*s", name, length > 0 ? (int)length : 0, text);
	if (r->asleep >= SURE)
		printf("; sleeps");
	else if (WIFSIGNALED(r->status))
		printf("; killed by signal %d", WTERMSIG(r->status));
	puts("");
}

int
main(int argc, char **argv)
{
	bool all;
	int n;

	if (argc != 2)
		return 2;
	depth_at = (size_t)atoi(argv[1]);
	for (n = 0; n < MOST && misuses[n].name != NULL; n++) {
		int ends[2];

		if (pipe(ends) != 0)
			return 1;
		running[n].out = ends[0];
		running[n].child = fork();
		if (running[n].child == 0) {
			dup2(ends[1], 1);
			alarm(200);
			misuses[n].fn(misuses[n].arg);
			_exit(0);
		}
		close(ends[1]);
	}
	do {
		all = true;
		usleep(20000);
		for (int i = 0; i < n; i++)
			all &= ended(&running[i]);
	} while (!all);
	for (int i = 0; i < n; i++)
		print(&running[i], misuses[i].name);
	return 0;
}
