// SPDX-License-Identifier: MIT
// R1, R2 in C++: exceptions, locks taken while one is on its way, forced unwinding, thread_local destructors.
#include <fastsync/fastsync.hpp>

#include <cstdio>
#include <pthread.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>

static fsy_poison_mutex_t lock;
static int failures;

static void
expect(const char *what, bool poisoned)
{
	int error = fsy_poison_mutex_trylock(&lock);
	bool right = error == (poisoned ? FSY_EPOISONED : 0);

	std::printf("%s r%s\n", right ? "ok" : "not ok", what);
	failures += !right;
	if (error != FSY_EBUSY) {
		fsy_poison_mutex_clear_poison(&lock);
		fsy_poison_mutex_unlock(&lock);
	}
}

template<class F> static void
caught(F body)
{
	try {
		body();
	} catch (const std::runtime_error &) {
	}
}

static void
guarded(bool commit)
{
	FSY_POISON_GUARD(guard, &lock);
	if (commit)
		fsy_poison_guard_commit(&guard);
}

// What destructors do when an exception runs them.
struct plain_in_destructor {
	~plain_in_destructor() { if (fsy_poison_mutex_lock(&lock) == 0) fsy_poison_mutex_unlock(&lock); }
};
struct guard_in_destructor {
	bool commit;
	~guard_in_destructor() { guarded(commit); }
};
struct throws_in_destructor {
	~throws_in_destructor()
	{
		caught([] {
			FSY_POISON_GUARD(guard, &lock);
			throw std::runtime_error("inner");
		});
	}
};

struct holder {
	bool held = false;
	~holder() { if (held) fsy_poison_mutex_unlock(&lock); }
};
static thread_local holder kept;

static void *
cancelled(void *arg)
{
	FSY_POISON_GUARD(guard, &lock);
	pthread_barrier_wait(static_cast<pthread_barrier_t *>(arg));
	while (pause() < 0) {
	}
	return nullptr;
}

static void
in_one_thread()
{
	caught([] {
		FSY_POISON_GUARD(guard, &lock);
		throw std::runtime_error("before commit");
	});
	expect("1 exception leaves a guard", true);
	caught([] {
		FSY_POISON_GUARD(guard, &lock);
		fsy_poison_guard_commit(&guard);
		throw std::runtime_error("after commit");
	});
	expect("1 exception after commit", false);
	caught([] {
		plain_in_destructor in_the_way;
		throw std::runtime_error("outer");
	});
	expect("2 lock and unlock while unwinding", false);
	for (int commit = 0; commit < 2; commit++) {
		caught([commit] {
			guard_in_destructor in_the_way{ commit != 0 };
			throw std::runtime_error("outer");
		});
		expect(commit ? "2 guard while unwinding, committed" : "2 guard while unwinding", false);
	}
	caught([] {
		throws_in_destructor in_the_way;
		throw std::runtime_error("outer");
	});
	expect("2 guard while unwinding, left by another exception", false);
	{
		guard_in_destructor in_good_order{ false };
	}
	expect("1 destructor that nothing is thrown past", true);
}

static void
in_threads()
{
	pthread_barrier_t inside;
	pthread_t thread;

	std::thread([] {
		FSY_POISON_GUARD(guard, &lock);
		pthread_exit(nullptr);
	}).join();
	expect("1 pthread_exit leaves a guard", true);
	pthread_barrier_init(&inside, nullptr, 2);
	pthread_create(&thread, nullptr, cancelled, &inside);
	pthread_barrier_wait(&inside);
	pthread_cancel(thread);
	pthread_join(thread, nullptr);
	expect("1 cancellation leaves a guard", true);
	std::thread([] { failures += fsy_poison_mutex_lock(&lock) != 0; }).join();
	expect("1 thread ends with the lock", true);
	std::thread([] {
		failures += fsy_poison_mutex_lock(&lock) != 0;
		kept.held = true;
	}).join();
	expect("1 thread_local destructor unlocks", false);
}

int
main()
{
	in_one_thread();
	in_threads();
	return failures != 0;
}
