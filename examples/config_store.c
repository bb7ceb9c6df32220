/* SPDX-License-Identifier: MIT */
/*
 * config_store.c - a configuration that is read all the time and replaced now and then. Under the rwmutex readers use the settings in
 * place. Under liburcu they use what the writer published, and the writer frees the old one when nobody uses it.
 * Notice: readers write nothing that others write in both. What each costs beside a thread that reads goes to stderr.
 */
#include <fastsync.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <urcu/urcu-memb.h>

enum { READS = 200000, VERSIONS = 50 };
struct config { int version, limit; };          /* whole if limit is 10 times version */
struct store { const char *name; bool (*is_whole)(void); void (*replace)(int version); };

static fsy_rwmutex_t lock;
static struct config current, *published;       /* guarded by lock; replaced as a whole */
static fsy_atomic_i32 mixed, stop;

static bool
locked_is_whole(void)
{
	fsy_rwmutex_rlock(&lock);
	bool whole = current.limit == 10 * current.version;
	fsy_rwmutex_runlock(&lock);
	return whole;
}

static void
replace_locked(int version)
{
	fsy_rwmutex_lock(&lock);
	current = (struct config){ version, 10 * version };
	fsy_rwmutex_unlock(&lock);
}

static bool
published_is_whole(void)
{
	urcu_memb_read_lock();
	const struct config *config = rcu_dereference(published);
	bool whole = config->limit == 10 * config->version;
	urcu_memb_read_unlock();
	return whole;
}

static void
replace_published(int version)
{
	struct config *fresh = malloc(sizeof(*fresh)), *old = published;

	*fresh = (struct config){ version, 10 * version };
	rcu_assign_pointer(published, fresh);
	urcu_memb_synchronize_rcu();
	free(old);
}

/* Of this thread's own: others want the CPU, too. */
static int64_t
cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *
read_on(void *store)
{
	urcu_memb_register_thread();
	while (!fsy_atomic_i32_load(&stop))
		if (!((const struct store *)store)->is_whole())
			fsy_atomic_i32_add(&mixed, 1);
	urcu_memb_unregister_thread();
	return NULL;
}

int
main(void)
{
	struct store stores[] = { { "rwmutex", locked_is_whole, replace_locked }, { "liburcu", published_is_whole, replace_published } };

	urcu_memb_register_thread();
	for (struct store *store = stores; store < stores + 2; store++) {
		int64_t reading = 0, writing = 0;
		pthread_t reader;

		store->replace(0);
		fsy_atomic_i32_store(&stop, 0);
		if (pthread_create(&reader, NULL, read_on, store) != 0)
			return 1;
		for (int version = 1; version <= VERSIONS; version++) {
			writing -= fsy_now();
			store->replace(version);
			writing += fsy_now();
			reading -= cpu_ns();
			for (int i = 0; i < READS / VERSIONS; i++)
				if (!store->is_whole())
					fsy_atomic_i32_add(&mixed, 1);
			reading += cpu_ns();
		}
		fsy_atomic_i32_store(&stop, 1);
		pthread_join(reader, NULL);
		printf("%s: version %d, %d mixed\n", store->name, VERSIONS, fsy_atomic_i32_load(&mixed));
		fprintf(stderr, "%s: %.1f ns/read, %.1f us/version\n", store->name, (double)reading / READS, (double)writing / 1e3 / VERSIONS);
	}
	urcu_memb_unregister_thread();
	return 0;
}
