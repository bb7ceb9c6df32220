/* SPDX-License-Identifier: MIT */
/* onces.c - see onces.h. */
#include "onces.h"
#include "lib/park/park.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

fsy_once_t once;
int runs, answer;
fsy_once_state_t told;

int
once_fresh(void **state)
{
	(void)state;
	once = (fsy_once_t)FSY_ONCE_INIT;
	runs = answer = 0;
	told = FSY_ONCE_DONE;
	return 0;
}

void plain(void *arg) { (void)arg; runs++; }
int fallible(void *arg) { (void)arg; runs++; return answer; }
int forced(fsy_once_state_t before, void *arg) { (void)arg; runs++; told = before; return answer; }

/* The word is what the inline path compares with; nobody is left in the lot. */
void
assert_done(const fsy_once_t *o)
{
	assert_true(fsy_once_done(o));
	assert_int_equal(fsy_once_state(o), FSY_ONCE_DONE);
	assert_int_equal(fsy_atomic_u64_load(&o->word_), FSY_ONCE_DONE_);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

void
assert_new(const fsy_once_t *o)
{
	assert_false(fsy_once_done(o));
	assert_int_equal(fsy_once_state(o), FSY_ONCE_NEW);
	assert_int_equal(fsy_atomic_u64_load(&o->word_), 0);
}
