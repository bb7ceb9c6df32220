/* SPDX-License-Identifier: MIT */
/*
 * name: the mutexes of C++ and call_once, with functions that throw
 * item: 4
 * short: all
 */
#include "try.h"

#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

enum { THREADS = 8, ROUNDS = 20000 };

template <typename Mutex>
static void
fight()
{
	static Mutex mutex;             /* no constructor, no destructor: nobody is told */
	static long counter;
	std::vector<std::thread> threads;

	for (int i = 0; i < THREADS; i++)
		threads.emplace_back([] {
			for (int j = 0; j < ROUNDS; j++) {
				std::lock_guard<Mutex> guard(mutex);
				counter++;
			}
		});
	for (auto &thread : threads)
		thread.join();
	TRY_IS(counter, (long)THREADS * ROUNDS);
}

template <typename Mutex>
static void
try_timed()
{
	Mutex mutex;
	std::lock_guard<Mutex> guard(mutex);

	std::thread([&] {
		TRY(!mutex.try_lock());
		TRY(!mutex.try_lock_for(std::chrono::milliseconds(20)));
		TRY(!mutex.try_lock_until(std::chrono::system_clock::now() + std::chrono::milliseconds(20)));
		TRY(!mutex.try_lock_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(20)));
	}).join();
}

struct counted {
	int &count;
	~counted() { count++; }
};

/* Each failing run is undone on the way out, and another thread's turn comes; the objects of the function are destroyed. */
static void
try_once()
{
	std::once_flag flag;
	std::vector<std::thread> threads;
	static int runs, thrown, destroyed;

	for (int i = 0; i < THREADS; i++)
		threads.emplace_back([&] {
			try {
				std::call_once(flag, [] {
					counted object{ destroyed };

					if (++runs <= 5)
						throw std::runtime_error("not yet");
				});
			} catch (const std::runtime_error &) {
				__atomic_add_fetch(&thrown, 1, __ATOMIC_RELAXED);
			}
		});
	for (auto &thread : threads)
		thread.join();
	TRY_IS(runs, 6);
	TRY_IS(thrown, 5);
	TRY_IS(destroyed, 6);
	std::call_once(flag, [] { runs++; });
	TRY_IS(runs, 6);
}

/* One once inside another, the inner of which throws through both. */
static void
try_nested()
{
	static std::once_flag outer, inner;
	int inner_runs = 0, outer_runs = 0;

	for (int i = 0; i < 3; i++)
		try {
			std::call_once(outer, [&] {
				outer_runs++;
				std::call_once(inner, [&] {
					if (++inner_runs == 1)
						throw 1;
				});
				if (outer_runs == 2)
					throw 2;
			});
		} catch (int) {
		}
	TRY_IS(inner_runs, 2);
	TRY_IS(outer_runs, 3);
}

int
main()
{
	fight<std::mutex>();
	fight<std::recursive_mutex>();
	fight<std::timed_mutex>();
	fight<std::recursive_timed_mutex>();
	try_timed<std::timed_mutex>();
	try_timed<std::recursive_timed_mutex>();
	try_once();
	try_nested();
	return errors != 0;
}
