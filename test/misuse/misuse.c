/* SPDX-License-Identifier: MIT */
/*
 * misuse.c - runs the rows that no other test has, each in a process of its own: it ends well, or with exactly the line that it should.
 *
 *   misuse [PART]      rows whose names contain PART
 */
#include "misuse.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *
judge(const struct misuse *row, const struct child *child)
{
	if (row->signal != 0)
		return child->signal == row->signal ? NULL : "was not killed by the signal that it should be";
	if (row->line != NULL) {
		if (child->exited || child->signal != SIGABRT)
			return "did not abort";
		return fnmatch(row->line, child->err, 0) == 0 ? NULL : "did not write the line that it should";
	}
	if (!child->exited || child->status != 0)
		return "did not end well";
	return child->err[0] == '\0' ? NULL : "wrote something";
}

static bool
try_row(const struct misuse *row)
{
	struct child child = child_exec(row->name, NULL, NULL);
	const char *wrong = judge(row, &child);

	if (child.exited && child.status == MISUSE_SKIPPED) {
		printf("skip misuse/%s %s", row->name, child.err);
		wrong = NULL;
	} else {
		printf("%s misuse/%s%s%s\n", wrong == NULL ? "ok" : "not ok", row->name, wrong == NULL ? "" : ": ", wrong == NULL ? "" : wrong);
	}
	if (wrong != NULL)
		printf("    status %d, signal %d, stderr: %s\n", child.status, child.signal, child.err);
	fflush(stdout);
	return wrong == NULL;
}

static const struct misuse *const tables[] = { misuse_objects, misuse_threads, misuse_process };

/* A fresh process: in a forked one waits are timed, which a crowd would notice. */
static int
run_row(char **argv)
{
	struct child_body bodies[] = { { argv[2], NULL }, { NULL, NULL } };

	if (strcmp(argv[2], "setuid") == 0)
		bodies[0].body = misuse_setuid;
	for (int t = 0; t < 3; t++)
		for (const struct misuse *row = tables[t]; row->name != NULL; row++)
			if (strcmp(row->name, argv[2]) == 0)
				bodies[0].body = row->body;
	return bodies[0].body == NULL ? 2 : child_main(argv, bodies);
}

int
main(int argc, char **argv)
{
	int failed = 0;

	if (child_wanted(argc))
		return run_row(argv);
	for (int t = 0; t < 3; t++)
		for (const struct misuse *row = tables[t]; row->name != NULL; row++)
			if (argc < 2 || strstr(row->name, argv[1]) != NULL)
				failed += !try_row(row);
	return failed != 0;
}
