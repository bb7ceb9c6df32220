/* SPDX-License-Identifier: MIT */
/* forms.h - the two forms of unlock, for tests of misuse: a plain store where there is membarrier, and the fenced one. */
#ifndef TEST_FORMS_H
#define TEST_FORMS_H

extern const char *const forms_plain[];
extern const char *const *const forms_both[];            /* for child_assert_dies */

/* A child's body, called "form", and the test that such children differ: otherwise others test one form twice. */
int form_in_child(void *arg);
void test_forms_differ(void **state);

#endif
