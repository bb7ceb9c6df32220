// SPDX-License-Identifier: MIT
// fastsync.hpp under the standard's own guards: who may hold what together, deadlines on two clocks, poison as an exception.
#include <fastsync/fastsync.hpp>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;

static_assert(sizeof(fsy::mutex) == 8 && sizeof(fsy::poison_mutex) == 8 && sizeof(fsy::shared_mutex) == 16);
static_assert(std::is_nothrow_default_constructible_v<fsy::mutex> && std::is_trivially_destructible_v<fsy::shared_mutex>);
static_assert(!std::is_copy_constructible_v<fsy::mutex> && !std::is_move_constructible_v<fsy::poison_mutex>);

static fsy::mutex mutex;
static fsy::shared_mutex shared;
static fsy::poison_mutex poison;
static long count;
static int failures;

static void
check(bool right, const char *what)
{
	std::printf("%s %s\n", right ? "ok" : "not ok", what);
	failures += !right;
}

// What another thread gets.
template<class F> static bool
elsewhere(F attempt)
{
	bool result = false;

	std::thread([&] { result = attempt(); }).join();
	return result;
}

template<class Lock> static bool
is_free(Lock &lock)
{
	return elsewhere([&] { return lock.try_lock() && (lock.unlock(), true); });
}

static void
guards()
{
	auto work = [] {
		for (int i = 0; i < 5000; i++) {
			std::scoped_lock all(mutex, shared, poison);
			count++;
		}
		for (int i = 0; i < 5000; i++) {
			std::lock_guard<fsy::mutex> first(mutex);
			std::unique_lock<fsy::shared_mutex> second(shared);
			count++;
		}
	};
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++)
		threads.emplace_back(work);
	for (auto &thread : threads)
		thread.join();
	check(count == 40000, "scoped_lock, lock_guard and unique_lock exclude");
	check(is_free(mutex) && is_free(shared) && is_free(poison), "and give back");
	{
		std::shared_lock<fsy::shared_mutex> one(shared);
		check(elsewhere([] { return std::shared_lock<fsy::shared_mutex>(shared, std::try_to_lock).owns_lock(); }), "readers together");
		check(!is_free(shared), "and no writer");
	}
	{
		std::unique_lock<fsy::shared_mutex> writer(shared);
		check(!elsewhere([] { return shared.try_lock_shared(); }), "a writer alone");
		check(!elsewhere([] {
			return shared.try_lock_shared_for(2ms) || shared.try_lock_shared_until(std::chrono::system_clock::now() + 2ms);
		}), "for as long as a reader waits");
	}
	check(is_free(shared), "and gives back");
}

template<class Lock> static void
deadlines(Lock &lock, const char *name)
{
	std::unique_lock<Lock> held(lock);
	auto began = std::chrono::steady_clock::now();

	check(!elsewhere([&] { return lock.try_lock_for(5ms); }) && !elsewhere([&] { return lock.try_lock_for(-1s); }) &&
	      !elsewhere([&] { return lock.try_lock_until(std::chrono::steady_clock::now() + 5ms); }) &&
	      !elsewhere([&] { return lock.try_lock_until(std::chrono::system_clock::now() + 5ms); }) &&
	      std::chrono::steady_clock::now() - began >= 15ms, name);
	held.unlock();
	check(elsewhere([&] { return lock.try_lock_for(std::chrono::hours::max()) && (lock.unlock(), true); }), "and is had when free");
}

static void
conditions()
{
	std::condition_variable_any changed;
	bool ready = false;
	std::thread thread([&] {
		std::lock_guard<fsy::mutex> guard(mutex);
		ready = true;
		changed.notify_all();
	});

	{
		std::unique_lock<fsy::mutex> guard(mutex);
		changed.wait(guard, [&] { return ready; });
	}
	thread.join();
	check(ready && is_free(mutex), "condition_variable_any");
}

static void
poisoning()
{
	int told = 0;

	try {
		fsy::poison_guard guard(poison);
		throw std::runtime_error("in the middle");
	} catch (const std::runtime_error &) {
	}
	check(poison.is_poisoned(), "an exception poisons");
	for (int way = 0; way < 4; way++)
		try {
			if (way == 0)
				std::lock_guard<fsy::poison_mutex> guard(poison);
			else if (way == 1)
				(void)poison.try_lock();
			else if (way == 2)
				(void)poison.try_lock_for(1s);
			else
				std::scoped_lock both(mutex, poison);
		} catch (const fsy::poisoned &) {
			told++;
		}
	check(told == 4, "every way in throws");
	check(is_free(mutex), "without either lock");
	{
		fsy::poison_guard guard(poison);
		check(guard.was_poisoned() && !elsewhere([] { return poison.try_lock(); }), "a guard does not throw, and holds it");
		poison.clear_poison();
		guard.commit();
	}
	check(is_free(poison) && !poison.is_poisoned(), "repaired");
}

int
main()
{
	guards();
	deadlines(mutex, "mutex has deadlines");
	deadlines(shared, "shared_mutex has deadlines");
	deadlines(poison, "poison_mutex has deadlines");
	conditions();
	poisoning();
	return failures != 0;
}
