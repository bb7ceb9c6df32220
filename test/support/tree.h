/* SPDX-License-Identifier: MIT */
/* tree.h - a directory made up like /sys/devices/system/node. */
#ifndef TEST_TREE_H
#define TEST_TREE_H

struct tree {
	char root[64];
};

/* Main thread only: they use cmocka's asserts. */
void tree_make(struct tree *tree);
void tree_file(const struct tree *tree, const char *path, const char *content);   /* "node0/cpulist", "0-3\n" */
void tree_remove(const struct tree *tree);

#endif
