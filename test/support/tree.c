/* SPDX-License-Identifier: MIT */
/* tree.c - see tree.h. */
#include "tree.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

void
tree_make(struct tree *tree)
{
	snprintf(tree->root, sizeof(tree->root), "/tmp/fastsync-tree-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
}

void
tree_file(const struct tree *tree, const char *path, const char *content)
{
	const char *slash = strchr(path, '/');
	char name[256];
	FILE *file;

	if (slash != NULL) {
		snprintf(name, sizeof(name), "%s/%.*s", tree->root, (int)(slash - path), path);
		mkdir(name, 0700);
	}
	snprintf(name, sizeof(name), "%s/%s", tree->root, path);
	file = fopen(name, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void
tree_remove(const struct tree *tree)
{
	assert_int_equal(nftw(tree->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
