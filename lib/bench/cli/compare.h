/* SPDX-License-Identifier: MIT */
/* compare.h - two --json files side by side. */
#ifndef FSYB_COMPARE_H
#define FSYB_COMPARE_H

#include <stdio.h>

/* 0; 2 after one line on stderr; 3 if something got significantly slower by more than threshold per cent (negative: any
 * amount is accepted). */
int fsyb_compare(const char *old_file, const char *new_file, double threshold, FILE *out);

#endif
