/* SPDX-License-Identifier: MIT */
/*
 * sim_rwlock.c - the preload library's pthread_rwlock_t, one step at a time: readers that join while a writer waits, against that writer.
 *
 * Edges exercised: G1 -> G2 of lib/posix/rwlock.c and its store-buffering pair; invariants H1..H3; and those of the rwmutex, on which it stands.
 * The three files are compiled into this one: what else of the preload library they call is in rwlock_rest.h, in a few lines.
 */
#include <posix/rwlock.c>
#include <posix/rwlock_join.c>
#include <posix/rwlock_write.c>

#define CASE_LOCK "rwlock/"
static struct fsyi_rwlock object;
static fsy_rwmutex_t lock __attribute__((alias("object")));
#include "rwmutex_case.h"
#include "rwlock_rest.h"

static pthread_rwlock_t *
rwlock(void)
{
	return (pthread_rwlock_t *)(void *)&object;
}

/* LEAVING, as it is between writers, or 0, as it is before the first of them. */
static void
anew(void)
{
	memset((char *)&object + sizeof(lock), 0, sizeof(object) - sizeof(lock));
	policy = FAIR;
	object.writer.cell_ = sim_random(2) ? FSYI_RW_LEAVING : 0;
	sim_name(&object.writer, sizeof(object.writer), "writer");
	sim_name(&object.lock.readers_, sizeof(object.lock.readers_), "readers");
}

static void setup_lock_any(void) { setup_any(); anew(); }
static void setup_lock_counted(void) { setup_counted(); anew(); }
static void setup_lock_fenced(void) { setup_fenced(); anew(); }
static void setup_lock_plain(void) { setup_plain(); anew(); }
static void setup_lock_once_counted(void) { once_counted(); anew(); }
static void setup_lock_once_fenced(void) { once_fenced(); anew(); }
static void setup_lock_once_plain(void) { once_plain(); anew(); }

static void
nothing_is_held(void)
{
	at_rest();
	SIM_CHECK(!fsyi_rwlock_is_written(object.writer.cell_));
	SIM_CHECK(object.writer.cell_ == FSYI_RW_LEAVING || !(object.writer.cell_ & FSYI_RW_ENTERING));
}

static void
everybody_was_in(void)
{
	nothing_is_held();
	for (int id = 0; id < sim_threads(); id++)
		SIM_CHECK(reads[id] + writes[id] >= rounds);
}

static struct timespec
soon(void)
{
	int64_t at = sim_now() + (int64_t)sim_random(4000);

	return (struct timespec){ at / 1000000000, at % 1000000000 };
}

/* In each of the ways there are. */
static bool
get_in(bool write)
{
	struct timespec time = soon();
	int error;

	switch (sim_random(4)) {
	case 0:
		error = write ? pthread_rwlock_trywrlock(rwlock()) : pthread_rwlock_tryrdlock(rwlock());
		SIM_CHECK(error == 0 || error == EBUSY);
		return error == 0;
	case 1:
		error = write ? pthread_rwlock_clockwrlock(rwlock(), CLOCK_MONOTONIC, &time)
			      : pthread_rwlock_clockrdlock(rwlock(), CLOCK_MONOTONIC, &time);
		SIM_CHECK(error == 0 || (error == ETIMEDOUT && sim_now() >= (int64_t)time.tv_sec * 1000000000 + time.tv_nsec));
		return error == 0;
	default:
		SIM_CHECK((write ? pthread_rwlock_wrlock(rwlock()) : pthread_rwlock_rdlock(rwlock())) == 0);
		return true;
	}
}

static void
write_locked(int id)
{
	SIM_CHECK(pthread_rwlock_wrlock(rwlock()) == 0);
	write_section(id);
	SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
}

/* Reads while it reads: whatever waits, it may. */
static void
read_twice(int id)
{
	SIM_CHECK(pthread_rwlock_rdlock(rwlock()) == 0);
	read_section(id);
	if (sim_random(3) == 0)
		SIM_CHECK(pthread_rwlock_tryrdlock(rwlock()) == 0);
	else
		SIM_CHECK(pthread_rwlock_rdlock(rwlock()) == 0);
	read_section(id);
	SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
	read_section(id);
	SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
}

static void
recursive(int id)
{
	for (int i = 0; i < rounds; i++)
		if (id == 0)
			write_locked(id);
		else
			read_twice(id);
}

static void
recursive_and_writers(int id)
{
	for (int i = 0; i < rounds; i++)
		if (id < 2)
			write_locked(id);
		else
			read_twice(id);
}

/* Writers that give up, and readers of every kind. */
static void
mixed(int id)
{
	for (int i = 0; i < rounds; i++) {
		bool write = sim_random(3) == 0;

		if (!get_in(write))
			continue;
		if (write) {
			write_section(id);
		} else {
			read_section(id);
			if (sim_random(2) == 0 && get_in(false)) {
				read_section(id);
				SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
			}
		}
		SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
	}
}

/*
 * T0 reads until T1 has read, which comes only once T2 waits to write. In glibc T1 need not wait; here it joins once its patience is over.
 */
static fsy_atomic_u32 has_read;

static void
setup_needed(void)
{
	setup_lock_any();
	has_read.cell_ = 0;
}

static void
needed(int id)
{
	switch (id) {
	case 0:
		SIM_CHECK(pthread_rwlock_rdlock(rwlock()) == 0);
		while (fsy_atomic_u32_load(&has_read) == 0)
			fsyi_futex_wait(&has_read, 0, FSY_FOREVER);
		read_section(id);
		SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
		break;
	case 1:
		SIM_CHECK(pthread_rwlock_rdlock(rwlock()) == 0);
		read_section(id);
		fsy_atomic_u32_store(&has_read, 1);
		fsyi_futex_wake(&has_read, 1);
		SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
		break;
	default:
		write_locked(id);
	}
}

static void
needed_check(void)
{
	nothing_is_held();
	SIM_CHECK(reads[0] == 1 && reads[1] == 1 && writes[2] == 1);
}

/* The writer is the last to use the lock: as soon as it has it, its memory may go (I1). What a joined reader still does is by the address. */
static fsy_atomic_u32 came;

static void
setup_life(void)
{
	setup_lock_any();
	came.cell_ = 0;
}

static void
life(int id)
{
	if (id > 0) {
		SIM_CHECK(pthread_rwlock_rdlock(rwlock()) == 0);
		fsy_atomic_u32_add(&came, 1);
		SIM_CHECK(pthread_rwlock_rdlock(rwlock()) == 0);
		read_section(id);
		SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
		SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
		return;
	}
	while (fsy_atomic_u32_load(&came) < (uint32_t)sim_threads() - 1)
		sim_yield();
	if (sim_random(4) == 0)
		while (pthread_rwlock_trywrlock(rwlock()) != 0)
			sim_yield();
	else
		SIM_CHECK(pthread_rwlock_wrlock(rwlock()) == 0);
	write_section(id);
	SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
	sim_kill(&object, sizeof(object));
}

static void
life_check(void)
{
	sim_revive(&object, sizeof(object));
	nothing_is_held();
}

/* Readers that join without having read before (FASTSYNC_RWLOCK=prefer-reader): what earlier writers did comes to them through the one that waits. */
static void
setup_prefer(void)
{
	setup_lock_any();
	policy = PREFER_READER;
}

static void
prefer(int id)
{
	for (int i = 0; i < rounds; i++) {
		if (id == 0) {
			write_locked(id);
			continue;
		}
		SIM_CHECK(pthread_rwlock_rdlock(rwlock()) == 0);
		read_section(id);
		SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
	}
}

/* The reader is the last to use the lock: it may come as soon as the writer is on its way out, and take the lock's memory away (I1). */
static void
last_reader(int id)
{
	bool last = false;

	if (id == 0) {
		write_locked(id);
		return;
	}
	while (!last) {
		while (pthread_rwlock_tryrdlock(rwlock()) != 0)
			sim_yield();
		last = writes[0] == 1;
		SIM_CHECK(pthread_rwlock_unlock(rwlock()) == 0);
		sim_yield();
	}
	sim_kill(&object, sizeof(object));
}

const struct sim_case sim_cases[] = {
	EACH_MODE("recursive", 2, setup_lock, recursive, everybody_was_in, SIM_NO_DFS | SIM_SLOW, 0),
	EACH_MODE("recursive-once", 2, setup_lock_once, recursive, everybody_was_in, SIM_DFS_ONLY, 2),
	EACH_MODE("recursive-trio-once", 3, setup_lock_once, recursive, everybody_was_in, SIM_DFS_ONLY, 2),
	BOTH("recursive-trio", 3, setup_lock_any, recursive, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("recursive-writers", 4, setup_lock_any, recursive_and_writers, everybody_was_in, SIM_NO_DFS | SIM_SLOW, 0),
	BOTH("mixed", 4, setup_lock_any, mixed, nothing_is_held, SIM_NO_DFS | SIM_SLOW, 0),
	BOTH("needed", 3, setup_needed, needed, needed_check, SIM_NO_DFS | SIM_SLOW, 0),
	BOTH("life", 3, setup_life, life, life_check, SIM_NO_DFS, 0),
	BOTH("prefer-reader", 3, setup_prefer, prefer, everybody_was_in, SIM_NO_DFS, 0),
	BOTH("last-reader", 2, setup_prefer, last_reader, life_check, SIM_NO_DFS, 0),
	{ "rwlock/loses-membarrier/tso", 4, setup_lock_any, mixed, nothing_is_held, SIM_TSO | SIM_LOSES_MEMBARRIER | SIM_NO_DFS | SIM_SLOW, 0 },
	{ NULL, 0, NULL, NULL, NULL, 0, 0 },
};
