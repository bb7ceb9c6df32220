/* SPDX-License-Identifier: MIT */
/*
 * name: the lost wake-up of glibc's condition variables before 2.41, BZ 25847, shown: a waiter is held up at each of its instructions
 * item: 12
 * short: 16
 * long: 0
 *
 * glibc before 2.41 keeps two groups of waiters. One that has taken its signal, and only then finds that its group is history, believes that
 * it may have taken a younger group's, and gives one to the group that is there now. Somebody there wakes up for nothing, the group
 * is still counted as large as it was, and the next signal goes to a waiter of it that there is not. So: one waiter runs by single
 * steps and is held up at the N-th instruction after its signal, for each N there is; meanwhile the groups change twice; it goes on; and
 * then comes the signal that nobody hears. Only an item that stays there while everybody sleeps counts as lost: the groups are glibc's, the
 * demand is POSIX's.
 * Argument: how many of the instructions to try under preload, drawn at random; 0 is all of them. Without us all are tried until the loss is
 * shown, and where is said on stderr; if that libc loses nothing, the test is skipped there.
 */
#include <signal.h>
#include <sys/syscall.h>
#include "check.h"

#if !defined(__x86_64__)
int
main(void)
{
	puts("single steps are known for x86-64 only");
	return 77;
}
#else

enum { WAITERS = 3, QUIET_US = 150, QUIET_LOOKS = 3, STUCK_MS = 1000, BLOCKED_MS = 40, MOST_STEPS = 20000, TRAP_FLAG = 0x100 };

static struct waiter {
	pthread_t thread;
	_Atomic int tid;
} waiters[WAITERS];

static struct run {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	_Atomic int items, over, calls;         /* calls: how many signals have returned */
	_Atomic int counting, steps, held, go_on;
	int stop_at;
} r;

/* After each instruction of the stepped waiter. */
static void
step(int signal, siginfo_t *info, void *context)
{
	int before = errno;

	(void)signal;
	(void)info;
	if (r.counting && ++r.steps == r.stop_at) {
		((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
		r.held = 1;
		while (!r.go_on)
			syscall(SYS_futex, &r.go_on, 0 | 128, 0, NULL, NULL, 0);
		r.held = 0;
	}
	errno = before;
}

static void
set_trap_flag(bool on)
{
	if (on)
		__asm__ volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; add $128, %%rsp" ::: "memory", "cc");
	else
		__asm__ volatile("sub $128, %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; add $128, %%rsp" ::: "memory", "cc");
}

static void *
consume(void *arg)
{
	struct waiter *w = arg;
	bool stepped = w == &waiters[0];

	w->tid = gettid();
	CHECK_IS(pthread_mutex_lock(&r.mutex), 0);
	while (!r.over) {
		if (r.items > 0) {
			r.items--;
			continue;
		}
		if (stepped)
			set_trap_flag(true);
		CHECK_IS(pthread_cond_wait(&r.cond, &r.mutex), 0);
		if (stepped)
			set_trap_flag(false);
		stepped = false;
	}
	CHECK_IS(pthread_mutex_unlock(&r.mutex), 0);
	return NULL;
}

static void *
signaller(void *arg)
{
	(void)arg;
	CHECK_IS(pthread_mutex_lock(&r.mutex), 0);
	r.items++;
	CHECK_IS(pthread_mutex_unlock(&r.mutex), 0);
	CHECK_IS(pthread_cond_signal(&r.cond), 0);
	r.calls++;
	return NULL;
}

static bool
is_asleep(int tid)
{
	char path[64], text[512], *end = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (f != NULL && fgets(text, sizeof(text), f) != NULL)
		end = strrchr(text, ')');
	if (f != NULL)
		fclose(f);
	return end != NULL && end[1] == ' ' && end[2] == 'S';
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Until all who were started sleep, held up or waiting, and did so a moment ago. */
static void
wait_quiet(int started)
{
	for (int looks = 0; looks < QUIET_LOOKS; looks++) {
		for (int i = 0; i < started; i++)
			while (waiters[i].tid == 0 || !is_asleep(waiters[i].tid)) {
				looks = 0;
				nap_us(50);
			}
		nap_us(QUIET_US);
	}
}

static void
go_on(void)
{
	r.go_on = 1;
	syscall(SYS_futex, &r.go_on, 1 | 128, 1, NULL, NULL, 0);
}

/* An item, and one signal. Whoever is held up may have what this call needs, and is then let go: no loss, and the round shows less. */
static void
give(int started)
{
	int calls = r.calls;
	double since = now_ms();
	pthread_t thread = start(signaller, NULL);

	while (r.calls == calls) {
		nap_us(50);
		if (now_ms() - since > BLOCKED_MS)
			go_on();
	}
	join(thread);
	wait_quiet(started);
}

static bool
is_lost(void)
{
	double since = now_ms();

	while (r.items > 0 && now_ms() - since < STUCK_MS) {
		for (int i = 0; i < WAITERS; i++)
			if (!is_asleep(waiters[i].tid))
				since = now_ms();
		nap_us(100);
	}
	return r.items > 0;
}

/* The steps that the waiter made after its signal; or -1: an item was lost. */
static int
play(int stop_at)
{
	memset(&r, 0, sizeof(r));
	memset(waiters, 0, sizeof(waiters));
	r.stop_at = stop_at;
	CHECK_IS(pthread_mutex_init(&r.mutex, NULL), 0);
	CHECK_IS(pthread_cond_init(&r.cond, NULL), 0);
	for (int i = 0; i < WAITERS; i++) {
		waiters[i].thread = start(consume, &waiters[i]);
		wait_quiet(i + 1);
		r.counting = 1;
		give(i + 1);            /* to the first, which is held up; the second takes it, and its own; and so on */
	}
	go_on();
	wait_quiet(WAITERS);
	give(WAITERS);
	if (is_lost())
		return -1;              /* they sleep for ever */
	CHECK_IS(pthread_mutex_lock(&r.mutex), 0);
	r.over = 1;
	CHECK_IS(pthread_cond_broadcast(&r.cond), 0);
	CHECK_IS(pthread_mutex_unlock(&r.mutex), 0);
	for (int i = 0; i < WAITERS; i++)
		join(waiters[i].thread);
	return r.steps;
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = step, .sa_flags = SA_SIGINFO };
	int tries = argc > 1 ? atoi(argv[1]) : 0, most;
	uint32_t seed = seed_of_run();

	sigaction(SIGTRAP, &action, NULL);
	most = play(0);
	CHECK(most > 10 && most < MOST_STEPS);
	if (tries == 0 || !preloaded())
		tries = most;
	for (int i = 1; i <= tries; i++) {
		int at = tries == most ? i : 1 + (int)(draw(&seed) % (uint32_t)most);

		if (play(at) >= 0)
			continue;
		fprintf(stderr, "lost: a waiter held up at instruction %d after its signal, of %d\n", at, most);
		return preloaded();
	}
	fprintf(stderr, "nothing lost at %d places, of %d\n", tries, most);
	if (preloaded())
		return 0;
	puts("this libc loses no wake-up");
	return 77;
}
#endif
