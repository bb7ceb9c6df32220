/* SPDX-License-Identifier: MIT */
/*
 * A mutex may be destroyed, and its page unmapped, as soon as the last unlock's effect is seen, even before that unlock has
 * returned. A late access to the object is a crash here, or found in what was written over it.
 */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/settings.h"
#include "test/support/worker.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#if SANITIZED && !THREAD_SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define __asan_poison_memory_region(address, size)   ((void)(address))
#define __asan_unpoison_memory_region(address, size) ((void)(address))
#endif

enum { PAGES = 128, MOST = 4, GARBAGE = 0xA5 };

/* Whoever finds itself the last to have had the lock does away with it, while the others may still be inside their unlock. */
struct page {
	fsy_mutex_t mutex;
	int visitors;
};

static char *pages;
static size_t page_size;
static int threads_count;
static fsy_atomic_u32 stop, gone;
static struct gate batch_begins = GATE("pages are mapped"), batch_ends = GATE("pages are unmapped");

static struct visitor {
	pthread_t thread;
	uint64_t random;
	int number;
} visitors[MOST];

static struct page *
page_at(int i)
{
	return (struct page *)(void *)(pages + (size_t)i * page_size);
}

/* Every other page is unmapped, which takes the kernel a while. The rest is overwritten, and with AddressSanitizer forbidden,
 * at once: that catches an unlock that is late by a few instructions. */
static bool
is_kept(const struct page *page)
{
	return (size_t)((const char *)page - pages) / page_size % 2 != 0;
}

static void
do_away_with(struct page *page)
{
	if (is_kept(page)) {
		memset(&page->mutex, GARBAGE, sizeof(page->mutex));
		__asan_poison_memory_region(&page->mutex, sizeof(page->mutex));
	} else {
		W_CHECK(munmap(page, page_size) == 0);
	}
	fsy_atomic_u32_add(&gone, 1);
}

/* When all have left. */
static void
inspect_kept(void)
{
	for (int i = 0; i < PAGES; i++) {
		struct page *page = page_at(i);

		if (!is_kept(page))
			continue;
		__asan_unpoison_memory_region(&page->mutex, sizeof(page->mutex));
		for (size_t k = 0; k < sizeof(page->mutex); k++)
			assert_int_equal(((unsigned char *)&page->mutex)[k], GARBAGE);
		assert_int_equal(munmap(page, page_size), 0);
	}
}

static void
visit(struct page *page, uint64_t random)
{
	bool last;

	if (random % 8 != 0 || fsy_mutex_lock_until(&page->mutex, fsy_after_ns((int64_t)(random >> 32) % 20000)) != 0)
		fsy_mutex_lock(&page->mutex);
	last = ++page->visitors == threads_count;
	if (random % 32 == 1)
		sched_yield();                           /* lets the others fall asleep */
	if (random % 16 < 2)
		fsy_mutex_unlock_fair(&page->mutex);
	else
		fsy_mutex_unlock(&page->mutex);
	if (last)
		do_away_with(page);
}

static void *
visit_all(void *arg)
{
	struct visitor *self = arg;

	for (;;) {
		gate_meet(&batch_begins, (unsigned)threads_count + 1);
		if (fsy_atomic_u32_load(&stop))
			return NULL;
		for (int i = 0; i < PAGES; i++)
			visit(page_at(i), test_random(&self->random));
		gate_meet(&batch_ends, (unsigned)threads_count + 1);
	}
}

static void
unmap_after_unlock(int count, uint32_t at_least, uint64_t *seed)
{
	fsy_deadline_t end = stress_until(2400, 2), limit = fsy_after_ms(TEST_PATIENCE_MS / 2);

	threads_count = count;
	fsy_atomic_u32_store(&stop, 0);
	fsy_atomic_u32_store(&gone, 0);
	for (int i = 0; i < count; i++) {
		visitors[i].random = test_random(seed);
		visitors[i].thread = worker_start(visit_all, &visitors[i]);
	}
	do {
		pages = mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(pages != MAP_FAILED);
		gate_meet(&batch_begins, (unsigned)count + 1);
		gate_meet(&batch_ends, (unsigned)count + 1);
		inspect_kept();
	} while (fsy_now() < end || (getenv("FASTSYNC_STRESS_MS") == NULL && fsy_atomic_u32_load(&gone) < at_least && fsy_now() < limit));
	fsy_atomic_u32_store(&stop, 1);
	gate_meet(&batch_begins, (unsigned)count + 1);
	for (int i = 0; i < count; i++)
		worker_join(visitors[i].thread);
	workers_assert();
	assert_int_equal(fsy_atomic_u32_load(&gone) % PAGES, 0);
	printf("%u pages, %d threads\n", fsy_atomic_u32_load(&gone), count);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

static void
test_unmap_after_unlock(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	unmap_after_unlock(2, SANITIZED ? 0 : 100000, &seed);
	unmap_after_unlock(4, 0, &seed);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_unmap_after_unlock),
};

int
main(int argc, char **argv)
{
	static const struct settings_group group = { "destruction under stress", tests, sizeof(tests) / sizeof(tests[0]), settings_fenced, 400 };

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	return settings_main(argc, argv, &group);
}
