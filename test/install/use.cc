// SPDX-License-Identifier: MIT
// The library from C++: a member that needs no constructor, std::thread, and the standard's guard on top.
#include <fastsync.h>

#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

struct lockable {
	fsy_mutex_t m = FSY_MUTEX_INIT;
	void lock() { fsy_mutex_lock(&m); }
	void unlock() { fsy_mutex_unlock(&m); }
	bool try_lock() { return fsy_mutex_trylock(&m); }
};

int
main()
{
	lockable lock;
	long count = 0;
	auto work = [&] {
		for (int i = 0; i < 10000; i++) {
			std::lock_guard<lockable> guard(lock);
			count++;
		}
	};
	std::thread other(work);

	work();
	other.join();
	std::printf("version %s\n", std::strcmp(fsy_version(), FASTSYNC_VERSION) == 0 ? "ok" : fsy_version());
	std::printf("%s\n", count == 20000 && lock.try_lock() && !lock.try_lock() ? "locked and unlocked" : "lost an increment");
}
