// SPDX-License-Identifier: MIT
// A C++ exception through a fair rwlock's write guard: it poisons, unless it was on its way before.
#include <fastsync.h>

#include <cstdio>
#include <pthread.h>
#include <stdexcept>
#include <thread>

static int checks, failed;       // counted as cmocka prints them
static fsy_fair_rwlock_t shared = FSY_FAIR_RWLOCK_INIT;

static void
check(bool condition, const char *what)
{
	std::printf("%s fairlock_cxx/%s\n", condition ? "ok" : "not ok", what);
	checks++;
	failed += !condition;
}

static int
locked_and_unlocked()
{
	int error = fsy_fair_rwlock_trylock(&shared);

	if (error != FSY_EBUSY)
		fsy_fair_rwlock_unlock(&shared);
	return error;
}

static void
guarded(bool thrown)
{
	FSY_FAIR_WRITE_GUARD(guard, &shared);
	if (thrown)
		throw std::runtime_error("in the section");
	fsy_fair_write_guard_commit(&guard);
}

struct writes_when_destroyed {
	~writes_when_destroyed()
	{
		FSY_FAIR_WRITE_GUARD(guard, &shared);
	}
};

int
main()
{
	guarded(false);
	check(locked_and_unlocked() == 0, "committed");
	try {
		guarded(true);
	} catch (const std::runtime_error &) {
	}
	check(locked_and_unlocked() == FSY_EPOISONED, "r3 an exception poisons");
	fsy_fair_rwlock_clear_poison(&shared);

	try {
		writes_when_destroyed late;
		throw std::runtime_error("before the section");
	} catch (const std::runtime_error &) {
	}
	check(locked_and_unlocked() == 0, "r2 taken and released while unwinding");

	std::thread([] {
		FSY_FAIR_WRITE_GUARD(guard, &shared);
		pthread_exit(nullptr);
	}).join();
	check(locked_and_unlocked() == FSY_EPOISONED, "r3 pthread_exit unwinds and poisons");
	fsy_fair_rwlock_clear_poison(&shared);
	check(locked_and_unlocked() == 0, "cleared");
	std::printf("[  PASSED  ] %d test(s).\n", checks - failed);
	if (failed > 0)
		std::printf("[  FAILED  ] %d test(s)\n", failed);
	return failed != 0;
}
