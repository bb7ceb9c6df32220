/* SPDX-License-Identifier: MIT */
/* run.c - fastsync-run: starts a program with the preload library, or says in one line why that cannot be. */
#include "run.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRONG = 2, PATH_SIZE = 4096 };

static const char usage[] =
	"usage: fastsync-run [options] [--] program [arguments]\n"
	"  -s, --stats[=FILE]   say at the end how the program's locks were used, on stderr or in FILE\n"
	"  -p, --policy=POLICY  who goes first at readers-writer locks: fair (default), prefer-reader or nonrecursive\n"
	"  -c, --check          end the program where it unlocks a mutex that is not locked, which libc lets pass\n"
	"  -n, --dry-run        only say whether the program can be run so\n"
	"  -h, --help           this text\n"
	"It sets LD_PRELOAD and FASTSYNC_*, also for what the program starts. See fastsync-run(1).\n";

struct options {
	bool stats, check, dry_run;
	const char *file, *policy;
};

static int
wrong(const char *what, const char *why)
{
	fprintf(stderr, "fastsync-run: %s: %s\n", what, why);
	return WRONG;
}

/* Beside this program, as in the build tree; in the library directory next to it; where it was installed to. An absolute path, or the
 * first child that changes directory loses it. */
static bool
find_library(char *path, size_t size)
{
	static const char *const places[] = { "libfastsync-preload.so", "../lib/fastsync/libfastsync-preload.so", NULL };
	char self[PATH_SIZE], candidate[2 * PATH_SIZE], *slash;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[length > 0 ? length : 0] = '\0';
	slash = strrchr(self, '/');
	for (const char *const *place = places; slash != NULL && *place != NULL; place++) {
		snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)(slash - self), self, *place);
		if (access(candidate, R_OK) == 0 && realpath(candidate, self) != NULL)
			return (size_t)snprintf(path, size, "%s", self) < size;
	}
#ifdef FASTSYNC_PRELOAD_PATH
	return access(FASTSYNC_PRELOAD_PATH, R_OK) == 0 && (size_t)snprintf(path, size, "%s", FASTSYNC_PRELOAD_PATH) < size;
#else
	return false;
#endif
}

/* 0: go on; else the status to end with. */
static int
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "stats", optional_argument, NULL, 's' }, { "policy", required_argument, NULL, 'p' }, { "check", no_argument, NULL, 'c' },
		{ "dry-run", no_argument, NULL, 'n' },     { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+s::p:cnh", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->stats = true;
			o->file = optarg;
			break;
		case 'p':
			o->policy = optarg;
			break;
		case 'c':
			o->check = true;
			break;
		case 'n':
			o->dry_run = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			return WRONG;           /* getopt has said what */
		}
	}
	if (o->policy != NULL && strcmp(o->policy, "fair") != 0 && strcmp(o->policy, "prefer-reader") != 0 && strcmp(o->policy, "nonrecursive") != 0)
		return wrong(o->policy, "no such policy; expected fair, prefer-reader or nonrecursive");
	if (optind == argc) {
		fputs(usage, stderr);
		return WRONG;
	}
	return 0;
}

/* Behind what is preloaded already: allocators do not mind, and sanitizers insist on being first. */
static bool
set_environment(const struct options *o, const char *library)
{
	const char *before = getenv("LD_PRELOAD");
	char file[2 * PATH_SIZE], directory[PATH_SIZE], *list;
	bool done;

	if (before == NULL || *before == '\0')
		list = strdup(library);
	else if (asprintf(&list, "%s:%s", before, library) < 0)
		list = NULL;
	done = list != NULL && setenv("LD_PRELOAD", list, 1) == 0;
	free(list);
	if (o->stats)
		done = done && setenv("FASTSYNC_STATS", "1", 1) == 0;
	if (o->file != NULL) {
		if (o->file[0] == '/' || getcwd(directory, sizeof(directory)) == NULL)
			directory[0] = '\0';
		snprintf(file, sizeof(file), "%s%s%s", directory, directory[0] ? "/" : "", o->file);
		done = done && setenv("FASTSYNC_STATS_FILE", file, 1) == 0;
	}
	if (o->check)
		done = done && setenv("FASTSYNC_STRICT", "1", 1) == 0;
	if (o->policy != NULL)
		done = done && setenv("FASTSYNC_RWLOCK", o->policy, 1) == 0;
	return done;
}

int
main(int argc, char **argv)
{
	struct options o = { false, false, false, NULL, NULL };
	char library[PATH_SIZE], path[PATH_SIZE];
	const char *why;
	int status = parse(argc, argv, &o);

	if (status != 0)
		return status;
	argv += optind;
	if (!find_library(library, sizeof(library)))
		return wrong("libfastsync-preload.so", "not found beside fastsync-run, nor where it was installed");
	if (!find_program(argv[0], path, sizeof(path)))
		return wrong(argv[0], "no such program");
	why = why_not(path);
	if (why != NULL)
		return wrong(path, why);
	if (o.dry_run) {
		printf("%s: can be run with %s\n", path, library);
		return 0;
	}
	if (!set_environment(&o, library))
		return wrong(argv[0], strerror(errno));
	execv(path, argv);
	return wrong(path, strerror(errno));
}
