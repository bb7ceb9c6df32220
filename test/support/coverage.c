/* SPDX-License-Identifier: MIT */
/* coverage.c - in a build that counts what is reached (make coverage): a process that ends at once leaves its counts behind all the same. */
#ifdef FSYI_COVERAGE
void __gcov_dump(void);
void __real_abort(void) __attribute__((noreturn));
void __real__exit(int status) __attribute__((noreturn));
void __wrap_abort(void) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

void
__wrap_abort(void)
{
	__gcov_dump();
	__real_abort();
}

void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
#else
typedef int coverage_is_off;             /* a file may not be empty */
#endif
