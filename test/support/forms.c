/* SPDX-License-Identifier: MIT */
/* forms.c - see forms.h. */
#include "forms.h"
#include "child.h"

#include <fastsync/mutex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

const char *const forms_plain[] = { "FASTSYNC_MEMBARRIER=on", NULL };
static const char *const fenced[] = { "FASTSYNC_MEMBARRIER=off", NULL };
const char *const *const forms_both[] = { forms_plain, fenced, NULL };

enum { PLAIN = 40, FENCED = 42 };

int
form_in_child(void *arg)
{
	(void)arg;
	return fsy_attention_ == NULL ? FENCED : PLAIN;
}

void
test_forms_differ(void **state)
{
	(void)state;
	assert_int_equal(child_exec("form", fenced, NULL).status, FENCED);
	if (child_exec("form", forms_plain, NULL).status == FENCED) {
		puts("skip forms_differ: this machine has no membarrier");
		skip();
	}
}
