/* SPDX-License-Identifier: MIT */
/* rwlock_rest.h - what lib/posix/rwlock*.c call of the preload library's other files, as far as a scenario needs it. For sim_rwlock.c. */
#ifndef RWLOCK_REST_H
#define RWLOCK_REST_H

__thread struct fsyi_self fsyi_self __attribute__((tls_model("initial-exec")));
struct fsyi_policy fsyi_policy;

uint32_t
fsyi_self_ask(void)
{
	return fsyi_thread_id();
}

fsyi_real_fn
fsyi_real(enum fsyi_real_name name)
{
	sim_fail("libc's function %d is called for an object of ours", (int)name);
}

void
fsyi_report_taken(const void *taken, enum fsyi_lock_kind kind, const void *site, int64_t wait_ns)
{
	sim_fail("%p of kind %d is reported at %p after %lld ns", taken, (int)kind, site, (long long)wait_ns);
}

int
fsyi_deadline(clockid_t clock, const struct timespec *time, fsy_deadline_t *deadline)
{
	(void)clock;
	*deadline = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
	return 0;
}

const char *
fsyi_tune_variable(const char *name)
{
	(void)name;
	return NULL;
}

void
fsyi_tune_complain(const char *name, const char *text, const char *expected)
{
	(void)name;
	(void)text;
	(void)expected;
}

int64_t
fsyi_now_realtime(void)
{
	return fsyi_now();
}

#endif
