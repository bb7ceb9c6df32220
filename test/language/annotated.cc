// SPDX-License-Identifier: MIT
// The same for fastsync.hpp, where a lock and what it guards are members of one class.
#include <fastsync/fastsync.hpp>

class account {
public:
	void deposit(long amount)
	{
		fsy::scoped<fsy::mutex> guard(lock_);
		balance_ += amount;
	}
	long balance() const
	{
		fsy::shared_scoped<fsy::shared_mutex> guard(limits_lock_);
		return limit_;
	}
	void limit(long limit)
	{
		fsy::scoped<fsy::shared_mutex> guard(limits_lock_);
		limit_ = limit;
	}
	void journal()
	{
		fsy::poison_guard guard(journal_lock_);
		entries_++;
		guard.commit();
	}
	bool try_deposit(long amount)
	{
		if (!lock_.try_lock())
			return false;
		settle();
		balance_ += amount;
		lock_.unlock();
		return true;
	}
#ifdef WRONG
	void careless(long amount)
	{
		balance_ += amount; // warns
		settle(); // warns
		fsy::shared_scoped<fsy::shared_mutex> guard(limits_lock_);
		limit_ = amount; // warns
	}
	void keeps()
	{
		lock_.lock();
	} // warns
	void too_late()
	{
		{
			fsy::poison_guard guard(journal_lock_);
			guard.commit();
		}
		entries_++; // warns
	}
#endif

private:
	void settle() FSY_REQUIRES(lock_) { balance_ -= 1; }

	fsy::mutex lock_;
	mutable fsy::shared_mutex limits_lock_;
	fsy::poison_mutex journal_lock_;
	long balance_ FSY_GUARDED_BY(lock_) = 0;
	long limit_ FSY_GUARDED_BY(limits_lock_) = 0;
	long entries_ FSY_GUARDED_BY(journal_lock_) = 0;
};

void use(account &a);
void
use(account &a)
{
	a.deposit(1);
	a.limit(a.balance());
	a.journal();
	a.try_deposit(1);
}
