/* SPDX-License-Identifier: MIT */
/*
 * name: std::condition_variable, condition_variable_any, shared_mutex, shared_timed_mutex; cancellation in C++
 * item: 4
 * short: 3000
 * long: 200000
 */
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <cxxabi.h>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "check.h"

using namespace std::chrono_literals;

/* A bounded queue, by wait, wait_for and wait_until in turn. */
template <class Mutex, class Cond> class Queue {
	Mutex mutex_;
	Cond filled_, drained_;
	std::deque<int> items_;

    public:
	void
	put(int item)
	{
		std::unique_lock<Mutex> lock(mutex_);

		drained_.wait(lock, [this] { return items_.size() < 4; });
		items_.push_back(item);
		filled_.notify_one();
	}

	int
	get(int way)
	{
		std::unique_lock<Mutex> lock(mutex_);
		auto any = [this] { return !items_.empty(); };

		if (way % 3 == 0)
			filled_.wait(lock, any);
		else if (way % 3 == 1)
			while (!filled_.wait_for(lock, 1ms, any)) {
			}
		else
			while (!filled_.wait_until(lock, std::chrono::system_clock::now() + 1ms, any)) {
			}
		int item = items_.front();
		items_.pop_front();
		if (way % 2)
			drained_.notify_one();
		else
			drained_.notify_all();
		return item;
	}
};

template <class Mutex, class Cond>
static void
queues(int items)
{
	Queue<Mutex, Cond> queue;
	std::atomic<long> sum{ 0 };
	std::vector<std::thread> threads;
	long expected = 0;

	for (int i = 0; i < 2; i++)
		threads.emplace_back([&] {
			for (int n = 1; n <= items; n++)
				queue.put(n);
		});
	for (int i = 0; i < 2; i++)
		threads.emplace_back([&] {
			for (int n = 0; n < items; n++)
				sum += queue.get(n);
		});
	for (auto &thread : threads)
		thread.join();
	for (int n = 1; n <= items; n++)
		expected += 2 * n;
	CHECK(sum == expected);
}

template <class Shared>
static void
shared(int rounds)
{
	Shared lock;
	long a = 0, b = 0;
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++)
		threads.emplace_back([&, i] {
			for (int n = 0; n < rounds; n++) {
				if ((n + i) % 8 == 0) {
					std::unique_lock<Shared> writer(lock);
					a++;
					b++;
				} else {
					std::shared_lock<Shared> reader(lock);
					CHECK(a == b);
				}
			}
		});
	for (auto &thread : threads)
		thread.join();
	CHECK(a == b && a == rounds / 8 * 4);
}

static void
timed()
{
	std::shared_timed_mutex lock;

	lock.lock();
	std::thread([&] {
		CHECK(!lock.try_lock());
		CHECK(!lock.try_lock_shared());
		CHECK(!lock.try_lock_for(3ms));
		CHECK(!lock.try_lock_until(std::chrono::system_clock::now() + 3ms));
		CHECK(!lock.try_lock_shared_for(3ms));
		CHECK(!lock.try_lock_shared_until(std::chrono::system_clock::now() + 3ms));
	}).join();
	lock.unlock();
	CHECK(lock.try_lock_shared_for(100s));
	std::thread([&] {
		CHECK(lock.try_lock_shared_until(std::chrono::system_clock::now() + 100s));
		CHECK(!lock.try_lock_until(std::chrono::steady_clock::now() + 3ms));
		lock.unlock_shared();
	}).join();
	lock.unlock_shared();
	CHECK(lock.try_lock_for(100s));
	lock.unlock();
}

/* A cancelled thread leaves a wait as by an exception: destructors run, with the mutex held, and a handler may look and pass it on. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static std::atomic<int> tid, left_by, destroyed;

struct Guard {
	Guard() { CHECK_IS(pthread_mutex_lock(&mutex), 0); }
	~Guard()
	{
		CHECK_IS(pthread_mutex_trylock(&mutex), EBUSY);
		CHECK_IS(pthread_mutex_unlock(&mutex), 0);
		destroyed++;
	}
};

static void *
wait_for_ever(void *how)
{
	Guard guard;

	tid = gettid();
	try {
		if (how)
			pthread_exit(nullptr);
		for (;;)
			pthread_cond_wait(&cond, &mutex);
	} catch (abi::__forced_unwind &) {
		left_by++;
		throw;
	}
}

static void
unwound()
{
	for (int i = 0; i < 50; i++) {
		pthread_t thread;

		tid = left_by = destroyed = 0;
		CHECK_IS(pthread_create(&thread, nullptr, wait_for_ever, i % 5 == 4 ? &cond : nullptr), 0);
		while (tid == 0)
			std::this_thread::yield();
		if (i % 5 < 4) {
			if (i % 2)
				wait_asleep(tid);
			pthread_cancel(thread);
		}
		CHECK(join(thread) == (i % 5 < 4 ? PTHREAD_CANCELED : nullptr));
		CHECK_IS(left_by, 1);
		CHECK_IS(destroyed, 1);
	}
	CHECK_IS(pthread_mutex_trylock(&mutex), 0);
	CHECK_IS(pthread_mutex_unlock(&mutex), 0);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 3000;

	queues<std::mutex, std::condition_variable>(rounds);
	queues<std::mutex, std::condition_variable_any>(rounds);
	queues<std::timed_mutex, std::condition_variable_any>(rounds);
	queues<std::shared_mutex, std::condition_variable_any>(rounds);
	shared<std::shared_mutex>(rounds / 8 * 8);
	shared<std::shared_timed_mutex>(rounds / 8 * 8);
	timed();
	unwound();
	return 0;
}
