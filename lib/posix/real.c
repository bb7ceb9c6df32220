/* SPDX-License-Identifier: MIT */
/*
 * real.c - finding libc's own functions.
 *
 * All are looked up when the library starts, so that no lock is ever waited for with the loader's lock in between: a thread in dlopen
 * holds that one while it runs constructors. Only what is called before that is looked up at the call.
 *
 * ORDER   T1 store_rel the address -> T2 load_acq    (MP) nothing but the address; two threads may both look it up.
 */
#include "real.h"
#include "../sys/fatal.h"

#include <dlfcn.h>
#include <fastsync/atomic.h>

#define MOST_VERSIONS 4

/* What is looked up, and in which versions: the newest first, for several of one name may be different functions. */
static const struct wanted {
	const char *name;
	const char *versions[MOST_VERSIONS];
} wanted[] = {
#define DELEGATES(result, name, parameters, arguments, ...) { #name, { __VA_ARGS__, "GLIBC_2.17" } },
#define OWN(name)
#define ALIAS(name, of)
#define LEFT(name, why)
#include "interpose.def"
#undef DELEGATES
};

static fsy_atomic_ptr found[FSYI_REAL_COUNT];
static __thread bool looking __attribute__((tls_model("initial-exec")));

static void *
look_up(const struct wanted *w)
{
	void *address = NULL;

	/* The lookup may allocate, and the allocator may use a lock of any kind. */
	if (looking)
		fsyi_fatal("%s is needed while libc's functions are being looked up", w->name);
	looking = true;
	for (int i = 0; i < MOST_VERSIONS && address == NULL && w->versions[i] != NULL; i++)
		address = dlvsym(RTLD_NEXT, w->name, w->versions[i]);
	if (address == NULL)
		address = dlsym(RTLD_NEXT, w->name);
	looking = false;
	return address;
}

fsyi_real_fn
fsyi_real(enum fsyi_real_name name)
{
	void *address = fsy_atomic_ptr_load_acq(&found[name]);                                  /* T2 <- T1 */

	if (FSY_UNLIKELY(address == NULL)) {
		address = look_up(&wanted[name]);
		if (address == NULL)
			fsyi_fatal("there is no %s in this program's libc", wanted[name].name);
		fsy_atomic_ptr_store_rel(&found[name], address);                                /* T1 -> T2 */
	}
	return (fsyi_real_fn)(uintptr_t)address;
}

__attribute__((constructor)) static void
look_up_all(void)
{
	for (int i = 0; i < FSYI_REAL_COUNT; i++) {
		void *address = look_up(&wanted[i]);

		if (address != NULL)            /* an older libc lacks the newest names, which nobody then calls */
			fsy_atomic_ptr_store_rel(&found[i], address);                           /* T1 -> T2 */
	}
}
