/* SPDX-License-Identifier: MIT */
/* child.c - see child.h. */
#include "child.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define MARK "--child"

void
child_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: false in a child: %s\n", file, line, condition);
	fflush(NULL);
	_exit(99);
}

/* cmocka's handlers would take a crash for a failed assert of the parent's. */
static void
enter_child(int err)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGABRT, SIGALRM };
	struct rlimit none = { 0, 0 };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
	dup2(err, STDERR_FILENO);
	alarm(CHILD_SECONDS);
}

static void
collect(struct child *child, pid_t pid, int pipe_end)
{
	size_t used = 0;
	int status;
	ssize_t n;

	while ((n = read(pipe_end, child->err + used, sizeof(child->err) - 1 - used)) > 0 || (n < 0 && errno == EINTR))
		used += n > 0 ? (size_t)n : 0;
	close(pipe_end);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child->exited = WIFEXITED(status);
	child->status = child->exited ? WEXITSTATUS(status) : -1;
	child->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	snprintf(child->err + used, sizeof(child->err) - used, "%s", child->signal == SIGALRM ? "still running, something hangs\n" : "");
}

static pid_t
start(int ends[2])
{
	pid_t pid = -1;

	fflush(NULL);
	if (pipe(ends) != 0 || (pid = fork()) < 0)
		fail_msg("no child: %s", strerror(errno));
	if (pid == 0) {
		close(ends[0]);
		enter_child(ends[1]);
		close(ends[1]);
	} else {
		close(ends[1]);
	}
	return pid;
}

struct child
child_fork(int (*body)(void *arg), void *arg)
{
	struct child child;
	int ends[2];
	pid_t pid = start(ends);

	if (pid == 0) {
		int status = body(arg);

		fflush(NULL);
		_exit(status);
	}
	collect(&child, pid, ends[0]);
	return child;
}

struct child
child_exec(const char *name, const char *const environment[], void (*prepare)(void))
{
	static const char self[] = "/proc/self/exe";
	struct child child;
	int ends[2];
	pid_t pid = start(ends);

	if (pid == 0) {
		for (; environment != NULL && *environment != NULL; environment++)
			putenv((char *)(uintptr_t)*environment);
		if (prepare != NULL)
			prepare();
		execl(self, self, MARK, name, (char *)NULL);
		child_failed("execl", __FILE__, __LINE__);
	}
	collect(&child, pid, ends[0]);
	return child;
}

bool
child_wanted(int argc)
{
	return argc == 3;
}

int
child_main(char **argv, const struct child_body *bodies)
{
	/* cmocka's usual output goes to stderr, which the parent wants for itself. */
	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	if (strcmp(argv[1], MARK) == 0)
		for (; bodies->name != NULL; bodies++)
			if (strcmp(argv[2], bodies->name) == 0)
				return bodies->body(NULL);
	fprintf(stderr, "no such child: %s\n", argv[2]);
	return 2;
}

void
child_assert_clean(const struct child *child)
{
	if (!child->exited || child->status != 0 || child->err[0] != '\0')
		fail_msg("child ended with status %d, signal %d, and wrote: %s", child->status, child->signal, child->err);
}

void
child_assert_aborted(const struct child *child, const char *text)
{
	if (child->exited || child->signal != SIGABRT || strstr(child->err, text) == NULL)
		fail_msg("child ended with status %d, signal %d, and wrote: %s", child->status, child->signal, child->err);
}

void
child_assert_dies(const char *name, const char *const *const *environments, const char *prefix)
{
	for (; *environments != NULL; environments++) {
		struct child child = child_exec(name, *environments, NULL);
		const char *end = strchr(child.err, '\n');

		child_assert_aborted(&child, prefix);
		if (strncmp(child.err, prefix, strlen(prefix)) != 0)
			fail_msg("%s begins its last words with: %s", name, child.err);
		assert_true(end != NULL);
		if (!SANITIZED)                          /* which may add their own */
			assert_int_equal(end[1], '\0');
	}
}
