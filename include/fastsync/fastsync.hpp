// SPDX-License-Identifier: MIT
//
// fastsync.hpp - the locks as C++17 classes that the standard's guards take: std::lock_guard, std::unique_lock,
// std::scoped_lock, std::shared_lock, and std::condition_variable_any on top. Header only; the objects are the C ones, of the
// same size, constant-initialised, and need no destruction.
//
//   fsy::mutex         Lockable, TimedLockable             fsy_mutex_t
//   fsy::shared_mutex  the same, and SharedTimedLockable   fsy_rwmutex_t
//   fsy::poison_mutex  Lockable, TimedLockable             fsy_poison_mutex_t; throws fsy::poisoned, without the lock
//   fsy::poison_guard  holds one for a scope, poisoned or not, and poisons it unless committed (FSY_POISON_GUARD)
//   fsy::scoped, fsy::shared_scoped   guards that clang's thread-safety analysis understands
//
// No call here allocates but for the exception; order, fairness and what is not allowed are those of the C functions.
//
#ifndef FASTSYNC_HPP
#define FASTSYNC_HPP

#include <chrono>
#include <exception>

#include <fastsync/mutex.h>
#include <fastsync/poison.h>
#include <fastsync/rwmutex.h>

namespace fsy {

namespace detail {

// std::chrono::steady_clock is CLOCK_MONOTONIC, as a fsy_deadline_t is; a deadline beyond its range is none.
template<class Rep, class Period>
inline fsy_deadline_t
after(const std::chrono::duration<Rep, Period> &span)
{
	using namespace std::chrono;

	if (span <= span.zero())
		return 0;
	if (duration<double>(span) >= duration<double>(9e9))
		return FSY_FOREVER;
	return fsy_after_ns(duration_cast<nanoseconds>(span).count() + 1);
}

// Another clock may be set: whoever waits by it looks at it again when the wait is over.
template<class Clock, class Duration, class Try>
inline bool
until(const std::chrono::time_point<Clock, Duration> &when, Try attempt)
{
	for (;;) {
		if (attempt(after(when - Clock::now())))
			return true;
		if (Clock::now() >= when)
			return false;
	}
}

} // namespace detail

class FSY_CAPABILITY("mutex") mutex {
public:
	constexpr mutex() noexcept = default;
	mutex(const mutex &) = delete;
	mutex &operator=(const mutex &) = delete;

	void lock() FSY_ACQUIRE() FSY_NO_ANALYSIS { fsy_mutex_lock(&m_); }
	bool try_lock() FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS { return fsy_mutex_trylock(&m_); }
	void unlock() FSY_RELEASE() FSY_NO_ANALYSIS { fsy_mutex_unlock(&m_); }
	void unlock_fair() FSY_RELEASE() FSY_NO_ANALYSIS { fsy_mutex_unlock_fair(&m_); }

	template<class Rep, class Period>
	bool try_lock_for(const std::chrono::duration<Rep, Period> &span) FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS
	{
		return fsy_mutex_lock_until(&m_, detail::after(span)) == 0;
	}
	template<class Clock, class Duration>
	bool try_lock_until(const std::chrono::time_point<Clock, Duration> &when) FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS
	{
		return detail::until(when, [this](fsy_deadline_t deadline) FSY_NO_ANALYSIS { return fsy_mutex_lock_until(&m_, deadline) == 0; });
	}

	fsy_mutex_t *native_handle() noexcept { return &m_; }

private:
	fsy_mutex_t m_ = FSY_MUTEX_INIT;
};

class FSY_CAPABILITY("shared mutex") shared_mutex {
public:
	constexpr shared_mutex() noexcept = default;
	shared_mutex(const shared_mutex &) = delete;
	shared_mutex &operator=(const shared_mutex &) = delete;

	void lock() FSY_ACQUIRE() FSY_NO_ANALYSIS { fsy_rwmutex_lock(&rw_); }
	bool try_lock() FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS { return fsy_rwmutex_trylock(&rw_); }
	void unlock() FSY_RELEASE() FSY_NO_ANALYSIS { fsy_rwmutex_unlock(&rw_); }
	void lock_shared() FSY_ACQUIRE_SHARED() FSY_NO_ANALYSIS { fsy_rwmutex_rlock(&rw_); }
	bool try_lock_shared() FSY_TRY_ACQUIRE_SHARED(true) FSY_NO_ANALYSIS { return fsy_rwmutex_tryrlock(&rw_); }
	void unlock_shared() FSY_RELEASE_SHARED() FSY_NO_ANALYSIS { fsy_rwmutex_runlock(&rw_); }

	template<class Rep, class Period>
	bool try_lock_for(const std::chrono::duration<Rep, Period> &span) FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS
	{
		return fsy_rwmutex_lock_until(&rw_, detail::after(span)) == 0;
	}
	template<class Clock, class Duration>
	bool try_lock_until(const std::chrono::time_point<Clock, Duration> &when) FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS
	{
		return detail::until(when, [this](fsy_deadline_t deadline) FSY_NO_ANALYSIS { return fsy_rwmutex_lock_until(&rw_, deadline) == 0; });
	}
	template<class Rep, class Period>
	bool try_lock_shared_for(const std::chrono::duration<Rep, Period> &span) FSY_TRY_ACQUIRE_SHARED(true) FSY_NO_ANALYSIS
	{
		return fsy_rwmutex_rlock_until(&rw_, detail::after(span)) == 0;
	}
	template<class Clock, class Duration>
	bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration> &when) FSY_TRY_ACQUIRE_SHARED(true) FSY_NO_ANALYSIS
	{
		return detail::until(when, [this](fsy_deadline_t deadline) FSY_NO_ANALYSIS { return fsy_rwmutex_rlock_until(&rw_, deadline) == 0; });
	}

	fsy_rwmutex_t *native_handle() noexcept { return &rw_; }

private:
	fsy_rwmutex_t rw_ = FSY_RWMUTEX_INIT;
};

// Thrown by lock() and its kin; the lock is not held then. Who wants to repair uses poison_guard, which does not throw.
class poisoned : public std::exception {
public:
	const char *what() const noexcept override { return "fastsync: lock is poisoned"; }
};

class FSY_CAPABILITY("poison mutex") poison_mutex {
public:
	constexpr poison_mutex() noexcept = default;
	poison_mutex(const poison_mutex &) = delete;
	poison_mutex &operator=(const poison_mutex &) = delete;

	void lock() FSY_ACQUIRE() FSY_NO_ANALYSIS { got(fsy_poison_mutex_lock(&m_)); }
	bool try_lock() FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS { return got(fsy_poison_mutex_trylock(&m_)); }
	void unlock() FSY_RELEASE() FSY_NO_ANALYSIS { fsy_poison_mutex_unlock(&m_); }

	template<class Rep, class Period>
	bool try_lock_for(const std::chrono::duration<Rep, Period> &span) FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS
	{
		return got(fsy_poison_mutex_lock_until(&m_, detail::after(span)));
	}
	template<class Clock, class Duration>
	bool try_lock_until(const std::chrono::time_point<Clock, Duration> &when) FSY_TRY_ACQUIRE(true) FSY_NO_ANALYSIS
	{
		return detail::until(when, [this](fsy_deadline_t deadline) FSY_NO_ANALYSIS {
			return got(fsy_poison_mutex_lock_until(&m_, deadline));
		});
	}

	void poison() noexcept { fsy_poison_mutex_poison(&m_); }
	void clear_poison() noexcept { fsy_poison_mutex_clear_poison(&m_); }
	bool is_poisoned() const noexcept { return fsy_poison_mutex_is_poisoned(&m_); }
	fsy_poison_mutex_t *native_handle() noexcept { return &m_; }

private:
	bool got(int error) FSY_NO_ANALYSIS
	{
		if (error == FSY_EPOISONED) {
			fsy_poison_mutex_unlock(&m_);
			throw poisoned();
		}
		return error == 0;
	}
	fsy_poison_mutex_t m_ = FSY_POISON_MUTEX_INIT;
};

// The C guard's rule: poisons unless committed, or taken while an exception was already on its way.
class FSY_SCOPED_CAPABILITY poison_guard {
public:
	explicit poison_guard(poison_mutex &m) FSY_ACQUIRE(m) FSY_NO_ANALYSIS
		: guard_(fsy_poison_guard_enter_(m.native_handle(), FSY_UNWINDING_())) {}
	~poison_guard() FSY_RELEASE() FSY_NO_ANALYSIS { fsy_poison_guard_leave_(&guard_); }
	poison_guard(const poison_guard &) = delete;
	poison_guard &operator=(const poison_guard &) = delete;

	bool was_poisoned() const noexcept { return guard_.error == FSY_EPOISONED; }
	void commit() noexcept { fsy_poison_guard_commit(&guard_); }

private:
	fsy_poison_guard guard_;
};

template<class Lock>
class FSY_SCOPED_CAPABILITY scoped {
public:
	explicit scoped(Lock &lock) FSY_ACQUIRE(lock) FSY_NO_ANALYSIS : lock_(lock) { lock_.lock(); }
	~scoped() FSY_RELEASE() FSY_NO_ANALYSIS { lock_.unlock(); }
	scoped(const scoped &) = delete;
	scoped &operator=(const scoped &) = delete;

private:
	Lock &lock_;
};

template<class Lock>
class FSY_SCOPED_CAPABILITY shared_scoped {
public:
	explicit shared_scoped(Lock &lock) FSY_ACQUIRE_SHARED(lock) FSY_NO_ANALYSIS : lock_(lock) { lock_.lock_shared(); }
	~shared_scoped() FSY_RELEASE() FSY_NO_ANALYSIS { lock_.unlock_shared(); }
	shared_scoped(const shared_scoped &) = delete;
	shared_scoped &operator=(const shared_scoped &) = delete;

private:
	Lock &lock_;
};

} // namespace fsy

#endif
